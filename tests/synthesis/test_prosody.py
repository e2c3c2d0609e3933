from dataclasses import astuple

import numpy as np
import pytest

from didan.corpora.emotions import EMOTIONS
from didan.errors import UserError
from didan.synthesis import EXPRESSIONS, Prosody
from didan.synthesis.prosody import SPREAD, UNCHANGED, check_emotion, draw_prosody


def test_every_expression_is_an_emotion_of_the_vocabulary() -> None:
    assert set(EXPRESSIONS) <= set(EMOTIONS)


def test_directions_are_those_of_the_literature() -> None:
    anger, fear, joy, sadness = (EXPRESSIONS[name] for name in ("anger", "fear", "happiness", "sadness"))
    assert min(anger.pitch, fear.pitch, joy.pitch) > 0 > sadness.pitch
    assert anger.level > joy.level > 0 > sadness.level
    assert min(anger.rate, fear.rate, joy.rate) > 0 > sadness.rate
    assert min(anger.pitch_range, joy.pitch_range) > 0 > max(fear.pitch_range, sadness.pitch_range)
    assert anger.tilt > joy.tilt > sadness.tilt
    assert astuple(EXPRESSIONS["neutral"]) == astuple(Prosody())


def test_draws_scatter_around_the_scaled_effect() -> None:
    rng = np.random.default_rng(0)
    half = Prosody(*[0.5] * len(astuple(UNCHANGED)))
    draws = np.array([astuple(draw_prosody("sadness", 0.8, half, rng)) for _ in range(4000)])
    effect = np.array(astuple(EXPRESSIONS["sadness"]))
    np.testing.assert_allclose(draws.mean(axis=0), 0.4 * effect, atol=0.1)
    neutral = np.array([astuple(draw_prosody("neutral", 0.8, half, rng)) for _ in range(4000)])
    np.testing.assert_allclose(neutral.std(axis=0), astuple(SPREAD), rtol=0.05)


def test_an_unknown_emotion_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UserError, match="did you mean 'sadness'"):
        check_emotion("sadnes")
