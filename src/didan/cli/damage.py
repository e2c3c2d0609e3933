"""Recordings that cannot be used, named on standard error while the others go on."""

import sys

from didan.errors import AudioError, SilentError, UserError


class Damage:
    """Names each and remembers how many they were."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, error: AudioError) -> None:
        """Name one with its reason; silence is no damage."""
        self.n += not isinstance(error, SilentError)
        print(f"didan: left out: {error}", file=sys.stderr)

    def refuse(self) -> None:
        """End with exit code 2 if there were any, once everything else is done.

        Raises:
            UserError: there were.
        """
        if self.n:
            raise UserError(f"{self.n} recording{'s' * (self.n > 1)} could not be read; everything else is done")
