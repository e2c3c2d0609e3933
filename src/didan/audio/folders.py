"""The recordings in a folder."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from didan.errors import AudioError, OnDamaged, UserError, reason

_NAMES = """
    wav wave bwf rf64 w64 flac mp3 mp2 mpga ogg oga opus spx m4a m4b aac adts aif aiff aifc au snd caf gsm amr awb
    3gp 3gpp 3g2 wma asf wv tta mpc ac3 eac3 dts voc sph nist qcp ra rm
    avi mp4 m4v mov qt mkv mka webm weba mpg mpeg vob ts mts m2ts flv f4v ogv
"""

AUDIO_SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
"""What audio in a folder is known by; files named one by one may be called anything."""


def find_audio(
    folder: Path,
    on_damaged: OnDamaged | None = None,
    on_passed_over: Callable[[str], None] | None = None,
) -> list[Path]:
    """All audio files below a folder, sorted; hidden files and folders are no part of it.

    Linked folders are followed, every folder once.

    Args:
        folder: the folder.
        on_damaged: called with the reason for a folder in it that cannot be read; if None that is an error.
        on_passed_over: called with a remark on files that are no audio by their names, if there are any.

    Raises:
        UserError: the folder is missing, is no folder, or holds no audio.
    """
    if not folder.exists():
        raise UserError(f"{folder} does not exist")
    if not folder.is_dir():
        raise UserError(f"{folder} is a file, not a folder")
    found: list[Path] = []
    others: Counter[str] = Counter()
    visited: set[tuple[int, int]] = set()

    def unreadable(error: OSError) -> None:
        damage = AudioError(f"{error.filename}: {reason(error)}")
        if on_damaged is None:
            raise damage
        on_damaged(damage)

    for root, folders, files in os.walk(folder.absolute(), onerror=unreadable, followlinks=True):
        state = Path(root).stat()
        if (state.st_dev, state.st_ino) in visited:
            folders.clear()
            continue
        visited.add((state.st_dev, state.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(root, name) for name in files if not name.startswith(".")):
            if path.suffix.lower() not in AUDIO_SUFFIXES:
                others[path.suffix.lower() or "no suffix"] += 1
            elif path.is_file() or not path.exists():  # no device; a link that leads nowhere is named when read
                found.append(path)
    if not found:
        raise UserError(f"{folder} holds no audio (looked for {' '.join(sorted(AUDIO_SUFFIXES))})")
    if others and on_passed_over is not None:
        kinds = ", ".join(f"{suffix} {count}" for suffix, count in others.most_common(5))
        more = ", ..." if len(others) > 5 else ""
        n_others = others.total()
        on_passed_over(
            f"{folder}: {n_others} of {n_others + len(found)} files are not named like audio and were passed over "
            f"({kinds}{more})"
        )
    return sorted(found)
