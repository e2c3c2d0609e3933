"""When pseudo-labels are made, and what a pseudo-labeller promises, whatever its kind."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from didan.errors import UserError
from didan.methods import METHODS
from didan.model.config import make_config
from didan.self_training import PSEUDO_LABELLERS, PseudoLabelSettings

every_kind = pytest.mark.parametrize("kind", list(PSEUDO_LABELLERS))


@pytest.mark.parametrize(
    ("settings", "due"),
    [
        ({"start": 0.1, "every": 30}, [10, 40, 70]),
        ({"start": 0.0, "every": 50}, [0, 50]),
        ({"start": 0.995, "every": 1}, []),
        ({"start": 0.97, "every": 1}, [97, 98, 99]),
        ({"weight": 0}, []),
    ],
)
def test_they_are_due_from_a_share_of_training_on_and_then_regularly(
    settings: dict[str, Any], due: list[int]
) -> None:
    labeller = PseudoLabelSettings.model_validate({"weight": 1.0, **settings})
    assert [step for step in range(100) if labeller.due(step, 100)] == due


@given(start=st.floats(0, 1), every=st.integers(1, 50), steps=st.integers(1, 400))
def test_no_labels_before_the_start_and_none_older_than_the_interval(start: float, every: int, steps: int) -> None:
    labeller = PseudoLabelSettings(weight=1, start=start, every=every)
    due = [step for step in range(steps) if labeller.due(step, steps)]
    assert all(step >= start * steps for step in due)
    assert all(later - earlier == every for earlier, later in pairwise(due))
    if due:
        assert due[0] <= start * steps + 1
        assert due[-1] + every >= steps


@pytest.mark.parametrize(
    "settings", [{"weight": -1}, {"start": 2}, {"start": -0.1}, {"every": 0}, {"sharpness": 1}]
)
@every_kind
def test_settings_that_make_no_sense_are_refused(kind: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(settings))):
        PSEUDO_LABELLERS[kind].model_validate(settings)


@every_kind
def test_nobody_trains_herself_who_has_not_asked(kind: str) -> None:
    labeller = PSEUDO_LABELLERS[kind]()
    assert not any(labeller.due(step, 100) for step in range(100))


@every_kind
def test_labels_are_distributions_and_weights_0_or_1(kind: str) -> None:
    log_p = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)).log_softmax(dim=1)
    pseudo = PSEUDO_LABELLERS[kind]()(log_p, torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64))
    assert pseudo.labels.shape == (30, 4)
    assert pseudo.labels.dtype == log_p.dtype
    assert float(pseudo.labels.min()) >= 0
    torch.testing.assert_close(pseudo.labels.sum(dim=1), torch.ones(30))
    assert pseudo.weights.shape == (30,)
    assert set(pseudo.weights.tolist()) <= {0.0, 1.0}


@every_kind
@pytest.mark.parametrize("method", list(METHODS))
def test_any_method_can_have_any_of_them(method: str, kind: str) -> None:
    config = make_config(method, "spectrogram", data={"pseudo_labels": {"kind": kind, "weight": 0.5}})
    assert isinstance(config.pseudo_labels, PSEUDO_LABELLERS[kind])
    assert config.pseudo_labels.weight == 0.5
    assert config.adapts


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UserError, match="unknown 'confidnt'; did you mean 'confident'"):
        make_config(data={"pseudo_labels": {"kind": "confidnt"}})
