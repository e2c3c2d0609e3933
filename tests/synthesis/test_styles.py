from dataclasses import replace

import numpy as np
import pytest

from didan.errors import UserError
from didan.synthesis import Population, between, style

ALPHA, BETA = style("alpha"), style("beta")


@pytest.mark.parametrize(("fraction", "women"), [(0.0, 0), (0.25, 2), (0.5, 4), (1.0, 8)])
def test_women_and_men_come_in_the_ratio_asked_for(fraction: float, women: int) -> None:
    population = Population(female=fraction, f0_spread=0.0)
    f0 = [population.draw("x", number, np.random.default_rng(number)).f0 for number in range(8)]
    assert f0.count(population.f0_female) == women
    assert f0.count(population.f0_male) == 8 - women


def test_voices_scatter_as_the_population_says() -> None:
    population = Population(female=0.0)
    people = [population.draw("x", number, np.random.default_rng(number)) for number in range(2000)]
    semitones = 12 * np.log2([person.f0 / population.f0_male for person in people])
    assert np.mean(semitones) == pytest.approx(0.0, abs=0.1)
    assert np.std(semitones) == pytest.approx(population.f0_spread, rel=0.05)
    assert np.std(np.log([person.tract for person in people])) == pytest.approx(0.03, rel=0.05)


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


def test_sounds_are_mixed_by_their_relative_frequency() -> None:
    ours = replace(ALPHA, language=replace(ALPHA.language, vowels={"i": 3, "A": 1}))
    theirs = replace(BETA, language=replace(BETA.language, vowels={"A": 10, "u": 10}))
    assert between(ours, theirs, 0.5).language.vowels == pytest.approx({"i": 0.375, "A": 0.375, "u": 0.25})


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan")])
def test_an_amount_outside_0_to_1_is_refused(amount: float) -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        between(ALPHA, BETA, amount)


def test_an_unknown_style_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="known: alpha, beta"):
        style("gamma")
