import pytest
from pydantic import ValidationError

from didan.methods import AlignmentSettings


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"lamda\s+Extra inputs are not permitted"):
        AlignmentSettings.model_validate({"lamda": 3})


@pytest.mark.parametrize("settings", [{"ramp": -0.1}, {"ramp": 1.1}, {"trade_off": -1}])
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(settings))):
        AlignmentSettings.model_validate(settings)


@pytest.mark.parametrize("name", ["ramp", "trade_off"])
def test_settings_do_not_change(name: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(AlignmentSettings(), name, 0.5)
