"""How near to the proportions of emotions in a target does one come without its labels?

    python -m benchmarks.uneven --corpus emodb=/data/emodb ... --out tables
    python -m benchmarks.proportions --corpus emodb=/data/emodb ... --corpus tables/emodb-uneven.csv ... \\
        --out results/proportions/records.json

A network is trained on one corpus, without adaptation, and its predictions for every other one, and for its uneven
table, are counted and corrected in the ways known for shifts of labels. Target labels only say how wrong each is.
"""

import argparse
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from benchmarks.uneven import OFTEN
from didan.corpora import Corpus, read_corpus
from didan.corpora.emotions import class_indices
from didan.features import default_cache, load_features
from didan.files import written_whole
from didan.selection import view_of
from didan.training.train import train

Shares = npt.NDArray[np.float64]

_SUM = 1e3


def counted(predicted: npt.NDArray[np.integer], n_emotions: int) -> Shares:
    """Share of the utterances given each emotion."""
    return np.bincount(predicted, minlength=n_emotions) / len(predicted)


def by_expectation_maximisation(probabilities: Shares, rounds: int = 200) -> Shares:
    """The proportions under which the predictions are likeliest (Saerens, Latinne and Decaestecker 2002).

    >>> by_expectation_maximisation(np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    array([0.75, 0.25])
    """
    shares = np.full(probabilities.shape[1], 1 / probabilities.shape[1])
    for _ in range(rounds):
        weighted = probabilities * shares  # the source's emotions weigh alike in training
        shares = (weighted / weighted.sum(axis=1, keepdims=True)).mean(axis=0)
    return shares


def by_confusions(confusion: Shares, found: Shares) -> Shares:
    """The proportions that explain what was predicted (Lipton, Wang and Smola 2018), none below 0.

    Args:
        confusion: column c says how held-out source utterances of emotion c are predicted.
        found: share of the target given each emotion.

    >>> by_confusions(np.array([[0.8, 0.4], [0.2, 0.6]]), np.array([0.5, 0.5])).round(3)
    array([0.25, 0.75])
    """
    rows = np.vstack([confusion, np.full((1, len(found)), _SUM)])
    shares = nnls(rows, np.append(found, _SUM))[0]
    return np.asarray(shares / shares.sum())


def estimates(source: Corpus, target: Corpus, seed: int) -> Iterator[dict[str, object]]:
    """A row for every way to estimate the proportions."""
    model = train(source, target, "source-only", seed=seed)
    # As in a benchmark: features are normalised over the utterances that are recognised.
    kept = target.only(model.emotions)
    config = model.config
    outputs = model.outputs(
        load_features(kept.unlabelled(), config.frontend, config.normalisation, default_cache())
    )
    n = len(model.emotions)
    truth = counted(class_indices(kept.table, model.emotions), n)
    found = counted(outputs.scores.argmax(dim=1).numpy(), n)
    view = view_of(model, outputs)
    held_out = view.validation_probabilities.argmax(axis=1)
    confusion = np.stack([counted(held_out[view.validation_labels == c], n) for c in range(n)], axis=1)
    ways = {
        "all alike": np.full(n, 1 / n),
        "predictions counted": found,
        "expectation maximisation": by_expectation_maximisation(
            model.probabilities(outputs.scores).double().numpy()
        ),
        "confusions": by_confusions(confusion, found),
    }
    often = model.emotions.index(OFTEN)
    for way, shares in ways.items():
        yield {
            "source": source.name,
            "target": target.name,
            "seed": seed,
            "way": way,
            "distance": float(np.abs(shares - truth).sum() / 2),
            "neutral": float(shares[often]),
            "neutral_in_truth": float(truth[often]),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", action="append", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    corpora = [read_corpus(argument) for argument in arguments.corpus]
    rows: list[dict[str, object]] = []
    for source, target in product(corpora, corpora):
        if source.name.endswith("-uneven") or target.name.removesuffix("-uneven") == source.name:
            continue
        for seed in range(arguments.seeds):
            rows += estimates(source, target, seed)
        print(f"{source.name} -> {target.name}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(arguments.out) as file:
        file.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
