"""Which acoustic parameters carry emotion over from a model's source to other recordings.

Label regression that is sparse in families of parameters and inside them (:class:`didan.classical.aktlr.AKTLR`),
between the model's source and the recordings, says which ones the source needs; how far the two are apart in each
says which ones can be relied upon.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from didan.classical.aktlr import AKTLR
from didan.classical.cafs import feature_distances
from didan.classical.method import joined
from didan.corpora import Recordings
from didan.corpora.emotions import class_indices
from didan.errors import OnDamaged, UserError
from didan.features import Block, FunctionalsSettings, load_features, parts_of, readable
from didan.features.families import family
from didan.features.frontend import cached_frontend
from didan.model.trained import TrainedModel
from didan.training.sources import source_features
from didan.typing import Progress

SPARSITY = 0.2
"""Of the regression, as a fraction of what leaves nothing; ours: strong enough to leave most parameters out."""


def kept_parameters(
    model: TrainedModel,
    recordings: Recordings,
    cache: Path,
    *,
    search_paths: Sequence[Path] = (),
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
) -> pd.DataFrame:
    """Weight and distance of every acoustic parameter.

    Args:
        model: a model of functionals, alone or fused.
        recordings: utterances of the other domain; their labels, if any, are not read.
        cache: folder for features.
        search_paths: folders to look for the source's recordings in, if they were moved.
        progress: called after every utterance.
        on_damaged: called with the reason for an utterance that cannot be read or is silent, which is then left
            out; if None such utterances are an error.

    Returns:
        A row per functional: ``parameter``; ``family``; ``weight``, its share of the squared weights, 0 if it is
        left out; ``distance``, the 1-Wasserstein distance between source and recordings in deviations of the
        normalised parameter. The heaviest first.

    Raises:
        UserError: the model has no functionals; its source is not to be found.
    """
    config = model.config
    parts = parts_of(config.frontend)
    if not any(isinstance(part, FunctionalsSettings) for part in parts):
        raise UserError(
            f"a model of {config.frontend.kind} has no acoustic parameters to name; train one on functionals"
        )
    names = np.array(cached_frontend(config.frontend).feature_names)
    blocks = model.normaliser.blocks or (Block(len(names), 1.0),)
    widths = [block.width for block in blocks]
    scales = np.repeat([block.scale for block in blocks], widths)
    acoustic = np.repeat([isinstance(part, FunctionalsSettings) for part in parts], widths)
    names = names[acoustic]
    families = [family(name) for name in names]
    grouped = recordings.grouped(model.group, or_speaker=True)
    grouped = readable(grouped, config.frontend, cache, progress=progress, on_damaged=on_damaged)
    target = load_features(grouped, config.frontend, config.normalisation, cache)
    X_s, X_t = (
        (features.vectors().astype(np.float64) / scales)[:, acoustic]
        for features in (source_features(model, search_paths, cache), target.told_apart(model.normaliser.voices))
    )
    labels = class_indices(model.source_index.table, model.emotions)
    regression = AKTLR(sparsity=SPARSITY).fit(*joined(X_s, labels, X_t), families)
    squares = np.square(regression.P_).sum(axis=1)
    table = pd.DataFrame(
        {
            "parameter": names,
            "family": families,
            "weight": squares / squares.sum(),
            "distance": feature_distances(X_s, X_t),
        }
    )
    return table.sort_values("weight", ascending=False, kind="stable", ignore_index=True)


def by_family(parameters: pd.DataFrame) -> pd.DataFrame:
    """What :func:`kept_parameters` gives, in a row per ``family``.

    Returns:
        ``family``, ``parameters`` (how many there are), ``kept`` (how many have a weight), ``weight`` (their sum)
        and ``distance`` (the mean over those kept, of all where none is). The heaviest first.

    >>> rows = {"parameter": ["a", "b"], "family": ["pitch"] * 2, "weight": [1, 0], "distance": [0.5, 3]}
    >>> by_family(pd.DataFrame(rows))
      family  parameters  kept  weight  distance
    0  pitch           2     1       1       0.5
    """
    rows = []
    for name, own in parameters.groupby("family", sort=False):
        kept = own[own["weight"] > 0]
        distance = (kept if len(kept) else own)["distance"].mean()
        rows.append((name, len(own), len(kept), own["weight"].sum(), distance))
    table = pd.DataFrame(rows, columns=["family", "parameters", "kept", "weight", "distance"])
    return table.sort_values("weight", ascending=False, kind="stable", ignore_index=True)
