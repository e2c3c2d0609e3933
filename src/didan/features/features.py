"""The features of a set of utterances, normalised, read from the store as needed."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from didan.corpora import Recordings
from didan.errors import DidanWarning
from didan.features.extraction import extract
from didan.features.frontend import FrontendSettings
from didan.features.normaliser import Normalisation, Statistics, statistics
from didan.features.store import Features
from didan.parallel import Progress

UNKNOWN = "unknown speakers"


@dataclass(frozen=True)
class FeatureSet:
    """Features of some utterances.

    ``features[i]`` gives those of utterance i, normalised, shape (frames, bands).

    Attributes:
        name: of the recordings.
        files: where each utterance's features are stored.
        groups: which of ``statistics`` normalises each utterance: its corpus, or its speaker.
        statistics: by group; empty if normalisation is none or per utterance.
        normalisation: which of these it is.
        contents: digest of each utterance's file and, where known, of its decoded audio.
    """

    name: str
    files: Sequence[Path]
    groups: Sequence[str]
    statistics: dict[str, Statistics]
    normalisation: Normalisation
    contents: pd.DataFrame

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Features:
        raw = self.raw(index)
        if self.normalisation == "none":
            return np.array(raw)
        if self.normalisation == "utterance":
            return statistics([raw]).apply(raw)
        return self.statistics[self.groups[index]].apply(raw)

    def raw(self, index: int) -> Features:
        """Features before normalisation, memory-mapped, shape (frames, bands)."""
        return _open(self.files[index])

    def lengths(self) -> list[int]:
        """The number of frames of each utterance."""
        return [len(self.raw(index)) for index in range(len(self))]

    def overall(self) -> Statistics:
        """Statistics over all utterances, whatever the normalisation: for recordings met later."""
        return statistics(self.raw(index) for index in range(len(self)))


@lru_cache(maxsize=20_000)
def _open(file: Path) -> Features:
    """Map a stored file; mapping takes longer than reading, so maps are kept, within the system's limit.

    A file's name says its content, so what is kept never goes stale.
    """
    features: Features = np.load(file, mmap_mode="r")
    return features


def load_features(
    recordings: Recordings,
    settings: FrontendSettings,
    normalisation: Normalisation,
    cache: Path,
    progress: Progress | None = None,
) -> FeatureSet:
    """The features of recordings as a network sees them: extracted where they are not yet, and normalised.

    Raises:
        UserError: see :func:`didan.features.extract`.
    """
    extracted = extract(recordings, settings, cache, progress=progress)
    return normalised(recordings, extracted.files, extracted.contents, normalisation)


def normalised(
    recordings: Recordings, files: Sequence[Path], contents: pd.DataFrame, normalisation: Normalisation
) -> FeatureSet:
    """Put stored features and their normalisation together; reads no labels.

    Where normalisation is per speaker, utterances of nobody knows whom count as one speaker's; a warning says so.
    """
    if normalisation == "speaker":
        unknown = int(recordings.table["speaker"].isna().sum())
        if unknown:
            warnings.warn(
                f"{recordings.name}: the speaker of {unknown} of {len(recordings)} utterances is unknown; "
                "they are normalised together, which costs much accuracy if they are several people's. "
                "Give a table with a column speaker",
                DidanWarning,
                stacklevel=2,
            )
        groups = [UNKNOWN if pd.isna(speaker) else str(speaker) for speaker in recordings.table["speaker"]]
    else:
        groups = [recordings.name] * len(recordings)
    by_group: dict[str, Statistics] = {}
    if normalisation in ("speaker", "corpus"):
        for group in sorted(set(groups)):
            members = [file for file, of in zip(files, groups, strict=True) if of == group]
            by_group[group] = statistics(_open(file) for file in members)
    return FeatureSet(recordings.name, files, groups, by_group, normalisation, contents)


def join(sets: Sequence[FeatureSet]) -> FeatureSet:
    """Several sets as one, each normalised by its own statistics."""
    return FeatureSet(
        " + ".join(one.name for one in sets),
        [file for one in sets for file in one.files],
        [f"{number}/{group}" for number, one in enumerate(sets) for group in one.groups],
        {f"{n}/{group}": found for n, one in enumerate(sets) for group, found in one.statistics.items()},
        sets[0].normalisation,
        pd.concat([one.contents for one in sets], ignore_index=True),
    )
