"""Compared with distributions whose best linear classifier is known."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm

from didan.errors import UserError
from didan.selection import domain_gap, proxy_a_distance

Floats = npt.NDArray[np.float64]


def gaussians(n_source: int, n_target: int, shift: float, d: int = 2, seed: int = 0) -> tuple[Floats, Floats]:
    generator = np.random.default_rng(seed)
    source, target = generator.normal(size=(n_source, d)), generator.normal(size=(n_target, d))
    target[:, 0] += shift
    return source, target


@pytest.mark.parametrize("sizes", [(800, 800), (900, 300)])
@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0, 20.0])
def test_shifted_gaussians_have_the_accuracy_of_bayes(sizes: tuple[int, int], shift: float) -> None:
    gap = proxy_a_distance(*gaussians(*sizes, shift))
    expected = norm.cdf(shift / 2)
    assert gap.accuracy == pytest.approx(expected, abs=0.04)
    assert gap.a_distance == pytest.approx(2 * (1 - 2 * (1 - expected)), abs=0.16)


def test_distance_follows_from_the_accuracy_and_is_never_negative() -> None:
    gap = proxy_a_distance(*gaussians(200, 200, 0.8))
    assert gap.a_distance == pytest.approx(2 * (1 - 2 * (1 - gap.accuracy)))
    unlucky = [proxy_a_distance(*gaussians(40, 40, 0, seed=seed)) for seed in range(6)]
    assert min(gap.accuracy for gap in unlucky) < 0.5
    assert min(gap.a_distance for gap in unlucky) == 0


def test_voices_of_speakers_do_not_count_as_a_gap() -> None:
    """Speakers differ far more than utterances, but those of both corpora are of one population."""
    generator = np.random.default_rng(0)
    speakers = np.repeat(np.arange(30), 15)  # the same numbers on both sides, for other people
    source, target = (
        5 * generator.normal(size=(30, 60))[speakers] + generator.normal(size=(450, 60)) for _ in range(2)
    )
    assert proxy_a_distance(source, target).accuracy > 0.95
    assert proxy_a_distance(source, target, speakers, speakers).accuracy < 0.75
    assert proxy_a_distance(source, target + 50, speakers, speakers).accuracy > 0.95


def test_names_of_speakers_may_be_text_and_few() -> None:
    source, target = gaussians(60, 90, 20.0)
    names = np.repeat(np.array(["anna", "berta", "carla"], dtype=object), 20)
    assert proxy_a_distance(source, target, names).accuracy == 1
    assert proxy_a_distance(source, target, names, np.repeat(["x", "y"], 45)).accuracy == 1


def test_one_speaker_cannot_be_held_out() -> None:
    source, target = gaussians(10, 10, 1.0)
    with pytest.raises(UserError, match=r"two speakers on either side \(source: 1, target: 10\)"):
        proxy_a_distance(source, target, np.zeros(10))


def test_order_sides_units_and_seed_hardly_matter() -> None:
    source, target = gaussians(400, 400, 1.0)
    gap, generator = proxy_a_distance(source, target), np.random.default_rng(1)
    units = np.array([1e-3, 1000])
    for other in (
        proxy_a_distance(generator.permutation(source), generator.permutation(target)),
        proxy_a_distance(target, source),
        proxy_a_distance(units * source + 7, units * target + 7),
        proxy_a_distance(source, target, seed=1),
    ):
        assert other.accuracy == pytest.approx(gap.accuracy, abs=0.03)
    assert proxy_a_distance(source, target) == gap


def test_large_corpora_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain_gap, "_UTTERANCES", 50)
    # Shares of right answers among 50 are multiples of 1/50, their mean one of 1/100.
    accuracies = [proxy_a_distance(*gaussians(333, 77, 1.0), seed=seed).accuracy for seed in range(4)]
    np.testing.assert_allclose(accuracies, np.round(accuracies, 2), atol=1e-9)
    assert len(set(accuracies)) > 1
