import math

import pytest

from didan.errors import UserError
from didan.selection import select


def test_lowest_or_greatest_wins_as_the_criterion_has_it() -> None:
    scores = {"a": 0.2, "b": 0.9, "c": 0.5}
    assert select(scores, "entropy") == "a"
    assert select(scores, "soft-neighbourhood-density") == "b"


@pytest.mark.parametrize("criterion", ["ida-residual", "information-maximisation"])
def test_of_equals_the_first_wins(criterion: str) -> None:
    assert select({"b": 0.5, "a": 0.5}, criterion) == "b"


@pytest.mark.parametrize("criterion", ["deep-embedded-validation", "information-maximisation"])
def test_nan_is_never_chosen(criterion: str) -> None:
    assert select({"a": math.nan, "b": 0.5, "c": math.nan}, criterion) == "b"


@pytest.mark.parametrize("scores", [{}, {"a": math.nan}])
def test_nothing_to_compare(scores: dict[str, float]) -> None:
    with pytest.raises(UserError, match="no candidate has a score of entropy"):
        select(scores, "entropy")


def test_unknown_criterion() -> None:
    with pytest.raises(UserError, match="did you mean 'entropy'"):
        select({"a": 1.0}, "entrophy")
