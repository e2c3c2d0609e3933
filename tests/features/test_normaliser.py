"""Statistics of groups against numpy over the frames of all their utterances, put together."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from didan.features import Block, Moments, NormalisationSettings, Normaliser, Statistics, Voices
from didan.typing import Features

NAN, INF = float("nan"), float("inf")
Floats = npt.NDArray[np.float64]


def utterances(mean: float, std: float, lengths: Sequence[int] = (30, 7, 100), seed: int = 0) -> list[Features]:
    """Utterances of different length, each around its own mean, in four bands."""
    rng = np.random.default_rng(seed)
    return [
        (mean + std * (rng.normal() + rng.standard_normal((length, 4)))).astype(np.float32) for length in lengths
    ]


def by_numpy(parts: Sequence[Features]) -> tuple[Floats, Floats]:
    """Mean and variance of each band over all frames."""
    frames = np.concatenate(list(parts)).astype(np.float64)
    return frames.mean(axis=0), frames.var(axis=0)


def shrunk(group: Sequence[Features], domain: Sequence[Features], k: float) -> tuple[Floats, Floats]:
    """The formula, with mean and variance of frames put together."""
    weight = 0.0 if np.isinf(k) else len(group) / (len(group) + k)
    (m_group, v_group), (m_domain, v_domain) = by_numpy(group), by_numpy(domain)
    return weight * m_group + (1 - weight) * m_domain, weight * v_group + (1 - weight) * v_domain


def assert_equal(statistics: Statistics, expected: tuple[Floats, Floats]) -> None:
    mean, variance = expected
    np.testing.assert_allclose(statistics.mean, mean[None], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(statistics.std, np.sqrt(variance)[None], rtol=1e-5)
    assert statistics.mean.dtype == statistics.std.dtype == np.float32


def each(parts: Sequence[Features]) -> list[Moments]:
    return [Moments.of(part) for part in parts]


def moments(parts: Sequence[Features]) -> Moments:
    return Moments.pooled(map(Moments.of, parts))


@pytest.mark.parametrize(("mean", "std"), [(0, 1), (-60, 12), (5000, 0.1), (0.3, 1e-3)])
def test_moments_are_those_of_all_frames_together(mean: float, std: float) -> None:
    parts = utterances(mean, std)
    pooled = moments(parts)
    assert (pooled.n_utterances, pooled.n_frames) == (3, 137)
    expected = by_numpy(parts)
    np.testing.assert_allclose(pooled.mean, expected[0], rtol=1e-12)
    np.testing.assert_allclose(pooled.variance, expected[1], rtol=1e-7)
    assert_equal(Normaliser((pooled,), 0).statistics(), expected)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=12), cut=st.integers(0, 12), seed=st.integers(0, 99)
)
def test_pooling_sets_is_pooling_their_utterances(lengths: list[int], cut: int, seed: int) -> None:
    parts = utterances(-60, 12, lengths, seed)
    sets = [part for part in (parts[:cut], parts[cut:]) if part]
    pooled, twice = moments(parts), Moments.pooled([moments(part) for part in sets])
    assert (twice.n_utterances, twice.n_frames) == (pooled.n_utterances, pooled.n_frames)
    np.testing.assert_allclose(twice.mean, pooled.mean, rtol=1e-10)
    np.testing.assert_allclose(twice.variance, pooled.variance, rtol=1e-7, atol=1e-9)


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_order_plays_no_part_not_even_in_the_last_bit(lengths: list[int], seed: int) -> None:
    parts = utterances(-60, 12, lengths, seed)
    order = np.random.default_rng(seed).permutation(len(parts))
    pooled, shuffled = moments(parts), moments([parts[index] for index in order])
    np.testing.assert_array_equal(shuffled.mean, pooled.mean)
    np.testing.assert_array_equal(shuffled.variance, pooled.variance)


def test_normalised_frames_have_mean_0_and_standard_deviation_1() -> None:
    parts = utterances(-60, 12)
    statistics = Normaliser.fit(each(parts), shrinkage=0).statistics()
    frames = np.concatenate([statistics.apply(part) for part in parts])
    np.testing.assert_allclose(frames.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(frames.std(axis=0), 1, atol=1e-5)


def test_one_frame_is_one_utterance_that_does_not_vary() -> None:
    one = Moments.of(np.array([[2.0, -3.0]], dtype=np.float32))
    assert (one.n_utterances, one.n_frames) == (1, 1)
    assert (one.mean.tolist(), one.variance.tolist()) == ([2.0, -3.0], [0.0, 0.0])


def test_a_band_is_constant_up_to_a_millionth_of_what_it_is() -> None:
    mean, std = np.array([0.0, 1.5, 1e6, 1e6]), np.array([1.5e-6, 1.8e-6, 0.5, 1.5])
    assert Moments(9, 9, mean, std**2).std().tolist() == pytest.approx([1.5e-6, 1.8e-6, 1, 1.5])


@pytest.mark.parametrize("value", [-80.1, 0.0, 1e6])
def test_a_constant_band_becomes_0(value: float) -> None:
    parts = utterances(-60, 12)
    for part in parts:
        part[:, 2] = value
    statistics = Normaliser.fit(each(parts), shrinkage=0).statistics()
    frames = np.concatenate([statistics.apply(part) for part in parts])
    np.testing.assert_allclose(frames[:, 2], 0, atol=1e-4)
    np.testing.assert_allclose(frames[:, [0, 1, 3]].std(axis=0), 1, atol=1e-5)


def test_a_band_that_is_constant_in_a_group_alone_varies_with_the_domain() -> None:
    group, others = utterances(-60, 12), utterances(-50, 8, seed=1)
    for part in group:
        part[:, 2] = -80.0
    domain = [*group, *others]
    normaliser = Normaliser.fit(each(domain), shrinkage=3)
    assert_equal(normaliser.statistics(moments(group)), shrunk(group, domain, 3))
    alone = Normaliser.fit(each(domain), shrinkage=0).statistics(moments(group))
    assert alone.std[0, 2] == 1
    np.testing.assert_allclose(alone.apply(group[0])[:, 2], 0, atol=1e-4)


@given(
    k=st.one_of(st.floats(0, 1000), st.just(INF)),
    own=st.lists(st.integers(2, 40), min_size=1, max_size=8),
    others=st.lists(st.integers(2, 40), min_size=1, max_size=8),
    seed=st.integers(0, 99),
)
def test_a_group_is_drawn_to_the_domain_by_the_formula(
    k: float, own: list[int], others: list[int], seed: int
) -> None:
    group = utterances(-60, 12, own, seed)
    domain = [*group, *utterances(-40, 6, others, seed + 1)]
    statistics = Normaliser.fit(each(domain), k).statistics(moments(group))
    assert_equal(statistics, shrunk(group, domain, k))


def test_no_shrinkage_is_normalisation_by_group() -> None:
    group = utterances(-60, 12)
    normaliser = Normaliser.fit(each([*group, *utterances(-40, 6, seed=1)]), shrinkage=0)
    statistics = normaliser.statistics(moments(group))
    mean, variance = by_numpy(group)
    for part in group:
        np.testing.assert_allclose(statistics.apply(part), (part - mean) / np.sqrt(variance), atol=1e-4)


def test_infinite_shrinkage_is_normalisation_by_domain() -> None:
    group = utterances(-60, 12)
    normaliser = Normaliser.fit(each([*group, *utterances(-40, 6, seed=1)]), shrinkage=INF)
    ours, domain = normaliser.statistics(moments(group)), normaliser.statistics()
    np.testing.assert_array_equal(ours.mean, domain.mean)
    np.testing.assert_array_equal(ours.std, domain.std)


@given(k=st.floats(0.1, 1000), n=st.integers(1, 200))
def test_the_more_utterances_the_nearer_to_their_own_and_nothing_jumps(k: float, n: int) -> None:
    """The same utterance again and again, so that the statistics of the group stay and only its weight grows."""
    (one,) = utterances(3, 2, [50])
    domain = Normaliser((moments(utterances(-3, 5, seed=1)),), k)
    own = Moments.of(one)

    def statistics(count: int) -> tuple[Floats, Floats]:
        group = Moments(count, count * own.n_frames, own.mean, own.variance)
        drawn = domain.statistics(group if count else None)
        return drawn.mean[0].astype(np.float64), drawn.std[0].astype(np.float64)

    goal = (own.mean, np.sqrt(own.variance))
    for before, after, end, limit in zip(statistics(n - 1), statistics(n), goal, statistics(0), strict=True):
        # With so few as one, a step is no larger than its share of the way from the domain to the group.
        assert (np.abs(after - end) <= np.abs(before - end) + 1e-5).all()
        assert (np.abs(after - limit) >= np.abs(before - limit) - 1e-5).all()
    step = np.abs(statistics(n)[0] - statistics(n - 1)[0])
    way = np.abs(own.mean - domain.domain[0].mean)
    np.testing.assert_allclose(step, way * k / ((n + k) * (n - 1 + k)), rtol=1e-3, atol=1e-5)


def test_a_single_utterance_is_hardly_its_own_group() -> None:
    """A group of one comes near to none, since all it has could be mood."""
    (one,) = utterances(3, 2, [50])
    for k in (10.0, 100.0, 1000.0):
        normaliser = Normaliser((moments(utterances(-3, 5, seed=1)),), k)
        apart = np.abs(normaliser.statistics(Moments.of(one)).mean - normaliser.statistics().mean)[0]
        np.testing.assert_allclose(
            apart, np.abs(Moments.of(one).mean - normaliser.domain[0].mean) / (1 + k), rtol=1e-3
        )


@pytest.mark.parametrize("at_once", [1, 2, 4, 100])
def test_however_many_are_in_memory_at_a_time(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = utterances(-60, 12, [30, 7, 100, 1, 12, 5, 9])
    groups: list[object] = ["ann", "bob", "ann", None, "carl", "bob", "ann"]
    voices = Voices((0,), np.array([[0.0], [0.1]]), np.zeros(2), centre=np.array([-60.0]))
    expected = Normaliser.fit(each(parts), 2, voices=voices)
    of_groups = expected.statistics_by_group(each(parts), groups)
    monkeypatch.setattr("didan.features.normaliser._AT_ONCE", at_once)
    normaliser = Normaliser.fit(iter(each(parts)), 2, voices=voices)
    for own, wanted in zip(normaliser.domain, expected.domain, strict=True):
        assert (own.n_utterances, own.n_frames) == (wanted.n_utterances, wanted.n_frames)
        np.testing.assert_allclose(own.mean, wanted.mean)
        np.testing.assert_allclose(own.variance, wanted.variance)
    for one, other in zip(normaliser.statistics_by_group(iter(each(parts)), groups), of_groups, strict=True):
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-6)
        np.testing.assert_allclose(one.std, other.std, rtol=1e-6)


def test_a_kind_of_voice_has_the_moments_of_its_frames_drawn_towards_those_of_all() -> None:
    parts = utterances(-60, 12, [30, 7, 100, 1, 12, 5, 9])
    voices = Voices((1,), np.array([[0.0, 0.2]]).T, np.array([0.3, 0.0]), centre=np.array([-58.0]))
    weights = voices(np.stack([part.astype(np.float64).mean(axis=0) for part in parts]))
    assert weights[:, 0].min() < 0.2 < 0.8 < weights[:, 0].max()
    frames = np.concatenate(parts).astype(np.float64)
    for kind, own in enumerate(Normaliser.fit(each(parts), 2, voices=voices).domain):
        of_frames = np.repeat(weights[:, kind], [len(part) for part in parts])
        mean = np.average(frames, axis=0, weights=of_frames)
        variance = np.average((frames - mean) ** 2, axis=0, weights=of_frames)
        n = weights[:, kind].sum()
        share = n / (n + 5)
        np.testing.assert_allclose(own.mean, share * mean + (1 - share) * frames.mean(axis=0))
        np.testing.assert_allclose(own.variance, share * variance + (1 - share) * frames.var(axis=0))


def test_every_utterance_gets_the_statistics_of_its_group() -> None:
    parts = utterances(-60, 12, [30, 7, 100, 1, 12, 5])
    groups: list[object] = ["ann", "bob", "ann", None, NAN, "bob"]
    normaliser = Normaliser.fit(each(parts), shrinkage=2)
    statistics = normaliser.statistics_by_group([Moments.of(part) for part in parts], groups)
    for index, group in enumerate(groups):
        if isinstance(group, str):
            members = [part for part, name in zip(parts, groups, strict=True) if name == group]
            assert_equal(statistics[index], shrunk(members, parts, 2))
        else:
            np.testing.assert_array_equal(statistics[index].mean, normaliser.statistics().mean)
            np.testing.assert_array_equal(statistics[index].std, normaliser.statistics().std)


def test_unknown_groups_are_no_group_of_their_own() -> None:
    parts = utterances(-60, 12, [30, 7, 100])
    normaliser = Normaliser.fit(each(parts), shrinkage=0)
    for unknown in (None, NAN, np.nan, float("nan")):
        for statistics in normaliser.statistics_by_group([Moments.of(part) for part in parts], [unknown] * 3):
            np.testing.assert_array_equal(statistics.mean, normaliser.statistics().mean)


def test_groups_of_another_domain_are_drawn_to_the_one_fitted() -> None:
    """As where a model is used on recordings that it was not adapted to."""
    target, others = utterances(-60, 12), utterances(-30, 3, seed=1)
    normaliser = Normaliser.fit(each(target), shrinkage=5)
    assert_equal(normaliser.statistics(moments(others)), shrunk(others, target, 5))
    assert_equal(normaliser.statistics(), by_numpy(target))


def test_by_default_speakers_moods_and_kinds_of_voice_are_told_apart() -> None:
    settings = NormalisationSettings()
    assert (settings.group, settings.shrinkage, settings.voices, settings.moods) == ("speaker", 20, True, True)


def test_settings() -> None:
    assert str(NormalisationSettings(group="x", shrinkage=0)) == "x, k = 0"
    assert str(NormalisationSettings(group="none")) == "corpus"
    for wrong in ({"shrinkage": -1}, {"shrinkage": INF}, {"shrinkage": NAN}, {"group": ""}, {"k": 1}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            NormalisationSettings.model_validate(wrong)


def two_kinds() -> Normaliser:
    """Of four bands, in two blocks; the kinds of voice lie apart in the first band."""
    domain = tuple(Moments(3, 30, np.full(4, value), np.ones(4)) for value in (0.0, 8.0))
    voices = Voices((0,), np.array([[-4.0], [4.0]]), np.zeros(2), np.array([4.0]))
    return Normaliser(domain, 20.0, (Block(1, 0.5), Block(3, 1.0)), voices)


def changed(content: Any, where: tuple[str | int, ...], value: object) -> Any:
    """A copy of what a file holds, with another value somewhere."""
    if not where:
        return value
    first, *others = where
    copied = content.copy()
    copied[first] = changed(content[first], tuple(others), value)
    return copied


def test_a_normaliser_comes_back_from_a_file() -> None:
    made = two_kinds()
    back = Normaliser.from_dict(json.loads(json.dumps(made.to_dict())))
    for value in (0.0, 8.0):
        own = np.full((5, 4), 3, dtype=np.float32)
        own[:, 0] = value
        mean, std = back.statistics(None).of(own)
        np.testing.assert_allclose(mean, value, atol=1e-4)  # that of its own kind of voice
        np.testing.assert_array_equal(std, [1 / 0.5, 1, 1, 1])  # the first block counts half
    assert back.to_dict() == made.to_dict()


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("domain",), []),
        (("domain", 0, "mean"), [[0.0] * 4]),
        (("domain", 1, "mean"), [0.0] * 3),
        (("domain", 1, "variance"), [1.0] * 5),
        (("domain", 1, "variance"), [1.0, 1.0, -1.0, 1.0]),
        (("domain", 0, "mean"), [0.0, 0.0, NAN, 0.0]),
        (("domain", 0, "frames"), -1),
        (("blocks",), [[1, 0.5], [2, 1.0]]),
        (("blocks",), [[0, 0.5], [4, 1.0]]),
        (("blocks",), [[1, INF], [3, 1.0]]),
        (("shrinkage",), -1.0),
        (("shrinkage",), NAN),
        (("voices",), None),
        (("voices", "bands"), [4]),
        (("voices", "bands"), [0, 1]),
        (("voices", "weights"), [[1.0]]),
        (("voices", "bias"), [0.0]),
        (("voices", "centre"), [0.0, 0.0]),
        (("voices", "centre"), [INF]),
    ],
)
def test_what_no_normaliser_is_like_is_refused(where: tuple[str | int, ...], value: object) -> None:
    with pytest.raises(ValueError, match="normaliser"):
        Normaliser.from_dict(changed(two_kinds().to_dict(), where, value))


@pytest.mark.parametrize("shrinkage", [0.0, 0.5])
def test_the_least_that_a_normaliser_can_be_comes_back(shrinkage: float) -> None:
    of_one_frame = Normaliser((Moments.of(np.array([[0.5]])),), shrinkage)
    assert Normaliser.from_dict(of_one_frame.to_dict()) == of_one_frame
    # All of its features may describe the voice.
    kinds = Voices((0,), np.array([[-1.0], [1.0]]), np.zeros(2), np.array([0.0]))
    described = Normaliser(of_one_frame.domain * 2, shrinkage, voices=kinds)
    assert Normaliser.from_dict(described.to_dict()).to_dict() == described.to_dict()


def test_a_kind_of_voice_may_have_no_utterance_and_a_band_no_variance() -> None:
    content = changed(two_kinds().to_dict(), ("domain", 0, "frames"), 0)
    assert Normaliser.from_dict(changed(content, ("domain", 1, "variance"), [0.0] * 4)).width == 4
