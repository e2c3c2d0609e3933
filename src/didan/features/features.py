"""The features of a set of utterances, and how they, or what a network makes of them, are normalised."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from didan.corpora import Recordings
from didan.features.extraction import extract
from didan.features.frontend import FrontendSettings, blocks_of
from didan.features.moods import mood, some_of_groups
from didan.features.normaliser import Block, Moments, NormalisationSettings, Normaliser, Statistics
from didan.features.voices import Voices, fit_voices
from didan.typing import Features, Floats, Labels, Progress, Utterances

if TYPE_CHECKING:
    from didan.features.line import Line

_IN_MEMORY = 256 << 20  # bytes
_STEPS = 127  # from the least value to the greatest


@dataclass(frozen=True)
class PackedFeatures:
    """Features before normalisation in one array, one utterance after the other, as a model can include them.

    Half precision loses up to 0.06 dB of a log-mel spectrogram and halves the size. In files they can be smaller
    still: bytes, of 128 levels between the least and the greatest value of a band. An eighth bit would be a
    hundredth of a standard deviation of functionals, and does not compress.

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

    def as_arrays(self, *, in_bytes: bool = False) -> dict[str, npt.NDArray[Any]]:
        """As files have them."""
        if not in_bytes:
            return {"frames": self.frames, "counts": self.counts}
        values = self.frames.astype(np.float32)
        least, greatest = values.min(axis=0), values.max(axis=0)
        step = np.where(greatest > least, (greatest - least) / _STEPS, 1).astype(np.float32)
        levels = np.rint((values - least) / step).astype(np.uint8)
        return {"frames": levels, "counts": self.counts, "least": least, "step": step}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "PackedFeatures":
        """From :meth:`as_arrays`.

        Raises:
            KeyError, ValueError: they are not all of that.
        """
        frames = arrays["frames"]
        if frames.dtype == np.uint8:
            least, step = arrays["least"], arrays["step"]
            if not least.shape == step.shape == frames.shape[1:]:
                raise ValueError(
                    f"{least.shape} levels and {step.shape} steps of features of shape {frames.shape}"
                )
            frames = (least + step * frames.astype(np.float32)).astype(np.float16)
        return cls(frames, arrays["counts"])


@dataclass(frozen=True, kw_only=True)
class Domain:
    """How the utterances of a domain are normalised.

    Attributes:
        groups: of each utterance, see :class:`didan.corpora.Recordings`; None or NaN where it is unknown.
        shrinkage: k of :mod:`didan.features.normaliser`.
        blocks: of a fusion, see :class:`didan.features.Normaliser`.
        voices: the kinds of voice that its statistics are told apart by, if any.
        fitted: the normaliser of another domain, such as that which a model was adapted to; fitted to the features
            themselves if None.
    """

    groups: Sequence[object]
    shrinkage: float
    blocks: tuple[Block, ...] = ()
    voices: Voices | None = None
    fitted: Normaliser | None = None

    def normalise(self, moments: Iterable[Moments]) -> tuple[Normaliser, list[Statistics]]:
        """The normaliser, and what each utterance is normalised with, given the moments of its features.

        They are gone through twice.
        """
        normaliser = self.fitted or Normaliser.fit(moments, self.shrinkage, self.blocks, self.voices)
        return normaliser, normaliser.statistics_by_group(moments, self.groups)


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """Normalised features of some utterances: ``features[i]`` has shape (frames, bands).

    Normalisers and statistics follow from the features and are computed when they are first asked for.

    Attributes:
        raw: features before normalisation.
        domains: one, or where sets were joined several, in the order of the utterances.
        contents: digest of each utterance's file and, where known, of its decoded audio; columns ``file``,
            ``audio``.
    """

    raw: Utterances
    domains: tuple[Domain, ...]
    contents: pd.DataFrame

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, index: int) -> Features:
        return self.statistics[index].apply(self.raw[index])

    @cached_property
    def _normalised(self) -> tuple[tuple[Normaliser, ...], list[Statistics]]:
        parts = [domain.normalise(_Moments(self.raw, own)) for domain, own in self._parts()]
        return tuple(normaliser for normaliser, _ in parts), [own for _, each in parts for own in each]

    @property
    def normalisers(self) -> tuple[Normaliser, ...]:
        """One for each domain."""
        return self._normalised[0]

    @property
    def statistics(self) -> list[Statistics]:
        """What each utterance is normalised with."""
        return self._normalised[1]

    def through(self, backbone: Callable[[Utterances], Features]) -> "FeatureSet":
        """What a backbone makes of the features, normalised in the same way.

        Args:
            backbone: maps utterances to one vector each, shape (n, d).

        >>> three = [np.array([[0.0, 2.0]]), np.array([[4.0, 4.0]]), np.array([[5.0, 1.0]])]
        >>> raw = FeatureSet(raw=three, domains=(Domain(groups="aab", shrinkage=0),), contents=pd.DataFrame())
        >>> raw.through(lambda utterances: np.stack([one.mean(axis=1) for one in utterances])).vectors()
        array([[-1.],
               [ 1.],
               [ 0.]])
        """
        return replace(self, raw=backbone(self.raw)[:, None])  # of one frame each

    def told_apart(self, voices: Voices | None) -> "FeatureSet":
        """The same, each domain normalised with the statistics of these kinds of voice, as they are in it."""
        if voices is None:
            return replace(self, domains=tuple(replace(domain, voices=None) for domain in self.domains))
        own = zip(self.domains, self.by_domain(voices.bands), strict=True)
        return replace(
            self, domains=tuple(replace(domain, voices=voices.within(described)) for domain, described in own)
        )

    def by_domain(self, bands: tuple[int, ...]) -> list[Features]:
        """Some raw features of the utterances of each domain, each of one frame, shape (n, n_bands)."""
        chosen = list(bands)
        return [np.stack([self.raw[index][0, chosen] for index in own]) for _, own in self._parts()]

    def _parts(self) -> Iterator[tuple[Domain, range]]:
        """Each domain, and which of the utterances are its."""
        first = 0
        for domain in self.domains:
            yield domain, range(first, first + len(domain.groups))
            first += len(domain.groups)

    @property
    def n_groups(self) -> int:
        """How many groups there are that are normalised by their own statistics."""
        return sum(pd.Series(list(domain.groups), dtype=object).nunique() for domain in self.domains)

    def ungrouped(self) -> "FeatureSet":
        """The same, normalised as utterances of no known group are."""
        return replace(self, domains=tuple(replace(own, groups=[None] * len(own.groups)) for own in self.domains))

    def _as_of_no_group(self) -> "FeatureSet":
        """The same, with the normalisers that it has."""
        own = zip(self.ungrouped().domains, self.normalisers, strict=True)
        return replace(self, domains=tuple(replace(domain, fitted=fitted) for domain, fitted in own))

    def in_memory(self) -> "FeatureSet":
        """The same, read once where an utterance is one vector and all have room; larger features stay on disk."""
        first = self.raw[0]
        if len(first) > 1 or len(self.raw) * first.nbytes > _IN_MEMORY:
            return self
        raw = [self.raw[index] for index in range(len(self.raw))]  # of spectrograms, too, the first may have one
        return replace(self, raw=np.stack(raw)) if all(len(own) == 1 for own in raw) else self

    def vectors(self, rows: Sequence[int] | None = None) -> Features:
        """All utterances, or some, each of one frame, shape (n, bands)."""
        return np.concatenate([self[int(index)] for index in (range(len(self)) if rows is None else rows)])


