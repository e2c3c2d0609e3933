"""What is exported, run by torch itself, which is fast enough to try every combination of settings."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from didan.audio import RATE
from didan.corpora import Corpus
from didan.features import FrontendSettings, FunctionalsSettings, SpectrogramSettings, Statistics
from didan.inference.graph import Graph
from didan.model.config import make_config
from didan.model.trained import TrainedModel
from didan.typing import Samples
from models import untrained_model
from speech.talk import noise, silence, talk, utterances, vowel

FRONTENDS: dict[str, FrontendSettings] = {
    "default": SpectrogramSettings(),
    "untrimmed": SpectrogramSettings(trim=None),
    "trimmed hard": SpectrogramSettings(trim=15.0, floor=30.0),
    "odd": SpectrogramSettings(window=0.031, hop=0.013, bands=40, low=100, high=7000),
    "functionals": FunctionalsSettings(),
}
Run = tuple[npt.NDArray[np.float32], ...]


@cache
def clips() -> list[Samples]:
    """0.2 to 8 s of speech, noise, tones, and all of them between silences, one of them true."""
    rng = np.random.default_rng(0)
    spoken = [
        talk(20)[first : first + round(seconds * RATE)]
        for first, seconds in zip(rng.integers(0, 12 * RATE, 10), np.geomspace(0.2, 8, 10), strict=True)
    ]
    hiss = [
        noise(seconds, 10**level, seed)
        for seed, (seconds, level) in enumerate(zip(rng.uniform(0.2, 8, 6), rng.uniform(-4, -1, 6), strict=True))
    ]
    times = np.arange(2 * RATE) / RATE
    tones = [(0.3 * np.sin(2 * np.pi * f * times)).astype(np.float32) + noise(2, 1e-3) for f in (80, 1000, 3999)]
    between = [np.concatenate([silence(0.4), one, noise(0.5, 1e-5)]) for one in (*utterances()[:4], vowel(0.7))]
    return [*spoken, *hiss, *tones, *between]


@pytest.fixture(scope="module", params=FRONTENDS)
def model(
    request: pytest.FixtureRequest, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path
) -> TrainedModel:
    """A model with random weights of these settings."""
    config = make_config(data={"frontend": FRONTENDS[request.param].model_dump()})
    return untrained_model(tiny_corpora, session_cache, config)


def run(model: TrainedModel, batch: list[Samples], statistics: Statistics | None = None) -> Run:
    """The graph's answers for a batch, padded with zeros; normalised as the domain without other statistics."""
    own = statistics or model.normaliser.statistics()
    padded = np.zeros((len(batch), max(map(len, batch))), dtype=np.float32)
    for row, clip in zip(padded, batch, strict=True):
        row[: len(clip)] = clip
    with torch.inference_mode():
        outputs = Graph(model).eval()(*(torch.from_numpy(array) for array in (padded, own.mean, own.std)))
    return tuple(output.numpy() for output in outputs)


def expected(model: TrainedModel, batch: list[Samples], statistics: Statistics | None = None) -> Run:
    """The model's own answers, one by one."""
    prepared = [model.prepare(clip) for clip in batch]
    own = statistics or model.normaliser.statistics()
    moments = model.moments(prepared)
    return (
        *model.answer(prepared, [own] * len(batch)),
        np.array([one.n_frames for one in moments]),
        np.array([one.mean for one in moments]),
        np.array([one.variance for one in moments]),
    )


def test_the_graph_answers_as_the_model_does(model: TrainedModel) -> None:
    ours, theirs = run(model, clips()), expected(model, clips())
    assert theirs[0].std(axis=0).max() > 0.05  # otherwise nothing is compared
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-4)


def test_the_graph_normalises_with_the_statistics_given(model: TrainedModel) -> None:
    domain, rng = model.normaliser.statistics(), np.random.default_rng(0)
    others = Statistics(
        domain.mean + 0.3 * domain.std * rng.normal(size=domain.mean.shape).astype(np.float32),
        domain.std * rng.uniform(0.8, 1.2, domain.std.shape).astype(np.float32),
        domain.voices,
    )
    ours, theirs = run(model, clips(), others), expected(model, clips(), others)
    assert np.abs(theirs[0] - expected(model, clips())[0]).max() > 0.01
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-4)
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-3)


def test_moments_are_those_of_the_features(model: TrainedModel) -> None:
    ours, theirs = run(model, clips()), expected(model, clips())
    np.testing.assert_array_equal(ours[2], theirs[2])
    std = model.normaliser.statistics().std.min(axis=0)  # of the kind of voice that varies least
    np.testing.assert_allclose(ours[3] / std, theirs[3] / std, atol=1e-3)
    np.testing.assert_allclose(ours[4] / std**2, theirs[4] / std**2, atol=1e-3)


def test_zeros_at_the_end_are_no_part_of_a_recording(model: TrainedModel) -> None:
    batch = clips()[::3]
    longer = [np.concatenate([clip, silence(0.7)]) for clip in batch]
    for way in (run, expected):
        for ours, theirs in zip(way(model, longer), way(model, batch), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_nothing_but_zeros_is_no_accident(model: TrainedModel) -> None:
    batch = [silence(1), utterances()[0]]
    answers = run(model, batch)
    assert all(np.isfinite(output).all() for output in answers)
    np.testing.assert_allclose(answers[0].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(answers[0][1:], expected(model, batch[1:])[0], atol=1e-4)
