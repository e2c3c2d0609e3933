"""A run of a network: train, evaluate, describe its embeddings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from didan.benchmark.record_fields import (
    describe_criteria,
    describe_evaluation,
    describe_gap,
    describe_history,
    describe_map,
)
from didan.corpora import Corpus
from didan.evaluation import evaluate
from didan.features import load_features
from didan.model.config import Config
from didan.records import Record
from didan.selection import LAYER, label_free_outputs
from didan.training.train import train


def run_network(
    sources: Sequence[Corpus],
    target: Corpus,
    config: Config,
    cache: Path,
    with_map: bool,
    outputs: str | None = None,
) -> Record:
    """Train on the sources, adapt to the target, and evaluate what is predicted for it.

    Args:
        sources: labelled corpora.
        target: the target; its labels are read by the evaluation.
        config: of the training.
        cache: folder for features.
        with_map: whether to make a map of the embeddings.
        outputs: how outputs are adapted, see :mod:`didan.inference.adapt_outputs`.
    """
    model = train(sources, target, config=config, cache=cache)
    evaluation = evaluate(model, target, adapted_by=outputs, cache=cache)
    kept = target.only(model.emotions)
    recordings = kept.grouped(model.group).unlabelled()
    features = load_features(recordings, config.frontend, model.config.normalisation, cache)
    run = model.outputs(features.told_apart(model.normaliser.voices))
    index = model.source_index
    source_embeddings, target_embeddings = index.embeddings[LAYER].numpy(), run.embeddings[LAYER].numpy()
    record: dict[str, Any] = {
        **describe_evaluation(evaluation),
        "label_free": describe_criteria(label_free_outputs(model, run)),
        "domain": describe_gap(source_embeddings, target_embeddings, index.table, kept.table),
        "curves": describe_history(model.history),
        "cost": {key: model.record[key] for key in ("seconds", "peak_memory_mb")},
        "versions": model.record["versions"],
        "hardware": model.record["hardware"],
    }
    if with_map:
        emotions = [list(index.table["emotion"]), list(kept.table["emotion"])]
        record["map"] = describe_map(source_embeddings, target_embeddings, *emotions)
    return record
