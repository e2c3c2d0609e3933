"""The study of lengths sees each speaker on one side, and changes nothing but lengths."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.fusion import half, measure, with_length

from didan.corpora import Corpus
from didan.features import load_features
from didan.model.config import Config, make_config
from tiny_encoders import make_encoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder("whisper", tmp_path_factory.mktemp("encoder"))


def test_halves_share_no_speaker(tiny_corpora: tuple[Corpus, Corpus]) -> None:
    one, other = half(tiny_corpora[0], 0), half(tiny_corpora[0], 1)
    assert not set(one.table["speaker"]) & set(other.table["speaker"])
    assert len(one) + len(other) == len(tiny_corpora[0])


def test_the_length_of_functionals_is_the_one_asked_for(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, encoder: Path
) -> None:
    config = make_config("source-only", "functionals+pretrained", assignments=[f"frontend.model={encoder}"])
    features = load_features(tiny_corpora[0].unlabelled(), config.frontend, config.normalisation, session_cache)
    vectors = with_length(features, 0.25).vectors()
    squares = np.square(vectors).mean(axis=0)
    n_functionals = features.domains[0].blocks[0].width
    ratio = squares[:n_functionals].sum() / squares[n_functionals:].sum()
    assert ratio == pytest.approx(0.25**2, rel=0.2)


def test_a_record_has_what_the_table_needs(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quick(method: str, frontend: str, seed: int, *, assignments: list[str], group: str) -> Config:
        few = ("optimisation.steps=3", "optimisation.batch_size=8")
        return make_config(method, frontend, seed, assignments=[*assignments, *few], group=group)

    monkeypatch.setattr("benchmarks.fusion.make_config", quick)
    run = {"corpus": "a", "half": 0, "group": "none", "length": 0.4, "seed": 0}
    record = measure(run, tiny_corpora[0], str(encoder), session_cache)
    hits, counts = (
        np.sum([own[which] for own in record["speakers"].values()], axis=0) for which in ("hits", "counts")
    )
    assert record["uar"] == pytest.approx((hits / counts).mean())
    assert counts.sum() == len(half(tiny_corpora[0], 1))
    assert run.items() <= record.items()
