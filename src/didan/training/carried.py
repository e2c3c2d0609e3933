"""The source once more, as the line of the target would have carried it; see :mod:`didan.features.line`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from didan.audio import read_audio
from didan.corpora import Recordings
from didan.features import FeatureSet, Line, Spectra, join, line_between, load_features
from didan.model.config import Config
from didan.typing import Labels, Progress

_MEASURED = 100
"""Utterances of a domain that tell by what line it was carried."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """Source utterances as the line of the target would have carried them.

    Attributes:
        features: of these utterances.
        rows: number of each among all of the source, shape (n,).
        lines: by the names of the sources that were carried.
    """

    features: FeatureSet
    rows: Labels
    lines: dict[str, Line]


def carry(
    sources: Sequence[Recordings],
    features: FeatureSet,
    target: Recordings,
    config: Config,
    cache: Path,
    *,
    ray: str | None = None,
    progress: Progress | None = None,
) -> Carried | None:
    """Sources as the target's line would have carried them.

    Args:
        sources: the recordings of each, in order.
        features: of all of them, as they are; the kinds of voice are the same.
        target: the target.
        config: all settings.
        cache: folder for features.
        ray: address of a cluster to make them on, see :func:`didan.features.extract`.
        progress: called after every utterance.

    Returns:
        None where that line is no worse than those of the sources, or where none is asked for.

    Raises:
        AudioError: an utterance cannot be read.
        UserError: see :func:`didan.features.extract`.
    """
    if not (config.adapts and config.augmentation.line):
        return None
    heard = _spectra(target)
    made, rows, lines, first = [], [], {}, 0
    for source in sources:
        if (line := line_between(_spectra(source), heard)) is not None:
            made.append(
                load_features(
                    source, config.frontend, config.normalisation, cache, ray=ray, progress=progress, line=line
                )
            )
            rows.append(np.arange(first, first + len(source)))
            lines[source.name] = line
        first += len(source)
    if not made:
        return None
    joined = join(made).in_memory().told_apart(features.domains[0].voices)
    return Carried(features=joined, rows=np.concatenate(rows), lines=lines)


def _spectra(recordings: Recordings) -> Spectra:
    utterances = recordings.utterances()
    some = np.unique(np.linspace(0, len(utterances) - 1, min(len(utterances), _MEASURED)).astype(int))
    return Spectra.of(read_audio(*utterances[row][:4]) for row in some)
