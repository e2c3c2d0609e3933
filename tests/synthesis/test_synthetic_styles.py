from dataclasses import replace

import pytest

from didan.errors import UserError
from didan.synthesis import between, style

ALPHA, BETA = style("alpha"), style("beta")


def test_the_ends_are_the_styles_themselves() -> None:
    assert between(ALPHA, BETA, 0.0) is ALPHA
    assert between(ALPHA, BETA, 1.0) is BETA


def test_every_number_is_interpolated() -> None:
    mixed = between(ALPHA, BETA, 0.25)
    assert mixed.name == "alpha-beta-0.25"
    assert mixed.level == pytest.approx(0.75 * ALPHA.level + 0.25 * BETA.level)
    assert mixed.room.rt60 == pytest.approx(0.75 * ALPHA.room.rt60 + 0.25 * BETA.room.rt60)
    assert mixed.display.level == pytest.approx(0.75 + 0.25 * BETA.display.level)
    assert mixed.population.f0_male == pytest.approx(0.75 * 115 + 0.25 * BETA.population.f0_male)


def test_sounds_are_mixed_by_their_shares() -> None:
    ours = replace(ALPHA, language=replace(ALPHA.language, vowels={"i": 3, "A": 1}))
    theirs = replace(BETA, language=replace(BETA.language, vowels={"A": 10, "u": 10}))
    assert between(ours, theirs, 0.5).language.vowels == pytest.approx({"i": 0.375, "A": 0.375, "u": 0.25})


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan")])
def test_an_amount_outside_the_way_is_refused(amount: float) -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        between(ALPHA, BETA, amount)


def test_an_unknown_style_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="known: alpha, beta"):
        style("gamma")
