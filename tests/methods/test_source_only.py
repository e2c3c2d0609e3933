import pytest
import torch
from pydantic import ValidationError

from didan.methods import Setting, find_method


def test_there_is_no_term() -> None:
    method = find_method("source-only")
    source = Setting(torch.tensor([0, 1]), ("anger", "fear"), {"fc1": 3})
    assert method.build(method.settings(), source) is None


def test_there_is_nothing_to_set() -> None:
    with pytest.raises(ValidationError, match="trade_off"):
        find_method("source-only").settings.model_validate({"trade_off": 1.0})
