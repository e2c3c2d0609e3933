"""didan learns emotions from a labelled speech corpus and carries them over to recordings without labels."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from didan.api import Model, functionals, load, train
    from didan.corpora.loading import load_corpus, read_corpus, read_target
    from didan.errors import UserError
    from didan.model.config import Config, make_config

__version__ = "0.2.0"

__all__ = [
    "Config",
    "Model",
    "UserError",
    "functionals",
    "load",
    "load_corpus",
    "make_config",
    "read_corpus",
    "read_target",
    "train",
]

_HOME = {
    "Config": "didan.model.config",
    "Model": "didan.api",
    "UserError": "didan.errors",
    "functionals": "didan.api",
    "load": "didan.api",
    "load_corpus": "didan.corpora.loading",
    "make_config": "didan.model.config",
    "read_corpus": "didan.corpora.loading",
    "read_target": "didan.corpora.loading",
    "train": "didan.api",
}


def __getattr__(name: str) -> Any:
    """Import on first use: ``didan --help`` must not wait for torch and pandas."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'didan' has no attribute {name!r}")
