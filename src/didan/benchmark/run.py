"""One run of a benchmark: a task, features, a method with its settings, a seed."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from didan.corpora import Corpus

Features = Literal["spectrogram", "functionals", "pooled"]
"""Log-mel spectrograms, functionals, or mean and deviation of every log-mel band for classical methods."""


@dataclass(frozen=True)
class Run:
    """What one process does at a time.

    Attributes:
        sources: names of the labelled corpora.
        target: name of the corpus without labels.
        features: what the method sees.
        name: of the method with these settings, as it is called in tables.
        method: the method.
        settings: everything that determines the result beside data and seed.
        seed: of everything random.
    """

    sources: tuple[str, ...]
    target: str
    features: Features
    name: str
    method: str
    seed: int
    settings: Mapping[str, Any] = field(hash=False)

    @property
    def task(self) -> str:
        """The task in one word, ``emodb+casia-ravdess``."""
        return f"{'+'.join(self.sources)}-{self.target}"

    @property
    def file(self) -> Path:
        """Where its record lies, below the benchmark's folder."""
        return Path("runs") / self.task / f"{self.features}-{self.name}-{self.seed}.json"

    def __str__(self) -> str:
        return f"{'+'.join(self.sources)} -> {self.target}, {self.features}, {self.name}, seed {self.seed}"


def corpus_digest(corpus: Corpus) -> str:
    """What a corpus holds, in one short word: the same wherever on a disk it lies.

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
    """What a finished run must agree in with a planned one to stand for it."""
    corpora: Sequence[str] = sorted({*run.sources, run.target})
    return {"settings": dict(run.settings), "corpora": {name: digests[name] for name in corpora}}
