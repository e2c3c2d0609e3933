"""The folder beside a model directory that keeps what is needed to resume its training."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import yaml

from didan.errors import UserError, reason
from didan.yaml import parse_yaml


def _beside(out: Path) -> Path:
    return out.with_name(f"{out.name}.unfinished")


def refuse_existing(out: Path) -> None:
    """Refuse to write a model where something is.

    Raises:
        UserError: something is there.
    """
    if out.exists():
        raise UserError(f"--out {out} exists already; choose another name or delete it")


class Workspace:
    """``OUT.unfinished``, from the beginning of a training until its model directory is written.

    Args:
        out: the model directory to be.
        resume: whether an unfinished training may be continued.

    Raises:
        UserError: ``out`` exists; it cannot be written; an unfinished training is there and not to be resumed.
    """

    def __init__(self, out: Path, resume: bool) -> None:
        self.out = out
        self.folder = _beside(out)
        self.checkpoint = self.folder / "last.ckpt"
        refuse_existing(out)
        if self.checkpoint.exists() and not resume:
            raise UserError(
                f"{self.folder} holds an unfinished training; add --resume to continue it, or delete the folder"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "writable").touch()
            (self.folder / "writable").unlink()
        except OSError as error:
            raise UserError(f"cannot write --out {out} ({reason(error)})") from None

    @staticmethod
    def interrupted(out: Path) -> UserError:
        """What to say of a training to ``out`` that the user has interrupted."""
        left = _beside(out).exists()
        return UserError(
            f"interrupted; {'repeat the command with --resume to continue' if left else 'nothing was written'}"
        )

    def claim(self, identity: dict[str, Any]) -> None:
        """Note settings and data, or make sure that they are those of the training to resume.

        Raises:
            UserError: they are not.
        """
        note = self.folder / "run.yaml"
        if self.checkpoint.exists():
            before = parse_yaml(note.read_text(encoding="utf-8"))
            different = sorted(key for key in identity if before.get(key) != identity[key])
            if different:
                raise UserError(
                    f"{self.folder} was begun with other {' and '.join(different)}; "
                    "repeat the command that began it, or delete the folder"
                )
        note.write_text(yaml.safe_dump(identity, sort_keys=False), encoding="utf-8")

    def save(self, trainer: pl.Trainer) -> None:
        """Replace the checkpoint by the present state, whole or not at all.

        Raises:
            UserError: the disk is full, or the folder is gone.
        """
        partial = self.folder / "partial.ckpt"
        try:
            trainer.save_checkpoint(partial)
            partial.replace(self.checkpoint)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
            raise UserError(f"cannot write {self.folder} ({reason(error)})") from error

    def leave(self) -> None:
        """End without a model: keep the folder only if there is something to resume."""
        if not self.checkpoint.exists():
            shutil.rmtree(self.folder, ignore_errors=True)

    def clear(self) -> None:
        """Remove the folder once the model directory is written."""
        shutil.rmtree(self.folder)


@contextmanager
def unfinished(out: str | Path | None, resume: bool) -> Iterator[Workspace | None]:
    """The workspace of a training while it lasts, cleared if it ends well; None if nothing is to be written.

    Raises:
        UserError: see :class:`Workspace`.
    """
    if out is None:
        yield None
        return
    workspace = Workspace(Path(out), resume)
    try:
        yield workspace
    except BaseException:
        workspace.leave()
        raise
    workspace.clear()
