"""Recordings that cannot be used, named on standard error while the others go on."""

import typer

from didan.cli.output import complain
from didan.errors import AudioError, SilentError, UserError


class Damage:
    """Names each, unless another process does, and remembers how many they were."""

    def __init__(self, *, silent: bool = False) -> None:
        self.n, self.silent = 0, silent

    def __call__(self, error: AudioError) -> None:
        """Name one with its reason; silence is no damage."""
        self.n += not isinstance(error, SilentError)
        if not self.silent:
            complain(f"didan: left out: {error}")

    def refuse(self, n_read: int | None = None) -> None:
        """End with exit code 2 if there were any, once everything else is done.

        Args:
            n_read: how many recordings could be read, where that is known.

        Raises:
            UserError: there were.
            Exit: there was one and nothing else, so all is said.
        """
        if self.n == 1 and n_read == 0:
            raise typer.Exit(2)
        if self.n:
            of = "" if n_read is None else f" of {self.n + n_read}"
            raise UserError(f"{self.n}{of} recordings could not be read; everything else is done")
