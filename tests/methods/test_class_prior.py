import pytest
import torch

from didan.errors import UserError
from didan.methods import assumed_prior
from didan.model.config import make_config

EMOTIONS = ("anger", "fear", "neutral", "sadness")


@pytest.mark.parametrize(
    ("class_prior", "expected"),
    [
        ({}, [0.25, 0.25, 0.25, 0.25]),
        ({"neutral": 0.7}, [0.1, 0.1, 0.7, 0.1]),
        ({"fear": 0.2, "neutral": 0.6}, [0.1, 0.2, 0.6, 0.1]),
        ({"anger": 0.1, "fear": 0.2, "neutral": 0.3, "sadness": 0.4}, [0.1, 0.2, 0.3, 0.4]),
    ],
)
def test_what_is_not_named_shares_the_rest(class_prior: dict[str, float], expected: list[float]) -> None:
    torch.testing.assert_close(assumed_prior(class_prior, EMOTIONS), torch.tensor(expected).double())


@pytest.mark.parametrize(
    ("class_prior", "message"),
    [
        ({"neutrl": 0.5}, "'neutrl' is no emotion of this task; did you mean 'neutral'"),
        ({"disgust": 0.5}, "known: anger, fear, neutral, sadness"),
        ({"neutral": 0.6, "fear": 0.4}, "adds up to 1; nothing is left for the 2 emotions not named"),
        ({"neutral": 0.9, "fear": 0.4}, "adds up to 1.3; nothing is left"),
        (dict.fromkeys(EMOTIONS, 0.2), "so it has to add up to 1, not 0.8"),
        (dict.fromkeys(EMOTIONS, 0.3), "so it has to add up to 1, not 1.2"),
    ],
)
def test_what_cannot_be_is_refused(class_prior: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        assumed_prior(class_prior, EMOTIONS)


@pytest.mark.parametrize("probability", [0, 1, -0.1, 1.5])
def test_settings_take_probabilities_between_0_and_1(probability: float) -> None:
    with pytest.raises(UserError, match=r"setting class_prior\.neutral: "):
        make_config(data={"class_prior": {"neutral": probability}})
