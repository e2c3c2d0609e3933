"""What does adapting a finished model lose without its source?

    python -m benchmarks.source_free --corpus emodb=/data/emodb --corpus casia=/data/casia \\
        --corpus ravdess=/data/ravdess --out results/source-free/records.jsonl

A model is trained on every corpus by itself (``didan train --source A --target A --method source-only``), on the
emotions that it shares with another, and then adapted to that one: with its source (DIDAN, ``didan adapt``), not
with it (SHOT and ECAN, ``--source-free``), and without training (T3A and LAME, which adjust outputs). All get the
same utterances of the target. Figures are as predicted. Records are appended; the same command continues.
"""

from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path
from typing import Any

from benchmarks.study import continue_study, parser, read_corpora
from didan.benchmark.record_fields import per_speaker
from didan.corpora import Corpus
from didan.evaluation import evaluate
from didan.inference.adapt_outputs import ADAPTATIONS
from didan.model.config import make_config
from didan.training.adapt import adapt, adapting_config
from didan.training.train import train

WITH_SOURCE, WITHOUT = ("didan",), ("shot", "ecan")


def runs(names: list[str], seeds: int) -> Iterator[dict[str, Any]]:
    """All trainings, the first seeds first."""
    for seed, group, (source, target) in product(range(seeds), ("speaker", "none"), permutations(names, 2)):
        yield {"source": source, "target": target, "group": group, "seed": seed}


def measure(run: dict[str, Any], corpora: dict[str, Corpus], cache: Path) -> dict[str, Any]:
    """Train on the source, adapt in every way, evaluate each."""
    source, target = corpora[run["source"]], corpora[run["target"]]
    shared = tuple(emotion for emotion in source.emotions if emotion in target.emotions)
    source, target = source.only(shared), target.only(shared)
    config = make_config("source-only", seed=run["seed"], group=run["group"])
    model = train(source, source.unlabelled(), config=config, cache=cache)
    models = {"source-only": (model, None)} | {name: (model, name) for name in ADAPTATIONS}
    for method in (*WITH_SOURCE, *WITHOUT):
        settings = adapting_config(model, method, source_free=method in WITHOUT)
        adapted, _ = adapt(model, target.unlabelled(), config=settings, cache=cache)
        models[method] = (adapted, None)
    figures = {}
    for name, (own, outputs) in models.items():
        evaluation = evaluate(own, target, adapted_by=outputs, cache=cache)
        speakers = per_speaker(evaluation.utterances, evaluation.emotions)
        figures[name] = {"uar": evaluation.uar, "speakers": speakers}
    return {
        **run,
        "selection": model.record["selection"],
        "evaluated": figures,
        "versions": model.record["versions"],
    }


def main() -> None:
    arguments = parser(__doc__, seeds=3).parse_args()
    corpora = read_corpora(arguments)
    every = runs(list(corpora), arguments.seeds)
    continue_study(arguments, every, lambda run: measure(run, corpora, arguments.cache))


if __name__ == "__main__":
    main()
