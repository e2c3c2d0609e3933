"""Normalisation of features by group: the statistics of a speaker, drawn towards those of voices like hers.

    m = w m_group + (1 - w) m_voice,    v = w v_group + (1 - w) v_voice,    w = n / (n + k)

m and v are mean and variance of a band over frames, n is the number of the group's utterances, and k
(``shrinkage``) is how many utterances it takes for a group to count half. A single clip of an unknown speaker
belongs to no group (n = 0) and gets the statistics of those utterances of the domain that are spoken in a voice of
its kind (see :mod:`didan.features.voices`), or, where features do not tell voices apart, of all; a speaker with a
hundred utterances gets nearly her own; nothing in between jumps. k = 0 is normalisation per speaker.

An utterance between two kinds of voice gets the means, and the deviations, of both, weighted by how probable each
is.

A group's own mean contains the speaker, whom one wants rid of, and her mood, which one wants to keep. With few
utterances, or utterances in one mood, the mood dominates: this is why the weight is below 1. Reads no labels. The
weight is that of an empirical Bayes estimate of a group's mean (James and Stein 1961); taking it for the variance
as well is ours.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from didan.features.voices import KINDS, Voices
from didan.typing import Features

KIND_SHRINKAGE = 5.0
"""The number of utterances with which the statistics of a kind of voice count as much as those of all."""

_CONSTANT = 1e-6  # of the mean: what single precision leaves of the variation of a constant
_NOTHING = 1e-12
_AT_ONCE = 4096

_Doubles = npt.NDArray[np.float64]


class NormalisationSettings(BaseModel):
    """How features are normalised.

    Attributes:
        group: what utterances are normalised together: those of one ``speaker``, one ``file``, one ``folder``, one
            value of a column of the user's own table, or all of a domain (``none``). Utterances whose group is
            unknown get the statistics of their kind of voice in the domain.
        shrinkage: k, the number of utterances with which a group's statistics count as much as the domain's.
        voices: whether the statistics of a domain are told apart by kind of voice, where features can tell.
        moods: whether groups are left alone where those of the target differ in mood, see
            :mod:`didan.features.moods`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str = Field("speaker", min_length=1)
    shrinkage: float = Field(20.0, ge=0, allow_inf_nan=False)
    voices: bool = True
    moods: bool = True

    def __str__(self) -> str:
        return "corpus" if self.group == "none" else f"{self.group}, k = {self.shrinkage:g}"


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of each band, single precision.

    Attributes:
        mean: by kind of voice, shape (n_kinds, bands); of all together, shape (1, bands), without ``voices``.
        std: the same.
        voices: which kind of voice an utterance is.
    """

    mean: npt.NDArray[np.float32]
    std: npt.NDArray[np.float32]
    voices: Voices | None = None

    def of(self, features: Features) -> tuple[Features, Features]:
        """Mean and deviation for an utterance of shape (frames, bands), each of shape (bands,)."""
        if self.voices is None:
            return self.mean[0], self.std[0]
        kinds = self.voices(features.mean(axis=0, keepdims=True))[0].astype(np.float32)
        return kinds @ self.mean, kinds @ self.std

    def apply(self, features: Features) -> Features:
        """An utterance in standard deviations from the mean, shape (frames, bands) as before."""
        mean, std = self.of(features)
        return (features - mean) / std


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
    mean: _Doubles
    variance: _Doubles

    @classmethod
    def of(cls, features: Features) -> "Moments":
        """Those of one utterance, shape (frames, bands)."""
        if len(features) == 1:
            mean: _Doubles = features[0].astype(np.float64)
            return cls(1, 1, mean, np.zeros_like(mean))
        return cls(
            1, len(features), features.mean(axis=0, dtype=np.float64), features.var(axis=0, dtype=np.float64)
        )

    @classmethod
    def pooled(cls, parts: Iterable["Moments"]) -> "Moments":
        """Those of several sets of utterances together, at least one; they count by their frames.

        However many there are, a few thousand are in memory at a time.

        >>> Moments.pooled([Moments.of(np.array([[0.0, 5.0]])), Moments.of(np.array([[2.0, 5.0]]))])
        Moments(n_utterances=2, n_frames=2, mean=array([1., 5.]), variance=array([1., 0.]))
        """
        some = [cls._pooled(chunk) for chunk in _chunks(parts)]
        return some[0] if len(some) == 1 else cls._pooled(some)

    @classmethod
    def _pooled(cls, parts: Iterable["Moments"]) -> "Moments":
        parts, frames = _ordered(parts)
        mean, variance = _weighted(parts, frames)
        return cls(sum(part.n_utterances for part in parts), int(frames.sum()), mean, variance)

    def std(self) -> _Doubles:
        """Deviations as normalisation divides by them: 1 for a band that never varies, which becomes 0."""
        std: _Doubles = np.sqrt(self.variance)
        std[std <= _CONSTANT * np.maximum(np.abs(self.mean), 1)] = 1
        return std


def _chunks(parts: Iterable[Moments]) -> Iterator[list[Moments]]:
    """A few thousand at a time; within them the order plays no part."""
    parts = iter(parts)
    while chunk := list(islice(parts, _AT_ONCE)):
        yield chunk


def _ordered(parts: Iterable[Moments]) -> tuple[list[Moments], _Doubles]:
    """The parts in an order that depends on nothing but them, as sums do in the last bit; and their frames."""
    ordered = sorted(parts, key=lambda part: (part.n_frames, part.mean.tobytes(), part.variance.tobytes()))
    return ordered, np.array([part.n_frames for part in ordered], dtype=np.float64)


def _weighted(parts: Sequence[Moments], weights: _Doubles) -> tuple[_Doubles, _Doubles]:
    """Mean and variance of several sets, each with a weight."""
    means = np.stack([part.mean for part in parts])
    mean: _Doubles = weights @ means / weights.sum()
    # Variance within plus variance between, which loses no digits where the mean is large.
    spread = np.stack([part.variance for part in parts]) + np.square(means - mean)
    return mean, weights @ spread / weights.sum()


class Block(NamedTuple):
    """The features of one part of a fusion: how many, and what they are multiplied by once normalised."""

    width: int
    scale: float


@dataclass(frozen=True)
class Normaliser:
    """Normalises the utterances of one domain.

    Attributes:
        domain: moments of the domain, that is of a source corpus, or of the target that a model was adapted to:
            for each kind of voice, or of all.
        shrinkage: k.
        blocks: of a fusion, empty without; see :mod:`didan.features.fusion`.
        voices: the kinds of voice, None if the domain is not told apart.
    """

    domain: tuple[Moments, ...]
    shrinkage: float
    blocks: tuple[Block, ...] = ()
    voices: Voices | None = None

    @classmethod
    def fit(
        cls,
        moments: Iterable[Moments],
        shrinkage: float,
        blocks: tuple[Block, ...] = (),
        voices: Voices | None = None,
    ) -> "Normaliser":
        """One for the domain that some utterances, at least one, are, given the moments of each.

        A kind of voice that few of them are of is drawn towards all of them, as a small group is.
        """
        if voices is None:
            return cls((Moments.pooled(moments),), shrinkage, blocks)
        parts: list[Moments] = []
        by_kind: list[list[_Share]] = [[] for _ in range(KINDS)]
        for chunk in _chunks(moments):
            ordered, frames = _ordered(chunk)
            parts.append(Moments.pooled(ordered))
            for own, shares in zip(by_kind, voices(np.stack([one.mean for one in ordered])).T, strict=True):
                own.append(_Share.of(ordered, frames * np.maximum(shares, _NOTHING), float(shares.sum())))
        pooled = Moments.pooled(parts)
        kinds = [own[0] if len(own) == 1 else _Share.together(own) for own in by_kind]
        drawn = tuple(_drawn(own.moments, pooled, own.n / (own.n + KIND_SHRINKAGE)) for own in kinds)
        return cls(drawn, shrinkage, blocks, voices)

    def statistics(self, group: Moments | None = None) -> Statistics:
        """What utterances of a group are normalised with; those of the domain if the group is None.

        >>> domain = Moments(50, 50, np.array([0.0]), np.array([4.0]))
        >>> Normaliser((domain,), shrinkage=10).statistics(Moments(10, 10, np.array([2.0]), np.array([2.0])))
        Statistics(mean=array([[1.]], dtype=float32), std=array([[1.7320508]], dtype=float32), voices=None)
        """
        kinds = self.domain
        if group is not None:
            weight = group.n_utterances / (group.n_utterances + self.shrinkage)
            kinds = tuple(_drawn(group, kind, weight) for kind in kinds)
        mean = np.stack([kind.mean for kind in kinds]).astype(np.float32)
        std = np.stack([kind.std() for kind in kinds]).astype(np.float32)
        if self.blocks:  # of a fusion, which are multiplied by their scales as well
            widths, scales = zip(*self.blocks, strict=True)
            std /= np.repeat(np.array(scales, dtype=np.float32), widths)
        return Statistics(mean, std, self.voices)

    def to_dict(self) -> dict[str, Any]:
        """For a file; see :meth:`from_dict`."""
        voices = self.voices
        return {
            "shrinkage": self.shrinkage,
            "blocks": [list(block) for block in self.blocks],
            "domain": [
                {
                    "utterances": kind.n_utterances,
                    "frames": kind.n_frames,
                    "mean": kind.mean.tolist(),
                    "variance": kind.variance.tolist(),
                }
                for kind in self.domain
            ],
            "voices": None
            if voices is None
            else {
                "bands": list(voices.bands),
                "weights": voices.weights.tolist(),
                "bias": voices.bias.tolist(),
                "centre": voices.centre.tolist(),
            },
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Normaliser":
        """Back from a file.

        Raises:
            KeyError, TypeError, ValueError: it does not hold one.

        >>> normaliser = Normaliser((Moments(2, 9, np.array([0.5]), np.array([2.0])),), 20.0, (Block(1, 0.5),))
        >>> Normaliser.from_dict(normaliser.to_dict()) == normaliser
        True
        """
        voices = content["voices"]
        normaliser = cls(
            tuple(
                Moments(
                    int(kind["utterances"]),
                    int(kind["frames"]),
                    np.array(kind["mean"], dtype=np.float64),
                    np.array(kind["variance"], dtype=np.float64),
                )
                for kind in content["domain"]
            ),
            float(content["shrinkage"]),
            tuple(Block(int(width), float(scale)) for width, scale in content["blocks"]),
            None
            if voices is None
            else Voices(
                tuple(map(int, voices["bands"])),
                np.array(voices["weights"], dtype=np.float64),
                np.array(voices["bias"], dtype=np.float64),
                np.array(voices["centre"], dtype=np.float64),
            ),
        )
        normaliser._refuse_nonsense()
        return normaliser

    def _refuse_nonsense(self) -> None:
        """Refuse what no domain has.

        Raises:
            ValueError: parts do not fit together, or numbers are none.
        """
        if not self.domain or self.domain[0].mean.ndim != 1:
            raise ValueError("a normaliser has no domain")
        width, voices = self.width, self.voices
        arrays: list[npt.NDArray[Any]] = [array for kind in self.domain for array in (kind.mean, kind.variance)]
        if any(array.shape != (width,) for array in arrays):
            raise ValueError("means and variances of a normaliser are not of one length")
        if self.blocks and (sum(block.width for block in self.blocks) != width or min(self.blocks).width < 1):
            raise ValueError("the parts of a normaliser's features are not as many as these")
        if voices is not None:
            arrays += [voices.weights, voices.bias, voices.centre]
            n_kinds, n_bands = len(self.domain), len(voices.bands)
            shapes = (voices.weights.shape, voices.bias.shape, voices.centre.shape)
            if shapes != ((n_kinds, n_bands), (n_kinds,), (n_bands,)) or not set(voices.bands) <= set(
                range(width)
            ):
                raise ValueError("kinds of voice of a normaliser do not fit its features")
        elif len(self.domain) > 1:
            raise ValueError("a normaliser has several domains and no kinds of voice")
        scales = [self.shrinkage, *(block.scale for block in self.blocks)]
        if not all(np.isfinite(array).all() for array in [*arrays, np.array(scales)]):
            raise ValueError("a normaliser holds numbers that are none")
        # No utterance need be of a kind of voice, but of one of the kinds.
        frames = [kind.n_frames for kind in self.domain]
        if self.shrinkage < 0 or min(frames) < 0 or sum(frames) < 1:
            raise ValueError("a normaliser holds a negative weight, or a domain of nothing")
        if any((kind.variance < 0).any() for kind in self.domain):
            raise ValueError("a normaliser holds a negative variance")

    @property
    def width(self) -> int:
        """How many features it is for."""
        return len(self.domain[0].mean)

    def statistics_by_group(self, moments: Iterable[Moments], groups: Sequence[object]) -> list[Statistics]:
        """What each of some utterances is normalised with.

        Args:
            moments: of each utterance.
            groups: the group of each; None or NaN where it is unknown.
        """
        names = [None if group != group else group for group in groups]
        by_group: dict[object, Statistics] = {None: self.statistics()}
        if set(names) - {None}:
            pooled: dict[object, Moments] = {}
            remaining = iter(names)
            for chunk in _chunks(moments):
                members: dict[object, list[Moments]] = {}
                for own, name in zip(chunk, remaining, strict=False):
                    members.setdefault(name, []).append(own)
                for name in members.keys() - {None}:
                    parts = [pooled[name], *members[name]] if name in pooled else members[name]
                    pooled[name] = Moments.pooled(parts)
            by_group |= {name: self.statistics(own) for name, own in pooled.items()}
        return [by_group[name] for name in names]


class _Share(NamedTuple):
    """What a kind of voice has of some utterances: how many, the sum of their weights, and their moments."""

    n: float
    weight: float
    moments: Moments

    @classmethod
    def of(cls, parts: Sequence[Moments], weights: _Doubles, n: float) -> "_Share":
        """Of sets of utterances, each with a weight."""
        weight = float(weights.sum())
        return cls(n, weight, Moments(round(n), round(weight), *_weighted(parts, weights)))

    @classmethod
    def together(cls, shares: Sequence["_Share"]) -> "_Share":
        """Several shares as one."""
        weights = np.array([own.weight for own in shares])
        return cls.of([own.moments for own in shares], weights, sum(own.n for own in shares))


def _drawn(group: Moments, towards: Moments, weight: float) -> Moments:
    """The moments of a group, drawn towards others."""
    mean, variance = (
        weight * own + (1 - weight) * other
        for own, other in ((group.mean, towards.mean), (group.variance, towards.variance))
    )
    return Moments(group.n_utterances, group.n_frames, mean, variance)
