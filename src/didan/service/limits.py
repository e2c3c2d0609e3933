"""What a service takes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What the page and the service take.

    Attributes:
        seconds: of a recording.
        megabytes: of an upload.
        waiting: requests that wait for an answer; further ones are turned away.
        timeout: seconds until a request must have arrived, and again until it must have been answered.
    """

    seconds: float = 600.0
    megabytes: float = 50.0
    waiting: int = 64
    timeout: float = 60.0

    @property
    def bytes(self) -> int:
        """Of an upload."""
        return int(self.megabytes * 1e6)
