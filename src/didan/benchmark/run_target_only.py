"""Target-only: the same network trained on target labels. An upper bound, no competitor."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, StratifiedKFold

from didan.benchmark.plan import FOLDS
from didan.benchmark.record_fields import describe_evaluation
from didan.corpora import Corpus
from didan.evaluation import compare, evaluate
from didan.model.config import Config
from didan.records import Record
from didan.training.task import make_task
from didan.training.train import train

SELECTION = "oracle: trained on target labels, tested on other speakers of the target; settings fixed beforehand"


def run_target_only(sources: Sequence[Corpus], target: Corpus, config: Config, cache: Path) -> Record:
    """Train on part of the target, test on the rest, over four folds that share no speaker.

    Only the emotions of the task take part, so that the figure compares with those of the other methods. Each
    fold is normalised by itself. Where speakers are unknown, folds are drawn by utterance, which is optimistic.

    Args:
        sources: of the task, to know the emotions.
        target: the target, with its labels.
        config: of the training.
        cache: folder for features.
    """
    emotions = make_task(sources, target).emotions
    kept = target.only(emotions)
    models, scores = [], np.zeros((len(kept), len(emotions)), dtype=np.float32)
    for fit, test in folds(kept, config.seed):
        parts = [replace(kept, table=kept.table.iloc[rows].reset_index(drop=True)) for rows in (fit, test)]
        model = train(parts[0], parts[1].unlabelled(), config=config, cache=cache)
        # A fold's training part may lack an emotion, or name them in another order.
        known = parts[1].table["emotion"].isin(model.emotions).to_numpy()
        probabilities = evaluate(model, parts[1], cache=cache).utterances[list(model.emotions)].to_numpy()
        columns = [emotions.index(emotion) for emotion in model.emotions]
        scores[np.ix_(np.array(test)[known], np.array(columns))] = probabilities
        models.append(model)
    labels_read = {"training": "target labels of the other folds"}
    leakage = {"shared_speakers": [], "labels_read": labels_read, "identical_files": [], "evaluated_in_source": []}
    return {
        **describe_evaluation(compare(kept, emotions, scores, selection=SELECTION, leakage=leakage)),
        "cost": {
            "seconds": round(sum(model.record["seconds"] for model in models), 2),
            "peak_memory_mb": max(model.record["peak_memory_mb"] or 0 for model in models),
        },
        "versions": models[0].record["versions"],
        "hardware": models[0].record["hardware"],
    }


def folds(corpus: Corpus, seed: int) -> list[tuple[list[int], list[int]]]:
    """Rows to train on and rows to test on, for every fold."""
    table = corpus.table
    speakers = table["speaker"]
    if speakers.isna().any() or speakers.nunique() < 2:
        splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        parts = splitter.split(table, table["emotion"])
    else:
        parts = GroupKFold(min(FOLDS, speakers.nunique())).split(table, groups=pd.factorize(speakers)[0])
    return [(fit.tolist(), test.tolist()) for fit, test in parts]
