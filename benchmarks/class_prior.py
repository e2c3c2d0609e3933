"""How well can the class prior of a target be estimated without its labels?

    python -m benchmarks.uneven --corpus emodb=/data/emodb ... --out tables
    python -m benchmarks.class_prior --corpus emodb=/data/emodb ... --corpus tables/emodb-uneven.csv ... \\
        --out results/class-prior/records.json

A network is trained on one corpus, without adaptation. Its predictions for every other one, and for its uneven
table, are turned into estimates by the methods known for label shift. Target labels say how wrong each is, nothing
else.
"""

import argparse
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from benchmarks.uneven import FREQUENT
from didan.corpora import Corpus, read_corpus
from didan.corpora.emotions import class_indices
from didan.features import default_cache, load_features
from didan.files import written_whole
from didan.selection import label_free_outputs
from didan.training.train import train

_SUM = 1e3


def frequencies(classes: npt.NDArray[np.integer], n_emotions: int) -> npt.NDArray[np.float64]:
    """Share of the utterances of each class."""
    return np.bincount(classes, minlength=n_emotions) / len(classes)


def by_expectation_maximisation(
    probabilities: npt.NDArray[np.float64], iterations: int = 200
) -> npt.NDArray[np.float64]:
    """The class prior under which the predictions are likeliest (Saerens, Latinne and Decaestecker 2002).

    Args:
        probabilities: of each emotion for each utterance, shape (n, n_emotions), from a network that was trained
            with all emotions equally often.
        iterations: of expectation maximisation.

    >>> by_expectation_maximisation(np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    array([0.75, 0.25])
    """
    prior = np.full(probabilities.shape[1], 1 / probabilities.shape[1])
    for _ in range(iterations):
        weighted = probabilities * prior
        prior = (weighted / weighted.sum(axis=1, keepdims=True)).mean(axis=0)
    return prior


def by_confusions(
    confusion: npt.NDArray[np.float64], predicted: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The class prior that explains the predictions (Lipton, Wang and Smola 2018), nonnegative.

    Args:
        confusion: column c: how held-out source utterances of emotion c are predicted, shape (n_emotions,
            n_emotions).
        predicted: share of the target predicted as each emotion, shape (n_emotions,).

    >>> by_confusions(np.array([[0.8, 0.4], [0.2, 0.6]]), np.array([0.5, 0.5])).round(3)
    array([0.25, 0.75])
    """
    rows = np.vstack([confusion, np.full((1, len(predicted)), _SUM)])
    prior = nnls(rows, np.append(predicted, _SUM))[0]
    return np.asarray(prior / prior.sum())


def estimates(source: Corpus, target: Corpus, seed: int) -> Iterator[dict[str, object]]:
    """A row for every estimate of the class prior."""
    model = train(source, target, "source-only", seed=seed)
    kept = target.only(model.emotions)
    recordings = kept.grouped(model.group, or_speaker=True).unlabelled()
    features = load_features(recordings, model.config.frontend, model.config.normalisation, default_cache())
    outputs = model.outputs(features)
    n = len(model.emotions)
    truth = frequencies(class_indices(kept.table, model.emotions), n)
    predicted = frequencies(outputs.scores.argmax(dim=1).numpy(), n)
    held_out = label_free_outputs(model, outputs)
    classes = held_out.validation_probabilities.argmax(axis=1)
    confusion = np.stack([frequencies(classes[held_out.validation_labels == c], n) for c in range(n)], axis=1)
    # The names are those of the published records.
    priors = {
        "all alike": np.full(n, 1 / n),
        "predictions counted": predicted,
        "expectation maximisation": by_expectation_maximisation(
            model.probabilities(outputs.scores).double().numpy()
        ),
        "confusions": by_confusions(confusion, predicted),
    }
    frequent = model.emotions.index(FREQUENT)
    for way, prior in priors.items():
        yield {
            "source": source.name,
            "target": target.name,
            "seed": seed,
            "way": way,
            "distance": float(np.abs(prior - truth).sum() / 2),
            "neutral": float(prior[frequent]),
            "neutral_in_truth": float(truth[frequent]),
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
