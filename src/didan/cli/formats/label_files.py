"""Files of labels: one per recording, named after it, each whole or not there."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from didan.cli.formats.labels import Labels
from didan.errors import UserError, reason


class LabelFile(NamedTuple):
    """A format with a file per recording: how the file's name ends, and its content."""

    suffix: str
    text: Callable[[Labels], str]

    def write(self, labels: Iterable[Labels], out: Path, recordings: Sequence[Path]) -> None:
        """Write the labels of recordings below a folder.

        Raises:
            UserError: a file is there already, which somebody may have corrected, or cannot be written.
        """
        from didan.files import written_whole

        files = {place: out / f"{name}{self.suffix}" for place, name in _names(recordings).items()}
        for file in files.values():
            if file.exists():
                raise UserError(f"{file} is there already; name another folder with --out, or remove it")
        for one in labels:
            file = files[_place(one.file)]
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UserError(f"cannot write to {file.parent} ({reason(error)})") from None
            with written_whole(file) as partial:
                partial.write_text(self.text(one), encoding="utf-8", newline="\n")


def _names(recordings: Sequence[Path]) -> dict[Path, Path]:
    """What to call each recording's labels: as the recording, in the folders that not all of them share.

    Where two recordings are parted by their suffixes alone, all names keep them.
    """
    places = list(dict.fromkeys(map(_place, recordings)))
    common = os.path.commonpath([place.parent for place in places]) if places else ""
    names = [place.relative_to(common) for place in places]
    short = [name.with_suffix("") for name in names]
    return dict(zip(places, short if len(set(short)) == len(short) else names, strict=True))


def _place(file: str | Path) -> Path:
    return Path(os.path.abspath(file))  # noqa: PTH100 - links stay as they are, .. does not
