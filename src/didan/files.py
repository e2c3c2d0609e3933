"""Files of settings, and writing a file whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from didan.errors import UserError, reason


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """A path beside ``file`` to write to; it takes the name of ``file`` once the block has ended well.

    Raises:
        UserError: the disk is full, or the folder cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written_whole(Path(folder) / "a.txt") as partial:
    ...         _ = partial.write_text("all of it")
    ...     [path.name for path in Path(folder).iterdir()]
    ['a.txt']
    """
    partial = file.with_name(f".{file.name}.partial")
    try:
        yield partial
        partial.replace(file)
    except OSError as error:
        raise UserError(f"cannot write {file} ({reason(error)})") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def read_yaml(file: Path, example: str) -> dict[str, Any]:
    """The settings in a YAML file; none if it is empty.

    Args:
        file: the file.
        example: of a line that it could have, for the message.

    Raises:
        UserError: it cannot be read, is not YAML, or holds something else.
    """
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: {(error.strerror or 'cannot be read').lower()}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: is not YAML ({' '.join(str(error).split())})") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise UserError(f"{file}: holds no settings; it should look like '{example}'")
    return data
