"""What is exported, run by torch itself, which is fast enough to try every combination of settings."""

from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import torch

from didan.audio import RATE
from didan.features import (
    Normalisation,
    SpectrogramSettings,
    build_frontend,
    extract_features,
    statistics,
)
from didan.inference.graph import Graph
from didan.model.trained import Model
from didan.networks import build_network
from didan.typing import Samples
from speech.talk import noise, silence, talk, utterances, vowel

FRONTENDS = {
    "default": SpectrogramSettings(),
    "untrimmed": SpectrogramSettings(trim=None),
    "trimmed hard": SpectrogramSettings(trim=15.0, floor=30.0),
    "odd": SpectrogramSettings(window=0.031, hop=0.013, bands=40, low=100, high=7000),
}


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


def made(model: Model, frontend: SpectrogramSettings, normalisation: Normalisation) -> Model:
    """A model with random weights of these settings, that gives every emotion to some of the clips."""
    config = model.config.model_copy(update={"frontend": frontend, "normalisation": normalisation})
    computed = build_frontend(frontend)
    raw = [extract_features(computed, clip) for clip in clips()]
    network = model.network
    if computed.n_bands != 64:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = build_network("compact", computed.n_bands, 3, 0.3)
    found = replace(
        model, config=config, network=deepcopy(network).eval(), statistics=statistics(raw), temperature=0.5
    )
    scores = found.hear(clips()).scores
    with torch.no_grad():
        spread = 3 * scores.std(dim=0)
        found.network.get_parameter("head.output.weight").div_(spread[:, None])
        found.network.get_parameter("head.output.bias").sub_(scores.mean(dim=0)).div_(spread)
    return found


def run(model: Model, batch: list[Samples]) -> npt.NDArray[np.float32]:
    """The graph's answers for a batch, padded with zeros."""
    padded = np.zeros((len(batch), max(map(len, batch))), dtype=np.float32)
    for row, clip in zip(padded, batch, strict=True):
        row[: len(clip)] = clip
    with torch.inference_mode():
        found: npt.NDArray[np.float32] = Graph(model).eval()(torch.from_numpy(padded)).numpy()
    return found


@pytest.mark.parametrize("normalisation", ["none", "utterance", "speaker", "corpus"])
@pytest.mark.parametrize("frontend", FRONTENDS)
def test_the_graph_answers_as_the_model_does(
    untrained: Model, frontend: str, normalisation: Normalisation
) -> None:
    model = made(untrained, FRONTENDS[frontend], normalisation)
    expected = model.recognise(clips())
    assert len(set(expected.argmax(axis=1))) == 3
    np.testing.assert_allclose(run(model, clips()), expected, atol=1e-4)


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_zeros_at_the_end_are_no_part_of_a_recording(untrained: Model, frontend: str) -> None:
    model = made(untrained, FRONTENDS[frontend], "utterance")
    longer = [np.concatenate([clip, silence(0.7)]) for clip in clips()[::3]]
    np.testing.assert_allclose(run(model, longer), run(model, clips()[::3]), atol=1e-5)
    np.testing.assert_allclose(model.recognise(longer), model.recognise(clips()[::3]), atol=1e-5)


def test_nothing_but_zeros_is_no_accident(untrained: Model) -> None:
    for normalisation in ("utterance", "corpus"):
        model = replace(untrained, config=untrained.config.model_copy(update={"normalisation": normalisation}))
        found = run(model, [silence(1), utterances()[0]])
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(found[1:], model.recognise([utterances()[0]]), atol=1e-4)
