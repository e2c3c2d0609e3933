"""How strongly should the statistics of a speaker be drawn towards those of her domain?

    python -m benchmarks.normalisation --corpus emodb=/data/emodb --corpus casia=/data/casia \\
        --corpus ravdess=/data/ravdess --out results/normalisation/records.jsonl

Every pair of corpora, with several values of k (``normalisation.shrinkage``), on the target as it is and on its
moody variants (:mod:`benchmarks.conditions`). A model is trained and adapted with the speakers, or callers, of the
target, and evaluated with them and without. k = 0 is normalisation per speaker, as didan did before it had k;
evaluated without speakers it is what ``didan predict`` gave then. Records are appended; the same command continues
where it was.
"""

from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path
from typing import Any

from benchmarks.conditions import CONDITIONS
from benchmarks.study import continue_study, parser, read_corpora
from didan.benchmark.record_fields import per_speaker
from didan.corpora import Corpus
from didan.evaluation import evaluate
from didan.model.config import make_config
from didan.training.train import train

METHODS = ("source-only", "didan")
MOODY = ("moody", "moody-80")
SHRINKAGE = (0.0, 10.0, 20.0, 50.0)
ALONE = "none"
"""The grouping without speakers."""


def with_callers(corpus: Corpus, condition: str) -> Corpus:
    """The corpus under a condition; itself if it is ``even``."""
    return CONDITIONS[condition](corpus, 0).evaluated


def runs(names: list[str], seeds: int) -> Iterator[dict[str, Any]]:
    """All trainings, the first seeds first.

    Without adaptation a network does not depend on who speaks in the target, so source-only is trained once for
    all conditions.
    """
    for seed, (source, target), method in product(range(seeds), permutations(names, 2), METHODS):
        run = {"source": source, "target": target, "method": method, "seed": seed}
        for condition in ("even", *(MOODY if method != "source-only" else ())):
            for shrinkage in SHRINKAGE:
                yield {**run, "condition": condition, "group": "speaker", "shrinkage": shrinkage}
        yield {**run, "condition": "even", "group": ALONE, "shrinkage": 0.0}


def measure(run: dict[str, Any], corpora: dict[str, Corpus], cache: Path) -> dict[str, Any]:
    """Train and evaluate, as predicted, with the groups of the training and without any."""
    settings = [f"normalisation.group={run['group']}", f"normalisation.shrinkage={run['shrinkage']}"]
    config = make_config(run["method"], seed=run["seed"], assignments=settings)
    target = corpora[run["target"]]
    model = train(corpora[run["source"]], with_callers(target, run["condition"]), config=config, cache=cache)
    conditions = (
        ("even", *MOODY) if run["method"] == "source-only" and run["group"] != ALONE else (run["condition"],)
    )
    figures = []
    for condition, group in product(conditions, dict.fromkeys((run["group"], ALONE))):
        if group == ALONE and condition != run["condition"]:
            continue  # without groups all conditions are one
        evaluation = evaluate(model, with_callers(target, condition), group=group, cache=cache)
        # Intervals resample the people who speak, whoever counts as a caller.
        utterances = evaluation.utterances.assign(speaker=target.only(model.emotions).table["speaker"])
        counted = per_speaker(utterances, model.emotions)
        figures.append({"condition": condition, "group": group, "uar": evaluation.uar, "speakers": counted})
    return {
        **run,
        "emotions": list(model.emotions),
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
