"""A run of a classical method on one vector per utterance."""

import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from didan.benchmark.record_fields import describe_evaluation, describe_gap, describe_map
from didan.classical import CLASSICAL, fit_predict, normalise
from didan.corpora import Corpus, Recordings
from didan.corpora.emotions import class_indices
from didan.corpora.leakage import identical_files
from didan.errors import UserError
from didan.evaluation import compare
from didan.features import Extracted, FrontendSettings, extract
from didan.hardware import hardware, versions
from didan.records import Record
from didan.training.task import make_task

SELECTION = "settings fixed beforehand, without target labels"

Floats = npt.NDArray[np.float64]


def run_classical(
    sources: Sequence[Corpus],
    target: Corpus,
    method: str,
    normalisation: Literal["source", "corpus", "speaker"],
    frontend: FrontendSettings,
    cache: Path,
    with_map: bool,
) -> Record:
    """Fit a method on labelled sources and the unlabelled target, evaluate its predictions for the target.

    Args:
        sources: labelled corpora.
        target: the target; its labels are read by the evaluation.
        method: a name from ``didan.classical.CLASSICAL``.
        normalisation: of the features.
        frontend: of functionals, or of spectrograms, which are pooled.
        cache: folder for features.
        with_map: whether to make a map of the features, where the method changes them.
    """
    task = make_task(sources, target)
    sides = [*(corpus.unlabelled() for corpus in task.sources), task.target]
    extracted = [extract(side, frontend, cache) for side in sides]
    vectors = [_vectors(side) for side in extracted]
    groups = [_groups(side, normalisation) for side in sides]
    started = time.perf_counter()
    X_s, X_t = normalise(
        np.concatenate(vectors[:-1]), vectors[-1], np.concatenate(groups[:-1]), groups[-1], normalisation
    )
    labels = class_indices(task.source_table, task.emotions)
    prediction = fit_predict(CLASSICAL[method], X_s, labels, X_t, seed=0)
    seconds = time.perf_counter() - started
    copies = {
        name
        for side in extracted[:-1]
        for name in identical_files(
            side.contents, extracted[-1].contents, [str(file) for file in task.target.table["file"]]
        )
    }
    leakage = {**task.leakage.as_dict(), "identical_files": sorted(copies), "evaluated_in_source": sorted(copies)}
    kept = target.only(task.emotions)
    evaluation = compare(kept, task.emotions, np.eye(len(task.emotions))[prediction.classes], SELECTION, leakage)
    record: dict[str, Any] = {
        **describe_evaluation(evaluation),
        "cost": {
            "seconds": round(seconds, 2),
            "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
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


def _vectors(extracted: Extracted) -> Floats:
    """One vector per utterance: functionals as they are, spectrograms as mean and std of every band."""
    utterances = [np.load(file) for file in extracted.files]
    if all(len(frames) == 1 for frames in utterances):
        return np.concatenate(utterances).astype(np.float64)
    pooled: Floats = np.stack(
        [np.concatenate([frames.mean(axis=0), frames.std(axis=0)]) for frames in utterances]
    ).astype(np.float64)
    return pooled


def _groups(recordings: Recordings, normalisation: str) -> npt.NDArray[np.str_]:
    """Whose statistics normalise each utterance."""
    if normalisation != "speaker":
        return np.array([recordings.name] * len(recordings))
    if not recordings.has_speakers:
        raise UserError(f"{recordings.name}: speakers are unknown, so features cannot be normalised per speaker")
    return np.array([f"{recordings.name} {speaker}" for speaker in recordings.table["speaker"]])
