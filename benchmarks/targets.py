"""Does adaptation help on targets as they are met, and does it ever harm?

    python -m benchmarks.targets --corpus emodb=/data/emodb --corpus casia=/data/casia \\
        --corpus ravdess=/data/ravdess --out results/targets/functionals.jsonl

Every pair of corpora, the target under the conditions of :mod:`benchmarks.conditions`, with speakers known and
unknown. The draw of a condition is the seed of the training; with ``--draw 0`` all seeds have the first one.
Models are trained by ``didan train`` on a target without labels, so emotions that the target lacks are expected
all the same, and figures are as predicted. Records are appended; the same command continues, and ``--part 0/2``
and ``--part 1/2`` share the work.
"""

import argparse
from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from benchmarks.conditions import CONDITIONS, derive
from benchmarks.study import continue_study, parser, read_corpora
from didan.benchmark.record_fields import per_speaker
from didan.corpora import Corpus
from didan.corpora.emotions import class_indices
from didan.evaluation import evaluate
from didan.model.config import make_config
from didan.training.train import train
from didan.typing import Labels

METHODS: dict[str, tuple[str, list[str]]] = {
    "source-only": ("source-only", []),
    "didan": ("didan", []),
    "didan, not by the line": ("didan", ["augmentation.line=false"]),
    "mcc": ("mcc", []),
    "mcc, pseudo-labels": ("mcc", ["pseudo_labels.weight=2"]),
    "no alignment, pseudo-labels": ("source-only", ["pseudo_labels.weight=2"]),
    "deep-jdot": ("deep-jdot", []),
    "deep-jdot, pseudo-labels": ("deep-jdot", ["pseudo_labels.weight=2"]),
    "dan, pseudo-labels": ("dan", ["pseudo_labels.weight=2"]),
}
GROUPS = ("speaker", "none")
FIRST = ("even", "half", "moody", "missing", "telephone", "few-60")
ORDER = (*FIRST, *(one for one in CONDITIONS if one not in FIRST and one != "moody-80"))
"""Conditions in the order in which they are run."""


def runs(
    names: list[str], seeds: int, methods: list[str], conditions: list[str], draw: int | None = None
) -> Iterator[dict[str, Any]]:
    """All trainings, the first seeds first; a draw that all of them have is in their records."""
    drawn = {} if draw is None else {"draw": draw}
    for seed, condition, group in product(range(seeds), conditions, GROUPS):
        if condition == "moody" and group == "none":
            continue  # without callers it is the corpus as it is
        for method, (source, target) in product(methods, permutations(names, 2)):
            yield {
                "method": method,
                "source": source,
                "target": target,
                "condition": condition,
                "group": group,
                "seed": seed,
                **drawn,
            }


def measure(run: dict[str, Any], corpora: dict[str, Corpus], arguments: argparse.Namespace) -> dict[str, Any]:
    """Train, adapt and evaluate."""
    source, target = corpora[run["source"]], corpora[run["target"]]
    shared = tuple(emotion for emotion in source.emotions if emotion in target.emotions)
    derived = derive(target.only(shared), run["condition"], run.get("draw", run["seed"]), arguments.audio)
    method, own = METHODS[run["method"]]
    config = make_config(
        method, arguments.frontend, run["seed"], assignments=[*own, *arguments.set], group=run["group"]
    )
    model = train(source.only(shared), derived.heard.unlabelled(), config=config, cache=arguments.cache)
    evaluation = evaluate(model, derived.evaluated, cache=arguments.cache)
    scored = evaluation.utterances.dropna(subset=list(evaluation.emotions))
    return {
        **run,
        "uar": evaluation.uar,
        "recall": evaluation.recall,
        "n": evaluation.n,
        "mood": model.record["mood"],
        "calibration_error": calibration_error(
            scored[list(evaluation.emotions)].to_numpy(dtype=float), class_indices(scored, evaluation.emotions)
        ),
        "speakers": per_speaker(evaluation.utterances, evaluation.emotions),
        "seconds": model.record["seconds"],
        "selection": model.record["selection"],
        "versions": model.record["versions"],
    }


def calibration_error(probabilities: npt.NDArray[np.float64], labels: Labels) -> float:
    """Expected calibration error of the most probable emotion, in ten bins of confidence (Guo et al., 2017).

    Args:
        probabilities: shape (n, n_emotions).
        labels: class indices, shape (n,).
    """
    predicted, true = torch.from_numpy(probabilities), torch.from_numpy(labels)
    return float(multiclass_calibration_error(predicted, true, probabilities.shape[1], n_bins=10))


def methods_parser(description: str | None, seeds: int) -> argparse.ArgumentParser:
    """For studies of the methods here: which of them, and how they are trained."""
    made = parser(description, seeds)
    made.add_argument(
        "--methods", type=_names, default=_names("source-only;didan"), help=f"of {'; '.join(METHODS)}"
    )
    made.add_argument("--frontend", default="functionals")
    made.add_argument("--set", action="append", default=[], help="a setting, as didan train takes it")
    made.add_argument("--audio", type=Path, default=Path("conditions"), help="folder for audio that is made")
    return made


def _names(methods: str) -> list[str]:
    return [name.strip() for name in methods.split(";")]


def main() -> None:
    parser = methods_parser(__doc__, seeds=3)
    parser.add_argument("--conditions", type=_names, default=list(ORDER), help=f"of {'; '.join(ORDER)}")
    parser.add_argument("--draw", type=int, help="of every condition, with every seed")
    arguments = parser.parse_args()
    corpora = read_corpora(arguments)
    every = runs(list(corpora), arguments.seeds, arguments.methods, arguments.conditions, arguments.draw)
    continue_study(arguments, every, lambda run: measure(run, corpora, arguments))


if __name__ == "__main__":
    main()
