from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import mean_squared_error
from torch.nn.functional import one_hot

import didan
from didan.corpora import Corpus
from didan.model.config import make_config
from didan.training.module import fitting_loss, ramp


def test_the_regression_loss_is_the_squared_error_on_one_hot_labels() -> None:
    scores = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 3, 1, 1, 2, 0])
    # scikit-learn averages over outputs too; the paper sums over them.
    expected = 4 * mean_squared_error(np.eye(4)[labels], scores)
    assert float(fitting_loss(scores, one_hot(labels, 4), "regression")) == pytest.approx(expected, rel=1e-6)


def test_cross_entropy_is_the_negative_log_likelihood() -> None:
    scores = torch.tensor([[0.0, np.log(3.0)]])
    assert float(fitting_loss(scores, torch.tensor([[0.0, 1.0]]), "cross-entropy")) == pytest.approx(-np.log(0.75))


def test_the_weight_rises_and_stays() -> None:
    assert [ramp(progress, 0.5) for progress in (0, 0.25, 0.5, 1)] == [0, 0.5, 1, 1]


def test_the_target_is_fitted_to_the_labels_carried_to_it(
    source: Corpus, target: Corpus, session_cache: Path
) -> None:
    def history(*settings: str) -> pd.DataFrame:
        few = ("optimisation.steps=40", "optimisation.batch_size=12", "method_settings.labels_every=10")
        # Dropout would have the network disagree with itself.
        config = make_config(assignments=[*few, "network.dropout=0", *settings])
        return didan.train(source, target, config=config, cache=session_cache).history

    with_labels = history("method_settings.labels_from=0.25")
    known = with_labels["labels"].notna()
    assert known.tolist() == [step >= 10 for step in range(40)]
    row = with_labels[known].iloc[-1]
    assert row["loss"] == pytest.approx(row["fit"] + row["weight"] * row["alignment"] + 2 * row["labels"])
    # Fitted to them the network agrees with them more and more, beyond the third that chance agrees in.
    assert with_labels["agreement"][-10:].mean() > 0.6
    assert with_labels["labels"][-5:].mean() < with_labels["labels"][known][:5].mean()
    without = history("method_settings.labels=0")
    assert "labels" not in without
    # Until the first labels both are the same training.
    assert without["loss"][:10].tolist() == with_labels["loss"][:10].tolist()
