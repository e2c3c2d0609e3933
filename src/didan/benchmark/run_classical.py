"""A run of a classical method on one vector per utterance."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from didan.benchmark.record_fields import describe_evaluation, describe_gap, describe_map
from didan.classical import CLASSICAL, fit_predict
from didan.corpora import Corpus
from didan.corpora.emotions import class_indices
from didan.corpora.leakage import identical_files
from didan.evaluation import compare
from didan.features import (
    FrontendSettings,
    Moments,
    NormalisationSettings,
    Normaliser,
    blocks_of,
    encoders_of,
    extract,
    join,
    normalised,
    pooled_vectors,
)
from didan.features.encoders.trained_on import heard_in_training
from didan.features.families import family
from didan.features.frontend import cached_frontend
from didan.hardware import hardware, peak_memory, versions
from didan.records import Record
from didan.training.data import leave_moods, told_apart
from didan.training.task import make_task

SELECTION = "settings fixed beforehand, without target labels"


def run_classical(
    sources: Sequence[Corpus],
    target: Corpus,
    method: str,
    normalisation: NormalisationSettings | None,
    frontend: FrontendSettings,
    cache: Path,
    *,
    seed: int,
    with_map: bool,
) -> Record:
    """Fit a method on labelled sources and the unlabelled target, evaluate its predictions for the target.

    Args:
        sources: labelled corpora.
        target: the target; its labels are read by the evaluation.
        method: a name from ``didan.classical.CLASSICAL``.
        normalisation: of the features, see :mod:`didan.features.normaliser`; None normalises both corpora with the
            statistics of the source.
        frontend: of functionals, or of spectrograms, which are pooled.
        cache: folder for features.
        seed: of whatever is drawn.
        with_map: whether to make a map of the features, where the method changes them.
    """
    settings = normalisation or NormalisationSettings(group="none")
    task = make_task(sources, target, group=settings.group)
    sides = [*(corpus.unlabelled() for corpus in task.sources), task.target]
    extracted = [extract(side, frontend, cache) for side in sides]
    vectors = [pooled_vectors(side.features)[:, None] for side in extracted]
    started = time.perf_counter()
    blocks = blocks_of(frontend)
    of_source = None
    if normalisation is None:
        of_source = Normaliser.fit([Moments.of(one) for one in np.concatenate(vectors[:-1])], 0, blocks)
    sets = [
        normalised(side, raw, files.contents, settings, of_source, blocks)
        for side, raw, files in zip(sides, vectors, extracted, strict=True)
    ]
    labels = class_indices(task.source_table, task.emotions)
    source_set, target_set = join(sets[:-1]), sets[-1]
    if normalisation is not None:
        source_set, target_set = told_apart(source_set, target_set, frontend, normalisation, adapts=True)
        source_set, target_set, _ = leave_moods(source_set, target_set, labels, normalisation)
    X_s, X_t = (one.vectors().astype(np.float64) for one in (source_set, target_set))
    chosen = CLASSICAL[method]
    families = _families(frontend, X_s.shape[1]) if chosen.by_family else None
    prediction = fit_predict(chosen, X_s, labels, X_t, seed=seed, families=families)
    seconds = time.perf_counter() - started
    copies = {
        name
        for side in extracted[:-1]
        for name in identical_files(
            side.contents, extracted[-1].contents, [str(file) for file in task.target.table["file"]]
        )
    }
    leakage = {**task.leakage.as_dict(), "identical_files": sorted(copies), "evaluated_in_source": sorted(copies)}
    leakage["encoder_trained_on"] = heard_in_training([one.model for one in encoders_of(frontend)], [target.name])
    kept = target.only(task.emotions)
    scores = np.eye(len(task.emotions))[prediction.classes]
    evaluation = compare(kept, task.emotions, scores, selection=SELECTION, leakage=leakage)
    record: dict[str, Any] = {
        **describe_evaluation(evaluation),
        "cost": {
            "seconds": round(seconds, 2),
            "peak_memory_mb": peak_memory(),
        },
        "versions": versions("didan", "scikit-learn", "numpy"),
        "hardware": hardware(),
    }
    source, adapted = prediction.source_embeddings, prediction.target_embeddings
    if source is not None and adapted is not None:
        record["domain"] = describe_gap(source, adapted, task.source_table, kept.table)
        if with_map:
            emotions = [list(task.source_table["emotion"]), list(kept.table["emotion"])]
            record["map"] = describe_map(source, adapted, *emotions)
    return record


def _families(frontend: FrontendSettings, n_features: int) -> list[str]:
    """The family of every feature; spectrograms are pooled to two statistics of each band."""
    names = cached_frontend(frontend).feature_names
    return [family(name) for name in names * (n_features // len(names))]
