"""The features of a set of utterances, as networks and classical methods see them: normalised, read as needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from didan.corpora import Recordings
from didan.features.extraction import extract
from didan.features.frontend import FrontendSettings, blocks_of
from didan.features.normaliser import Moments, NormalisationSettings, Normaliser, Statistics
from didan.typing import Features, Floats, Progress, Utterances


@dataclass(frozen=True)
class StoredFeatures:
    """Features before normalisation, one file of the store per utterance, opened only while it is read."""

    files: Sequence[Path]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Features:
        features: Features = np.load(self.files[index])
        return features


@dataclass(frozen=True)
class PackedFeatures:
    """Features before normalisation in one array, one utterance after the other, as a model can include them.

    Half precision loses up to 0.06 dB of a log-mel spectrogram and halves the size.

    Attributes:
        frames: of all utterances, shape (n_frames, bands).
        counts: frames of each utterance, shape (n,).

    >>> packed = PackedFeatures.pack([np.ones((2, 3), np.float32), np.zeros((1, 3), np.float32)])
    >>> packed[1]
    array([[0., 0., 0.]], dtype=float32)
    """

    frames: npt.NDArray[np.float16]
    counts: npt.NDArray[np.int64]

    @classmethod
    def pack(cls, utterances: Utterances) -> "PackedFeatures":
        """Pack utterances, each of shape (frames, bands)."""
        all_of_them = [utterances[index] for index in range(len(utterances))]
        return cls(
            np.concatenate([features.astype(np.float16) for features in all_of_them]),
            np.array([len(features) for features in all_of_them], dtype=np.int64),
        )

    @cached_property
    def _ends(self) -> npt.NDArray[np.int64]:
        return np.cumsum(self.counts)

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, index: int) -> Features:
        end = int(self._ends[index])
        return self.frames[end - int(self.counts[index]) : end].astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """Normalised features of some utterances: ``features[i]`` has shape (frames, bands).

    Attributes:
        raw: features before normalisation.
        statistics: what each utterance is normalised with.
        contents: digest of each utterance's file and, where known, of its decoded audio; columns ``file``,
            ``audio``.
        normalisers: one for each domain, in order; several where sets were joined.
    """

    raw: Utterances
    statistics: Sequence[Statistics]
    contents: pd.DataFrame
    normalisers: tuple[Normaliser, ...]

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, index: int) -> Features:
        return self.statistics[index].apply(self.raw[index])

    def in_memory(self) -> Utterances:
        """The same, read and normalised once where an utterance is one vector; larger features stay on disk."""
        if len(self[0]) > 1:
            return self
        vectors = self.vectors()  # of spectrograms, too, the first may have one frame
        return vectors[:, None] if len(vectors) == len(self) else self

    def vectors(self) -> Features:
        """All utterances, each of one frame, shape (n, bands)."""
        return np.concatenate([self[index] for index in range(len(self))])


def pooled_vectors(features: Utterances) -> Floats:
    """One vector per utterance, shape (n, d): functionals as they are, others as mean and std over time."""
    utterances = [features[index] for index in range(len(features))]
    if all(len(frames) == 1 for frames in utterances):
        return np.concatenate(utterances)
    return np.stack([np.concatenate([frames.mean(axis=0), frames.std(axis=0)]) for frames in utterances])


class _Joined:
    def __init__(self, parts: Sequence[Utterances]) -> None:
        self._places = [(part, index) for part in parts for index in range(len(part))]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Features:
        part, place = self._places[index]
        return part[place]


def load_features(
    recordings: Recordings,
    frontend: FrontendSettings,
    normalisation: NormalisationSettings,
    cache: Path,
    progress: Progress | None = None,
) -> FeatureSet:
    """The features of a domain's recordings as a network sees them: extracted where they are not yet, and
    normalised.

    Raises:
        UserError: see :func:`didan.features.extract`.
    """
    extracted = extract(recordings, frontend, cache, progress=progress)
    return normalised(
        recordings, StoredFeatures(extracted.files), extracted.contents, normalisation, blocks=blocks_of(frontend)
    )


def normalised(
    recordings: Recordings,
    raw: Utterances,
    contents: pd.DataFrame,
    normalisation: NormalisationSettings,
    normaliser: Normaliser | None = None,
    blocks: tuple[int, ...] = (),
) -> FeatureSet:
    """Raw features of a domain with the statistics of its groups; reads no labels.

    Args:
        recordings: the domain, whose ``groups`` say which utterances belong together.
        raw: features of each of its utterances.
        contents: digests, see :class:`FeatureSet`.
        normalisation: its shrinkage is used.
        normaliser: of another domain, such as that which a model was adapted to; fitted to these utterances if
            None.
        blocks: of a fusion, see :class:`didan.features.Normaliser`; where there is no normaliser yet.
    """
    moments = [Moments.of(raw[index]) for index in range(len(raw))]
    if normaliser is None:
        normaliser = Normaliser(Moments.pooled(moments), normalisation.shrinkage, blocks)
    return FeatureSet(
        raw=raw,
        statistics=normaliser.statistics_by_group(moments, list(recordings.groups)),
        contents=contents,
        normalisers=(normaliser,),
    )


def join(sets: Sequence[FeatureSet]) -> FeatureSet:
    """Several domains as one set, each normalised by its own statistics."""
    if len(sets) == 1:
        return sets[0]
    return FeatureSet(
        raw=_Joined([part.raw for part in sets]),
        statistics=[statistics for part in sets for statistics in part.statistics],
        contents=pd.concat([part.contents for part in sets], ignore_index=True),
        normalisers=tuple(normaliser for part in sets for normaliser in part.normalisers),
    )
