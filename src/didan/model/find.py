"""Where a model is that somebody names: a folder, one that ships with didan, or one on the Hugging Face Hub."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from didan.errors import UserError, suggest
from didan.snapshots import could_be_hub_id, snapshot
from didan.yaml import parse_yaml

_FOLDER = Path(__file__).with_name("shipped")

SHIPPED: dict[str, Path] = {
    folder.name: folder for folder in sorted(_FOLDER.glob("*")) if (folder / "config.yaml").is_file()
}
"""Models that come with didan, by name."""

_FILES = (
    "config.yaml",
    "*.safetensors",
    "*.csv",
    "model-card.md",
    "encoders/*/*.json",
    "encoders/*/*.safetensors",
)
_WAY_OUT = "download it where there is a network and give its folder"


def find_model(name: str | Path) -> Path:
    """The folder of a model.

    Args:
        name: a folder that ``didan train`` has written; ``base``, unless a folder is called so; or the id of a
            repository on the hub, ``owner/name`` or ``owner/name@REVISION``. Only safetensors and tables are
            downloaded, and nothing in them is executed.

    Raises:
        UserError: there is none; the hub cannot be reached.

    >>> find_model("base").name
    'base'
    """
    folder = Path(name).expanduser()
    if folder.exists():
        if (folder / "config.yaml").is_file():
            return folder
        if folder.suffix == ".onnx" and folder.is_file():
            raise UserError(
                f"model {folder} is an exported model, which didan predict takes; this needs the folder that it "
                "was exported from"
            )
        what = "holds no model (no config.yaml)" if folder.is_dir() else "is a file"
        raise UserError(f"model {folder} {what}; give {_KINDS}")
    if str(name) in SHIPPED:
        return SHIPPED[str(name)]
    repository, _, revision = str(name).partition("@")
    # A folder beside others that is mistyped is no repository.
    if "/" in repository and could_be_hub_id(repository) and not folder.parent.is_dir():
        return snapshot("model", repository, revision or None, _FILES, extra="hub", way_out=_WAY_OUT)
    raise UserError(f"model {name} does not exist; give {_KINDS} ({suggest(str(name), SHIPPED)})")


_KINDS = "a folder that didan train has written, a model that ships with didan, or owner/name on the hub"


@dataclass(frozen=True)
class Summary:
    """What a model's directory says about it at a glance.

    Attributes:
        emotions: what it predicts.
        sources: the corpora it was trained on.
        target: what it was adapted to, empty if to nothing.
        evaluations: UAR by what it was evaluated on.
    """

    emotions: tuple[str, ...]
    sources: str
    target: str
    evaluations: dict[str, float]


def summary(folder: Path) -> Summary | None:
    """What a directory says about its model, without loading it; None if it holds none."""
    try:
        content = parse_yaml((folder / "config.yaml").read_text(encoding="utf-8"))
        record = content["record"]
        adapts = content["config"]["method"] != "source-only"
        return Summary(
            emotions=tuple(content["emotions"]),
            sources=", ".join(record["sources"]),
            target=record["target"] if adapts else "",
            evaluations={on: float(found["uar"]) for on, found in record.get("evaluations", {}).items()},
        )
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return None


def is_adapted(method: str, sources: Sequence[str], target: str) -> bool:
    """Whether a model knows more than its source.

    Args:
        method: that it was trained with.
        sources: names of the corpora that it has learnt from.
        target: of what it was adapted to, if only by its statistics.

    >>> is_adapted("source-only", ["emodb"], "emodb")
    False
    """
    return method != "source-only" or list(sources) != [target]
