"""Confident pseudo-labels by hand, one utterance at a time."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from didan.model.config import make_config
from didan.self_training import ConfidentSettings

PRIOR = torch.tensor([0.25, 0.25, 0.25, 0.25])


def predictions(seed: int = 0, n: int = 60) -> Tensor:
    return (2 * torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))).log_softmax(dim=1)


@given(threshold=st.floats(0.01, 1.0), seed=st.integers(0, 100))
def test_by_hand(threshold: float, seed: int) -> None:
    log_p = predictions(seed)
    pseudo = ConfidentSettings(threshold=threshold)(log_p, PRIOR)
    for row, label, weight in zip(log_p.exp().numpy(), pseudo.labels.numpy(), pseudo.weights.numpy(), strict=True):
        best = max(range(4), key=lambda emotion: row[emotion])
        np.testing.assert_array_equal(label, np.eye(4)[best])
        if abs(row[best] - threshold) > 1e-5:
            assert weight == float(row[best] >= threshold)


def test_nine_tenths_are_enough_and_a_threshold_of_1_can_be_reached() -> None:
    p = torch.tensor([[0.91, 0.09, 0.0, 0.0], [0.89, 0.11, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    assert ConfidentSettings()(p.log(), PRIOR).weights.tolist() == [1, 0, 1]
    assert ConfidentSettings(threshold=1)(p.log(), PRIOR).weights.tolist() == [0, 0, 1]


def test_a_constant_of_an_utterance_changes_nothing() -> None:
    log_p = predictions()
    shifted = log_p + torch.linspace(-3, 3, 60)[:, None]
    first, second = (ConfidentSettings(threshold=0.7)(scores, PRIOR) for scores in (log_p, shifted))
    assert torch.equal(first.labels, second.labels)
    assert torch.equal(first.weights, second.weights)
    assert 0 < float(first.weights.mean()) < 1


def test_no_class_prior_is_assumed() -> None:
    rare = torch.tensor([0.97, 0.01, 0.01, 0.01])
    first, second = (ConfidentSettings()(predictions(), prior) for prior in (PRIOR, rare))
    assert torch.equal(first.labels, second.labels)
    assert torch.equal(first.weights, second.weights)
    assert not make_config(
        "source-only", data={"pseudo_labels": {"kind": "confident", "weight": 1.0}}
    ).assumes_uniform_prior
    assert make_config(
        "source-only", data={"pseudo_labels": {"kind": "balanced", "weight": 1.0}}
    ).assumes_uniform_prior


@pytest.mark.parametrize("threshold", [0, -0.5, 1.1])
def test_thresholds_that_make_no_sense_are_refused(threshold: float) -> None:
    with pytest.raises(ValidationError, match="threshold"):
        ConfidentSettings(threshold=threshold)
