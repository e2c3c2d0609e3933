"""How strongly should the statistics of a speaker be drawn towards those of her domain?

    python -m benchmarks.normalisation --corpus emodb=/data/emodb --corpus casia=/data/casia \\
        --corpus ravdess=/data/ravdess --out results/normalisation/records.jsonl

Every pair of corpora, with several values of k (``normalisation.shrinkage``), on the target as it is and on its
moody variants (:mod:`benchmarks.conditions`). A model is trained and adapted with the speakers, or callers, of the
target, and evaluated with them and without. k = 0 is normalisation per speaker, as didan did before it had k;
evaluated without speakers it is what ``didan predict`` gave then. Records are appended; the same command continues
where it was.
"""

import argparse
import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.conditions import MOODY, moody
from didan.corpora import Corpus, read_corpus
from didan.evaluation import evaluate
from didan.features import default_cache
from didan.model.config import make_config
from didan.training.train import train

METHODS = ("source-only", "didan")
SHRINKAGE = (0.0, 10.0, 20.0, 50.0)
ALONE = "none"
"""The grouping without speakers."""


def with_callers(corpus: Corpus, condition: str) -> Corpus:
    """The corpus under a condition; itself if it is ``even``."""
    if condition == "even":
        return corpus
    return replace(corpus, table=corpus.table.assign(speaker=moody(corpus.table, MOODY[condition])))


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
        counted = hits_and_counts(utterances, model.emotions)
        figures.append({"condition": condition, "group": group, "uar": evaluation.uar, "speakers": counted})
    return {
        **run,
        "emotions": list(model.emotions),
        "selection": model.record["selection"],
        "evaluated": figures,
        "versions": model.record["versions"],
    }


def hits_and_counts(utterances: pd.DataFrame, emotions: Sequence[str]) -> dict[str, dict[str, list[int]]]:
    """Utterances of each speaker that were predicted rightly, and all of them, by emotion."""
    right = utterances["emotion"] == utterances["predicted"]
    return {
        str(speaker): {
            "hits": [int((right & own & (utterances["emotion"] == emotion)).sum()) for emotion in emotions],
            "counts": [int((own & (utterances["emotion"] == emotion)).sum()) for emotion in emotions],
        }
        for speaker in sorted(utterances["speaker"].unique())
        for own in [utterances["speaker"] == speaker]
    }


def records_in(file: Path) -> list[dict[str, Any]]:
    """One of each line; none if there is no such file yet."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", action="append", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--part", default="0/1", help="which part of how many this process does")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=default_cache())
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    corpora = {corpus.name: corpus for corpus in map(read_corpus, arguments.corpus)}
    keys = ("source", "target", "method", "seed", "condition", "group", "shrinkage")
    finished = [{key: record[key] for key in keys} for record in records_in(arguments.out)]
    part, parts = map(int, arguments.part.split("/"))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for number, run in enumerate(runs(list(corpora), arguments.seeds)):
        if number % parts == part and run not in finished:
            record = json.dumps(measure(run, corpora, arguments.cache))
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(record + "\n")
            print(run, flush=True)


if __name__ == "__main__":
    main()
