import pytest
import torch
from pydantic import ValidationError

from didan.methods import MethodContext, find_method
from didan.model.config import make_config
from didan.networks import ScoreLink


def test_there_is_no_term() -> None:
    method = find_method("source-only")
    context = MethodContext(
        emotions=("anger", "fear"),
        widths={"fc1": 3},
        link=ScoreLink(),
        class_prior=torch.tensor([0.5, 0.5]),
        source_domains=torch.arange(8) % 2,
        n_target=8,
    )
    assert method.build(method.settings(), context) is None


def test_it_does_not_adapt() -> None:
    assert not make_config("source-only").adapts


def test_there_is_nothing_to_set() -> None:
    with pytest.raises(ValidationError, match="trade_off"):
        find_method("source-only").settings.model_validate({"trade_off": 1.0})
