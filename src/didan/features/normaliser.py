"""Normalisation of features by group: the statistics of a speaker, drawn towards those of her domain.

    m = w m_group + (1 - w) m_domain,    v = w v_group + (1 - w) v_domain,    w = n / (n + k)

m and v are mean and variance of a band over frames, n is the number of the group's utterances, and k
(``shrinkage``) is how many utterances it takes for a group to count half. A single clip of an unknown speaker
belongs to no group (n = 0) and gets the statistics of the domain; a speaker with a hundred utterances gets nearly
her own; nothing in between jumps. k = 0 is normalisation per speaker, and an infinite k, or no groups, is
normalisation per corpus.

A group's own mean contains the speaker, whom one wants rid of, and her mood, which one wants to keep. With few
utterances, or utterances in one mood, the mood dominates: this is why the weight is below 1. Reads no labels. The
weight is that of an empirical Bayes estimate of a group's mean (James and Stein 1961); taking it for the variance
as well is ours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from didan.typing import Features, Utterances

_CONSTANT = 1e-6  # of the mean: what single precision leaves of the variation of a constant


class NormalisationSettings(BaseModel):
    """How features are normalised.

    Attributes:
        group: what utterances are normalised together: those of one ``speaker``, one ``file``, one ``folder``, one
            value of a column of the user's own table, or all of a domain (``none``). Utterances whose group is
            unknown get the statistics of the domain.
        shrinkage: k, the number of utterances with which a group's statistics count as much as the domain's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str = Field("speaker", min_length=1)
    shrinkage: float = Field(20.0, ge=0, allow_inf_nan=False)

    def __str__(self) -> str:
        return "corpus" if self.group == "none" else f"{self.group}, k = {self.shrinkage:g}"


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of each band, shape (bands,), single precision."""

    mean: npt.NDArray[np.float32]
    std: npt.NDArray[np.float32]

    def apply(self, features: Features) -> Features:
        """Features in standard deviations from the mean, shape (frames, bands) as before."""
        return (features - self.mean) / self.std


@dataclass(frozen=True)
class Moments:
    """Mean and variance of each band over the frames of some utterances.

    Attributes:
        n_utterances: how many there are.
        n_frames: in all.
        mean: shape (bands,), double precision.
        variance: shape (bands,).
    """

    n_utterances: int
    n_frames: int
    mean: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]

    @classmethod
    def of(cls, features: Features) -> "Moments":
        """Those of one utterance, shape (frames, bands)."""
        return cls(
            1, len(features), features.mean(axis=0, dtype=np.float64), features.var(axis=0, dtype=np.float64)
        )

    @classmethod
    def pooled(cls, parts: Iterable["Moments"]) -> "Moments":
        """Those of several sets of utterances together, at least one.

        >>> Moments.pooled([Moments.of(np.array([[0.0, 5.0]])), Moments.of(np.array([[2.0, 5.0]]))])
        Moments(n_utterances=2, n_frames=2, mean=array([1., 5.]), variance=array([1., 0.]))
        """
        # Sums depend on their order in the last bit, which may depend on nothing but the parts.
        parts = sorted(parts, key=lambda part: (part.n_frames, part.mean.tobytes(), part.variance.tobytes()))
        frames = np.array([part.n_frames for part in parts])
        means = np.stack([part.mean for part in parts])
        mean = frames @ means / frames.sum()
        # Variance within plus variance between, which loses no digits where the mean is large.
        spread = np.stack([part.variance for part in parts]) + np.square(means - mean)
        return cls(
            sum(part.n_utterances for part in parts), int(frames.sum()), mean, frames @ spread / frames.sum()
        )

    def statistics(self) -> Statistics:
        """As normalisation applies them; a band that never varies gets a standard deviation of 1 and becomes 0."""
        std = np.sqrt(self.variance)
        std[std <= _CONSTANT * np.maximum(np.abs(self.mean), 1)] = 1
        return Statistics(self.mean.astype(np.float32), std.astype(np.float32))


class Block(NamedTuple):
    """The features of one part of a fusion: how many, and what they are multiplied by once normalised."""

    width: int
    scale: float


@dataclass(frozen=True)
class Normaliser:
    """Normalises the utterances of one domain.

    Attributes:
        domain: moments of the domain, that is of a source corpus, or of the target that a model was adapted to.
        shrinkage: k.
        blocks: of a fusion, empty without; see :mod:`didan.features.fusion`.
    """

    domain: Moments
    shrinkage: float
    blocks: tuple[Block, ...] = ()

    @classmethod
    def fit(cls, features: Utterances, shrinkage: float, blocks: tuple[Block, ...] = ()) -> "Normaliser":
        """One for the domain that these utterances, at least one, are."""
        return cls(
            Moments.pooled(Moments.of(features[index]) for index in range(len(features))), shrinkage, blocks
        )

    def statistics(self, group: Moments | None = None) -> Statistics:
        """What utterances of a group are normalised with; those of the domain if the group is None.

        >>> domain = Moments(50, 50, np.array([0.0]), np.array([4.0]))
        >>> Normaliser(domain, shrinkage=10).statistics(Moments(10, 10, np.array([2.0]), np.array([2.0])))
        Statistics(mean=array([1.], dtype=float32), std=array([1.7320508], dtype=float32))
        """
        if group is None:
            return self._scaled(self.domain.statistics())
        weight = group.n_utterances / (group.n_utterances + self.shrinkage)
        drawn = Moments(
            group.n_utterances,
            group.n_frames,
            weight * group.mean + (1 - weight) * self.domain.mean,
            weight * group.variance + (1 - weight) * self.domain.variance,
        )
        return self._scaled(drawn.statistics())

    def _scaled(self, statistics: Statistics) -> Statistics:
        """Statistics that multiply the blocks of a fusion by their scales as well."""
        if not self.blocks:
            return statistics
        widths, scales = zip(*self.blocks, strict=True)
        each = np.repeat(np.array(scales, dtype=np.float32), widths)
        return Statistics(statistics.mean, statistics.std / each)

    def statistics_by_group(self, moments: Sequence[Moments], groups: Sequence[object]) -> list[Statistics]:
        """What each of some utterances is normalised with.

        Args:
            moments: of each utterance.
            groups: the group of each; None or NaN where it is unknown.
        """
        names = [None if group != group else group for group in groups]
        members: dict[object, list[Moments]] = {}
        for name, own in zip(names, moments, strict=True):
            members.setdefault(name, []).append(own)
        by_group = {
            name: self.statistics(None if name is None else Moments.pooled(parts))
            for name, parts in members.items()
        }
        return [by_group[name] for name in names]
