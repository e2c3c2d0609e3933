"""The source once more, as the line of the target would have carried it; see :mod:`didan.features.line`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from didan.audio import read_audio
from didan.corpora import Recordings
from didan.features import (
    FeatureSet,
    Line,
    PackedFeatures,
    Spectra,
    join,
    line_between,
    load_features,
    suits,
)
from didan.model.config import Config
from didan.model.source import source_corpora, source_set
from didan.model.trained import CarriedFeatures, TrainedModel
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
        spectra: of the recordings of these sources.
    """

    features: FeatureSet
    rows: Labels
    lines: dict[str, Line]
    spectra: dict[str, Spectra]

    def packed(self) -> CarriedFeatures:
        """As a model of one source includes them; each of several would have a line of its own."""
        (line,), (spectra,) = self.lines.values(), self.spectra.values()
        return CarriedFeatures(features=PackedFeatures.pack(self.features.raw), line=line, spectra=spectra)


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
    if not config.hears_line:
        return None
    heard = spectra_of(target)
    made, rows, lines, spectra, first = [], [], {}, {}, 0
    for source in sources:
        own = spectra_of(source)
        if (line := line_between(own, heard)) is not None:
            made.append(
                load_features(
                    source,
                    config.frontend,
                    config.normalisation,
                    cache,
                    ray=ray,
                    progress=progress,
                    line=line,
                )
            )
            rows.append(np.arange(first, first + len(source)))
            lines[source.name], spectra[source.name] = line, own
        first += len(source)
    if not made:
        return None
    joined = join(made).in_memory().told_apart(features.domains[0].voices)
    return Carried(features=joined, rows=np.concatenate(rows), lines=lines, spectra=spectra)


def carried_before(
    model: TrainedModel, features: FeatureSet, target: Recordings, config: Config
) -> Carried | None:
    """The source of a model by the line of its former target, if the model includes that and it suits the new one.

    Args:
        model: the model.
        features: of its source, as it is.
        target: the target.
        config: all settings.

    Returns:
        None where it is not included, does not suit, or is not asked for.
    """
    included = model.source_index.carried
    if included is None or not config.hears_line:
        return None
    if not suits(included.line, included.spectra, spectra_of(target)):
        return None
    (name,) = {corpus.name for corpus in source_corpora(model)}
    by_line = source_set(replace(model, config=config), included.features)
    return Carried(
        features=by_line.in_memory().told_apart(features.domains[0].voices),
        rows=np.arange(len(by_line)),
        lines={name: included.line},
        spectra={name: included.spectra},
    )


def spectra_of(recordings: Recordings) -> Spectra:
    """What recordings sound like, by a hundred of their utterances.

    Raises:
        AudioError: one of these cannot be read.
    """
    count = len(recordings)
    some = np.unique(np.linspace(0, count - 1, min(count, _MEASURED)).astype(int))
    return Spectra.of(read_audio(*one[:4]) for one in recordings.rows(some.tolist()).utterances())
