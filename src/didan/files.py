"""Files of settings, JSON, and writing a file whole or not at all."""

import json
import math
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from didan.errors import UserError, reason, shortened
from didan.yaml import parse_yaml

_MAX_LINKS = 40


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """A path beside ``file`` to write to; it takes the name of ``file`` once the block has ended well.

    A link stays, and the file that it leads to is replaced. What is no file, such as ``/dev/stdout`` or a pipe, is
    written to in the end.

    Raises:
        UserError: the disk is full, the folder cannot be written, or ``file`` is a folder.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written_whole(Path(folder) / "a.txt") as partial:
    ...         _ = partial.write_text("all of it")
    ...     [path.name for path in Path(folder).iterdir()]
    ['a.txt']
    """
    partial = None
    try:
        descriptor, place = _descriptor(file), Path(os.path.realpath(file))
        if descriptor is None and place.is_dir():
            raise UserError(f"cannot write {file}: it is a folder")
        if descriptor is not None or (place.exists() and not place.is_file()):
            with tempfile.TemporaryDirectory() as folder:
                written = Path(folder) / file.name
                yield written
                sys.stdout.flush()
                with file.open("wb") if descriptor is None else os.fdopen(os.dup(descriptor), "wb") as stream:
                    stream.write(written.read_bytes())
            return
        partial = place.with_name(f".{place.name}.partial")
        yield partial
        partial.replace(place)
    except OSError as error:
        raise UserError(f"cannot write {file} ({reason(error)})") from error
    finally:
        if partial is not None:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def _descriptor(file: Path) -> int | None:
    """The open file of this process that a name stands for, as ``/dev/stdout`` does, if it stands for one.

    Opening it by its name would begin at its start again.
    """
    path = file.absolute()
    for _ in range(_MAX_LINKS):
        if match := re.fullmatch(r"(?:/proc/self|/proc/thread-self|/dev)/fd/(\d+)", str(path)):
            return int(match[1])
        if not path.is_symlink():
            break
        path = Path(os.path.normpath(path.parent / path.readlink()))
    return None


def as_json(value: Any, indent: int | None = None) -> str:
    """JSON with null for NaN and infinities, which JSON has no words for.

    >>> as_json({"uar": float("nan"), "interval": [0.5, float("inf")]})
    '{"uar": null, "interval": [0.5, null]}'
    """

    def finite(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {key: finite(inner) for key, inner in part.items()}
        if isinstance(part, list | tuple):
            return [finite(inner) for inner in part]
        return None if isinstance(part, float) and not math.isfinite(part) else part

    return json.dumps(finite(value), indent=indent, ensure_ascii=False, allow_nan=False)


def refuse_unnamed(data: Any) -> None:
    """Make sure that everything in nested settings has a name.

    Raises:
        ValueError: there is a key that is no text, as ``1`` or ``on`` are none without quotes.
    """
    for part in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        refuse_unnamed(part)
    if isinstance(data, dict) and (wrong := [key for key in data if not isinstance(key, str)]):
        raise ValueError(f"{shortened(wrong[0])} is no name of a setting; put it in quotes if it is meant as text")


def read_yaml(file: Path, example: str) -> dict[str, Any]:
    """The settings in a YAML file; none if it is empty.

    Args:
        file: the file.
        example: of a line that it could have, for the message.

    Raises:
        UserError: it cannot be read, is not YAML, or holds something else.
    """
    try:
        data = parse_yaml(file.read_text(encoding="utf-8"))
        refuse_unnamed(data)
    except OSError as error:
        raise UserError(f"{file}: {reason(error)}") from None
    except ValueError as error:
        raise UserError(f"{file}: is not YAML that can be read ({error})") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise UserError(f"{file}: holds no settings; it should look like '{example}'")
    return data
