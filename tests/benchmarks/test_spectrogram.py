"""Every variant can be built and trained."""

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.spectrogram import VARIANTS, measure, normalised_frames

from didan.corpora import Corpus
from didan.features import load_features
from didan.model.config import Config, make_config
from didan.networks import Network, build_network
from didan.training.module import Learning


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_makes_a_vector_of_an_utterance(name: str) -> None:
    variant = VARIANTS[name]
    config = make_config("source-only", "spectrogram", assignments=variant.settings, group=variant.group)
    network = build_network("spectrogram", 64, 4)
    if variant.backbone is not None:
        network = Network(variant.backbone(64), 4, 0.6, 1)
    x = torch.randn(2, 70, 64)
    vectors = network.backbone(x, torch.tensor([70, 40]))
    assert vectors.shape == (2, network.width)
    alone = network.backbone(x[1:, :40], torch.tensor([40]))
    torch.testing.assert_close(vectors[1:], alone, rtol=1e-4, atol=1e-4)
    learns = Learning.of(network, config.optimisation).first == 0
    assert learns == ("learnt" in name or name == "attentive pooling")


def test_normalised_frames_are_in_db_still(tiny_corpora: tuple[Corpus, Corpus], session_cache: Path) -> None:
    config = make_config("source-only", "spectrogram")
    features = load_features(tiny_corpora[0].unlabelled(), config.frontend, config.normalisation, session_cache)
    made = normalised_frames(features)
    frames, before = (np.concatenate([one.raw[i] for i in range(len(one))]) for one in (made, features))
    np.testing.assert_allclose(frames.mean(axis=0), before.mean(axis=0), atol=3)
    np.testing.assert_allclose(frames.std(axis=0), before.std(axis=0), rtol=0.2)
    (domain,) = made.domains
    assert set(domain.groups) == {None}


@pytest.mark.parametrize("name", ["default", "frames normalised, vectors by domain"])
def test_a_record_has_what_the_table_needs(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def quick(method: str, frontend: str, seed: int, *, assignments: tuple[str, ...], group: str) -> Config:
        few = ("optimisation.steps=3", "optimisation.batch_size=8")
        return make_config(method, frontend, seed, assignments=[*assignments, *few], group=group)

    monkeypatch.setattr("benchmarks.spectrogram.make_config", quick)
    run = {"variant": name, "source": "a", "target": "b", "method": "source-only", "seed": 0}
    record = measure(run, dict(zip("ab", tiny_corpora, strict=True)), session_cache)
    hits = np.sum([own["hits"] for own in record["speakers"].values()], axis=0)
    counts = np.sum([own["counts"] for own in record["speakers"].values()], axis=0)
    assert record["uar"] == pytest.approx((hits / counts).mean())
    assert record["variant"] == name
    assert counts.sum() == len(tiny_corpora[1])
