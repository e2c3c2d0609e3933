"""Writing a file whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
