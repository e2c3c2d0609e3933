"""One run of a benchmark: a task, features, a method with its settings, a seed."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from didan.audio import Utterance
from didan.corpora import Corpus
from didan.errors import AudioError
from didan.features.fingerprints import Fingerprints
from didan.records import record_name


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a process does at a time: one method with its settings and a seed, on one task.

    Attributes:
        sources: names of the labelled corpora.
        target: name of the corpus without labels.
        features: input of the method: kind of the frontend, or ``pooled``, which for classical methods is mean and
            standard deviation of log-mel bands.
        name: of the method with these settings, as tables call it.
        method: the method.
        seed: of everything random.
        settings: everything that determines the result beside data and seed.
    """

    sources: tuple[str, ...]
    target: str
    features: str
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
    rows = [
        [name, *map(str, rest)]
        for name, *rest in zip(
            _names(corpus), table["start"], table["end"], table["speaker"], table["emotion"], strict=True
        )
    ]
    return _digest(rows)


def audio_digest(corpus: Corpus, fingerprints: Fingerprints) -> str:
    """The same for the content of the files behind the names.

    Args:
        corpus: the corpus.
        fingerprints: which know files that they have seen before, so that these need not be read again.
    """
    files = dict(zip(corpus.table["file"].map(str), _names(corpus), strict=True))
    contents = fingerprints.contents([Utterance(Path(file)) for file in files])
    return _digest(
        [
            [name, str(own).removeprefix(file) if isinstance(own, AudioError) else own.file]
            for (file, name), own in zip(files.items(), contents, strict=True)
        ]
    )


def _names(corpus: Corpus) -> list[str]:
    """Names of files below their common folder."""
    files = [str(file) for file in corpus.table["file"]]
    root = os.path.commonpath([str(Path(file).parent) for file in files])
    return [os.path.relpath(file, root) for file in files]


def _digest(rows: list[list[str]]) -> str:
    return hashlib.blake2b(json.dumps(sorted(rows)).encode(), digest_size=8).hexdigest()


def identity(run: Run, corpora: Mapping[str, str], audio: Mapping[str, str]) -> dict[str, Any]:
    """Settings, corpora and their audio, which a finished run and a planned one must share to be the same.

    Args:
        run: the run.
        corpora: the digest of each, by name.
        audio: the same of their audio.
    """
    names: Sequence[str] = sorted({*run.sources, run.target})
    return {
        "settings": dict(run.settings),
        "corpora": {name: corpora[name] for name in names},
        "audio": {name: audio[name] for name in names},
    }
