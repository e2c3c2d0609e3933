from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import mean_squared_error
from torch.nn.functional import one_hot

from didan.corpora import Corpus
from didan.methods import assumed_priors
from didan.model.config import OptimisationSettings, make_config
from didan.networks import ScoreLink, build_network
from didan.self_training import balanced_pseudo_labels
from didan.training.module import REFRESH, Adaptation, Learning, Weights, ramp
from didan.training.train import train
from didan.training.vectors import Vectors


def test_the_regression_loss_is_the_squared_error_on_one_hot_labels() -> None:
    scores = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 3, 1, 1, 2, 0])
    # scikit-learn averages over outputs too; the paper sums over them.
    expected = 4 * mean_squared_error(np.eye(4)[labels], scores)
    assert float(ScoreLink("regression").fit(scores, one_hot(labels, 4))) == pytest.approx(expected, rel=1e-6)


def test_cross_entropy_is_the_negative_log_likelihood() -> None:
    scores = torch.tensor([[0.0, np.log(3.0)]])
    loss = ScoreLink("cross-entropy").fit(scores, torch.tensor([[0.0, 1.0]]))
    assert float(loss) == pytest.approx(-np.log(0.75))


def test_the_weight_rises_and_stays() -> None:
    assert [ramp(progress, 0.5) for progress in (0, 0.25, 0.5, 1)] == [0, 0.5, 1, 1]


def history(corpora: tuple[Corpus, Corpus], cache: Path, method: str, *settings: str) -> pd.DataFrame:
    # Dropout would have the network disagree with itself, and kinds of voice depend on whether a method adapts.
    few = (
        "optimisation.steps=40",
        "optimisation.batch_size=12",
        "network.dropout=0",
        "normalisation.voices=false",
    )
    config = make_config(method, assignments=[*few, *settings])
    return train(*corpora, config=config, cache=cache).history


@pytest.mark.parametrize("method", ["didan", "source-only", "mcc"])
def test_the_target_is_fitted_to_its_pseudo_labels(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, method: str
) -> None:
    settings = ("pseudo_labels.weight=2", "pseudo_labels.every=10", "pseudo_labels.start=0.25")
    with_labels = history(tiny_corpora, session_cache, method, *settings)
    known = with_labels["pseudo_labels"].notna()
    assert known.tolist() == [step >= 10 for step in range(40)]
    row = with_labels[known].iloc[-1]
    aligned = 0.0 if method == "source-only" else row["weight"] * row["alignment"]
    assert row["loss"] == pytest.approx(row["fit"] + aligned + 2 * row["pseudo_labels"])
    assert (with_labels["labelled"][known] == 1).all()
    # Fitted to them the network agrees with them more and more, beyond the third that chance agrees in.
    assert with_labels["agreement"][-10:].mean() > 0.6
    assert with_labels["pseudo_labels"][-5:].mean() < with_labels["pseudo_labels"][known][:5].mean()
    without = history(tiny_corpora, session_cache, method, "pseudo_labels.weight=0")
    assert "pseudo_labels" not in without
    # Until the first pseudo-labels both are the same training.
    assert without["loss"][:10].tolist() == with_labels["loss"][:10].tolist()
    assert without["loss"][20:].tolist() != with_labels["loss"][20:].tolist()


def test_utterances_without_a_confident_label_are_not_fitted(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path
) -> None:
    confident = ("pseudo_labels.kind=confident", "pseudo_labels.weight=2", "pseudo_labels.start=0.25")
    nobody = history(tiny_corpora, session_cache, "source-only", *confident, "pseudo_labels.threshold=1")
    assert (nobody["labelled"][10:] == 0).all()
    assert (nobody["pseudo_labels"][10:] == 0).all()
    assert nobody["loss"].tolist() == nobody["fit"].tolist()
    everybody = history(tiny_corpora, session_cache, "source-only", *confident, "pseudo_labels.threshold=0.1")
    assert (everybody["labelled"][10:] == 1).all()
    assert (everybody["pseudo_labels"][10:] > 0).all()


