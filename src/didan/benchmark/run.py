"""One run of a benchmark: a task, features, a method with its settings, a seed."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from didan.corpora import Corpus
from didan.records import record_name

Features = Literal["spectrogram", "functionals", "pooled"]
"""Log-mel spectrograms, functionals, or, for classical methods, mean and standard deviation of log-mel bands."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a process does at a time: one method with its settings and a seed, on one task.

    Attributes:
        sources: names of the labelled corpora.
        target: name of the corpus without labels.
        features: input of the method.
        name: of the method with these settings, as tables call it.
        method: the method.
        seed: of everything random.
        settings: everything that determines the result beside data and seed.
    """

    sources: tuple[str, ...]
    target: str
    features: Features
    name: str
    method: str
    seed: int
    settings: Mapping[str, Any] = field(hash=False)

    @property
    def description(self) -> dict[str, Any]:
        """The fields of its record that say which run it is."""
        return {
            "task": {"sources": list(self.sources), "target": self.target},
            "features": self.features,
            "method": self.name,
            "base": self.method,
            "seed": self.seed,
        }

    @property
    def record_name(self) -> str:
        """See :func:`didan.records.record_name`."""
        return record_name(self.description)

    def __str__(self) -> str:
        return f"{'+'.join(self.sources)} -> {self.target}, {self.features}, {self.name}, seed {self.seed}"


def corpus_digest(corpus: Corpus) -> str:
    """A short word for the content of a corpus, the same wherever on a disk it lies.

    Names of files below their common folder, parts, speakers and emotions count; no audio is opened.
    """
    table = corpus.table
    root = os.path.commonpath([str(Path(str(file)).parent) for file in table["file"]])
    rows = [
        [os.path.relpath(str(file), root), *map(str, rest)]
        for file, *rest in zip(
            table["file"], table["start"], table["end"], table["speaker"], table["emotion"], strict=True
        )
    ]
    return hashlib.blake2b(json.dumps(sorted(rows)).encode(), digest_size=8).hexdigest()


def identity(run: Run, digests: Mapping[str, str]) -> dict[str, Any]:
    """Settings and corpora, which a finished run and a planned one must share to be the same."""
    corpora: Sequence[str] = sorted({*run.sources, run.target})
    return {"settings": dict(run.settings), "corpora": {name: digests[name] for name in corpora}}