def pooled_vectors(features: Utterances) -> Floats:
    """One vector per utterance, shape (n, d): functionals as they are, others as mean and std over time."""
    utterances = [features[index] for index in range(len(features))]
    if all(len(frames) == 1 for frames in utterances):
        return np.concatenate(utterances)
    return np.stack([np.concatenate([frames.mean(axis=0), frames.std(axis=0)]) for frames in utterances])


class _Moments:
    """Moments of some utterances, made anew each time they are gone through."""

    def __init__(self, raw: Utterances, rows: range) -> None:
        self._raw, self._rows = raw, rows

    def __iter__(self) -> Iterator[Moments]:
        return (Moments.of(self._raw[index]) for index in self._rows)


class SelectedUtterances:
    """Some of the utterances, by number; each is fetched when it is asked for.

    >>> one, two = np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32)
    >>> SelectedUtterances([one, two], [1])[0]
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(self, utterances: Utterances, rows: Sequence[int]) -> None:
        self._utterances, self._rows = utterances, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Features:
        return self._utterances[self._rows[index]]


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
    *,
    ray: str | None = None,
    progress: Progress | None = None,
    line: "Line | None" = None,
) -> FeatureSet:
    """The features of a domain's recordings as a network sees them: extracted where they are not yet, and
    normalised.

    Args:
        recordings: the domain.
        frontend: its settings.
        normalisation: its settings.
        cache: folder of the features.
        ray: address of a cluster to make them on, see :func:`didan.features.extract`.
        progress: called after every utterance.
        line: that carries the recordings first, see :mod:`didan.features.line`.

    Raises:
        UserError: see :func:`didan.features.extract`.
    """
    extracted = extract(recordings, frontend, cache, ray=ray, progress=progress, line=line)
    return normalised(
        recordings, extracted.features, extracted.contents, normalisation, blocks=blocks_of(frontend)
    )


def normalised(
    recordings: Recordings,
    raw: Utterances,
    contents: pd.DataFrame,
    normalisation: NormalisationSettings,
    normaliser: Normaliser | None = None,
    blocks: tuple[Block, ...] = (),
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
    domain = Domain(
        groups=list(recordings.groups), shrinkage=normalisation.shrinkage, blocks=blocks, fitted=normaliser
    )
    return FeatureSet(raw=raw, domains=(domain,), contents=contents)


def join(sets: Sequence[FeatureSet]) -> FeatureSet:
    """Several domains as one set, each normalised by its own statistics."""
    if len(sets) == 1:
        return sets[0]
    return FeatureSet(
        raw=_Joined([part.raw for part in sets]),
        domains=tuple(domain for part in sets for domain in part.domains),
        contents=pd.concat([part.contents for part in sets], ignore_index=True),
    )


def voices_in(sets: Sequence[FeatureSet], bands: tuple[int, ...]) -> Voices | None:
    """The kinds of voice in sets together; None where there are none to tell.

    Args:
        sets: of one vector per utterance.
        bands: which features describe a voice; without any, nothing is read.
    """
    if not bands:
        return None
    return fit_voices([described for one in sets for described in one.by_domain(bands)], bands)


def mood_of_groups(source: FeatureSet, labels: Labels, target: FeatureSet) -> float:
    """How much groups of the target differ in mood, see :mod:`didan.features.moods`.

    Args:
        source: of one vector per utterance.
        labels: class index of each utterance.
        target: the same; its groups are those of all its domains.
    """
    groups = [group for domain in target.domains for group in domain.groups]
    sides = ((source, np.arange(len(source))), (target, some_of_groups(groups)))
    X_s, X_t = (side._as_of_no_group().vectors(rows.tolist()).astype(np.float64) for side, rows in sides)
    return mood(X_s, labels, X_t, [groups[row] for row in sides[1][1]])
