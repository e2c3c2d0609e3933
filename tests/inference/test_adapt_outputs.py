"""Adapted outputs against the formulas, and where they should and should not change anything."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from didan.cli.options import Adaptation
from didan.corpora import Corpus
from didan.errors import UserError
from didan.evaluation import evaluate
from didan.inference.adapt_outputs import ADAPTATIONS, adapt_outputs, entropy, lame, t3a
from didan.inference.predict import Prediction, predict
from didan.model.trained import TrainedModel

RNG = np.random.default_rng(0)


def drawn(n: int = 60, blur: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities that are often wrong, features that lie together by emotion, and the emotions."""
    y = np.arange(n) % 3
    h = np.eye(3, 8)[y] * 4 + RNG.normal(0, 1, (n, 8))
    p = softmax(np.eye(3)[y] + RNG.normal(0, blur, (n, 3)), axis=1)
    return p, h, y


def test_the_options_are_the_ways() -> None:
    assert [way.value for way in Adaptation] == list(ADAPTATIONS)


@pytest.mark.parametrize("how", list(ADAPTATIONS))
def test_features_that_lie_together_correct_probabilities(how: str) -> None:
    p, h, y = drawn(300)
    adapted = ADAPTATIONS[how](p, h)
    np.testing.assert_allclose(adapted.sum(axis=1), 1)
    assert np.mean(adapted.argmax(axis=1) == y) > np.mean(p.argmax(axis=1) == y) + 0.1
    order = RNG.permutation(300)
    np.testing.assert_allclose(ADAPTATIONS[how](p[order], h[order]), adapted[order], atol=1e-6)


def test_lame_lowers_its_objective_as_far_as_it_goes() -> None:
    """Every pair of neighbours counts once; and no small step from there lowers it."""
    p, h, _ = drawn(25)
    unit = h / np.linalg.norm(h, axis=1, keepdims=True)
    nearness = unit @ unit.T
    np.fill_diagonal(nearness, -np.inf)
    w = np.zeros((25, 25))
    for i in range(25):
        w[i, np.argsort(-nearness[i])[:4]] = 1
    w = (w + w.T) / 2

    def objective(z: np.ndarray) -> float:
        return float((z * np.log(z / p)).sum() - (w * (z @ z.T)).sum() / 2)

    z = lame(p, h, neighbours=4)
    assert objective(z) < objective(p)
    for _ in range(50):
        step = RNG.dirichlet(np.ones(3), 25)
        assert objective(0.999 * z + 0.001 * step) >= objective(z) - 1e-6


def test_t3a_is_its_formula_and_as_sure_as_before() -> None:
    p, h, _ = drawn(50)
    unit = h / np.linalg.norm(h, axis=1, keepdims=True)
    uncertain = [-sum(x * np.log(x) for x in row) for row in p]
    prototypes = []
    for k in range(3):
        own = sorted((i for i in range(50) if p[i].argmax() == k), key=lambda i: uncertain[i])[:7]
        mean = np.mean([unit[i] for i in own], axis=0)
        prototypes.append(mean / np.linalg.norm(mean))
    adapted = t3a(p, h, supports=7)
    np.testing.assert_array_equal(adapted.argmax(axis=1), (unit @ np.array(prototypes).T).argmax(axis=1))
    assert entropy(adapted).mean() == pytest.approx(np.mean(uncertain), rel=1e-3)
    # At one temperature: the logarithms are the cosines, scaled and shifted.
    logs, cosines = (x - x.mean(axis=1, keepdims=True) for x in (np.log(adapted), unit @ np.array(prototypes).T))
    np.testing.assert_allclose(logs * np.abs(cosines).max() / np.abs(logs).max(), cosines, atol=1e-6)


@pytest.mark.parametrize("how", list(ADAPTATIONS))
def test_an_emotion_that_nobody_is_given(how: str) -> None:
    p, h, _ = drawn(30)
    p = np.hstack([0.99 * p, np.full((30, 1), 0.01)])
    assert np.isfinite(ADAPTATIONS[how](p, h)).all()


@pytest.mark.parametrize("how", list(ADAPTATIONS))
def test_the_same_utterance_many_times(how: str) -> None:
    p, h = np.tile([[0.5, 0.3, 0.2]], (30, 1)), np.ones((30, 4))
    assert np.isfinite(ADAPTATIONS[how](p, h)).all()


def predicted(n: int, spoken: int) -> list[Prediction]:
    p, h, _ = drawn(n)
    return [
        Prediction(
            row=row,
            file="a.wav",
            start=0.0,
            end=1.0,
            speech=1.0,
            emotion="abc"[p[row].argmax()] if row < spoken else None,
            probabilities=dict(zip("abc", p[row].tolist(), strict=True)) if row < spoken else None,
            embedding=h[row].astype(np.float32) if row < spoken else None,
        )
        for row in range(n)
    ]


def test_the_unadapted_ones_stay_beside_and_silence_stays_silent() -> None:
    before = predicted(25, 22)
    after = adapt_outputs(iter(before), "t3a")
    for old, new in zip(before, after, strict=True):
        assert new.unadapted == old.probabilities
        assert (new.row, new.file, new.start, new.end) == (old.row, old.file, old.start, old.end)
        if new.probabilities is None:
            assert new.emotion is None
        else:
            assert new.probabilities[str(new.emotion)] == max(new.probabilities.values())


def test_few_utterances_are_refused() -> None:
    with pytest.raises(UserError, match="19 hold speech, at least 20"):
        adapt_outputs(predicted(25, 19), "lame")


@pytest.mark.parametrize("how", list(ADAPTATIONS))
def test_evaluation_is_of_what_is_predicted(
    untrained: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, how: str
) -> None:
    corpus = tiny_corpora[1]
    result = evaluate(untrained, corpus, adapted_by=how, cache=session_cache)
    utterances = corpus.grouped(untrained.group).unlabelled().utterances()
    adapted = adapt_outputs(predict(untrained, utterances), how)
    assert list(result.utterances["predicted"]) == [one.emotion for one in adapted]
    assert result.normalised_by == f"as predicted, outputs adapted by {how}"