@pytest.mark.parametrize(
    ("frontend", "settings", "rate", "first"),
    [
        ("functionals", {"backbone_rate": 1}, 1, 100),  # there is nothing to learn
        ("spectrogram", {}, 0, 100),
        ("spectrogram", {"backbone_rate": 0.1}, 0.1, 0),
        ("spectrogram", {"backbone_rate": 0.1, "backbone_from": 0.25}, 0.1, 25),
        ("spectrogram", {"backbone_from": 0.25}, 0, 100),
    ],
)
def test_from_which_step_the_backbone_learns(
    frontend: str, settings: dict[str, float], rate: float, first: int
) -> None:
    network = build_network(frontend, 16, 3)
    learning = Learning.of(network, OptimisationSettings(steps=100, **settings))
    assert learning == Learning(rate, first)


def test_what_is_known_of_utterances_is_made_anew_while_the_backbone_learns() -> None:
    learning = Learning(rate=0.1, first=30)
    assert [step for step in range(200) if learning.is_due(step)] == [
        30 + REFRESH,
        30 + 2 * REFRESH,
        30 + 3 * REFRESH,
    ]


def test_members_that_assume_nothing_learn_as_without_a_target(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path
) -> None:
    few = [
        "optimisation.steps=30",
        "optimisation.batch_size=12",
        "network.dropout=0",
        "normalisation.voices=false",
    ]
    heads = [
        train(
            *tiny_corpora,
            config=make_config(
                "source-only", assignments=[*few, "network.members=6", f"pseudo_labels.weight={w}"]
            ),
            cache=session_cache,
        ).network.head
        for w in (0, 2)
    ]
    alone, with_labels = (head.fc1.weight.detach() for head in heads)
    for member in range(6):
        same = torch.allclose(alone[member], with_labels[member], rtol=1e-3, atol=1e-5)
        assert same == (member % 3 == 2)


@pytest.mark.parametrize("prior", [{}, {"neutral": 0.6}])
def test_every_member_labels_by_its_own_scores(prior: dict[str, float]) -> None:
    emotions = ("anger", "neutral", "sadness")
    priors = assumed_priors(prior, emotions)
    config = make_config("source-only", assignments=["pseudo_labels.weight=2", "network.members=5"])
    network = build_network("functionals", 4, 3, members=5)
    scores = torch.randn(5, 30, 3, generator=torch.Generator().manual_seed(0))
    no_data: Any = None
    adaptation = Adaptation(network, None, lambda _: Weights(1, 0), priors, config, no_data, Learning(0, 1))
    adaptation.label(scores, torch.arange(30))
    assert adaptation.pseudo_labels is not None
    with_labels = [(member, priors[member % len(priors)]) for member in range(5)]
    expected = [
        balanced_pseudo_labels(3 * scores[member], 1.8, assumed)
        for member, assumed in with_labels
        if assumed is not None
    ]
    torch.testing.assert_close(adaptation.pseudo_labels.labels, torch.stack(expected))
    assert adaptation.pseudo_labels.weights.shape == (len(expected), 30)


def test_members_without_labels_count_in_the_mean_of_the_fit() -> None:
    """The fit to pseudo-labels weighs as much for a member, however many others have none."""
    priors = assumed_priors({}, ("anger", "neutral", "sadness"))
    config = make_config("source-only", assignments=["pseudo_labels.weight=2", "network.members=3"])
    network = build_network("functionals", 4, 3, dropout=0.0, members=3)
    no_data: Any = None
    adaptation = Adaptation(network, None, lambda _: Weights(1, 0), priors, config, no_data, Learning(0, 1))
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(8, 4, generator=generator)
    one = np.ones((1, 1, 4), np.float32)
    plain = Vectors(vectors[:, None].numpy(), np.zeros(8, np.int64), np.ones((8, 1), np.float32), 0 * one, one)
    adaptation.domains = {"source": plain, "target": plain}
    adaptation.label(torch.randn(3, 8, 3, generator=generator), torch.arange(8))
    index, labels = torch.tensor([5, 0, 3]), torch.tensor([0, 1, 2])
    batch = {"source_index": index, "labels": labels, "target_index": index}
    loss = adaptation.training_step(batch, 0)
    scores = torch.stack([member.scores for member in network.head(vectors[index])])
    assert adaptation.pseudo_labels is not None
    to_labels = ((scores - one_hot(labels, 3)) ** 2).sum(dim=2).mean(dim=1).sum() / 3
    own = scores[:2] - adaptation.pseudo_labels.labels[:, index]
    torch.testing.assert_close(loss, to_labels + 2 * (own**2).sum(dim=2).mean(dim=1).sum() / 3)
