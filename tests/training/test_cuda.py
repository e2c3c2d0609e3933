"""Training and resuming on a GPU, where there is one."""

from pathlib import Path

import numpy as np
import pytest
import torch

from didan.corpora import Corpus
from didan.evaluation import evaluate
from didan.features import PretrainedSettings, extract
from didan.features.frontend import build_frontend, extract_batch, runs_on_gpu
from didan.methods import METHODS
from didan.model.config import make_config
from didan.training.train import train
from tiny_encoders import TINY, make_encoder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


@pytest.mark.parametrize(
    ("method", "frontend"),
    [
        (name, frontend)
        for name in sorted(METHODS)
        for frontend in ("functionals", "spectrogram")
        if (name, frontend) != ("hda", "functionals")  # it aligns frames
    ],
)
def test_trains_on_a_gpu_and_predicts_on_the_processor(
    method: str, frontend: str, source: Corpus, target: Corpus, session_cache: Path
) -> None:
    settings = ["optimisation.steps=30", "optimisation.batch_size=8", "pseudo_labels.weight=2"]
    model = train(source, target, config=make_config(method, frontend, assignments=settings), cache=session_cache)
    assert next(model.network.parameters()).device.type == "cpu"
    assert evaluate(model, target, cache=session_cache).n == len(target)


def test_resumes_on_a_gpu(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(assignments=["optimisation.steps=40", "optimisation.batch_size=8"])
    monkeypatch.setattr("didan.training.loop._SECONDS_BETWEEN_CHECKPOINTS", 0.0)

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "training" and done == 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(source, target, config=config, out=tmp_path / "m", cache=session_cache, progress=interrupt)
    resumed = train(source, target, config=config, out=tmp_path / "m", resume=True, cache=session_cache)
    assert len(resumed.history) == 40


@pytest.mark.parametrize("frontend", ["functionals", "spectrogram"])
@pytest.mark.parametrize("method", ["didan", "lidan", "dann"])
def test_the_same_seed_gives_the_same_weights_to_the_last_bit(
    method: str, frontend: str, source: Corpus, target: Corpus, session_cache: Path
) -> None:
    settings = ["optimisation.steps=30", "optimisation.batch_size=8", "optimisation.backbone_from=0"]
    config = make_config(method, frontend, assignments=settings)
    one, other = (train(source, target, config=config, cache=session_cache) for _ in range(2))
    assert one.record["hardware"]["not_deterministic"] == "nothing"
    others = other.network.state_dict()
    assert all(torch.equal(values, others[name]) for name, values in one.network.state_dict().items())


@pytest.mark.parametrize("name", TINY)
def test_hidden_states_of_a_gpu_are_those_of_the_processor_in_fewer_digits(name: str, tmp_path: Path) -> None:
    settings = PretrainedSettings(model=str(make_encoder(name, tmp_path))).found()
    rng = np.random.default_rng(0)
    clips = [(rng.standard_normal(16_000 * seconds) / 10).astype(np.float32) for seconds in (1, 3, 2)]
    on_processor = build_frontend(settings)
    on_gpu = build_frontend(settings)
    on_gpu.cuda()
    for whole in (False, True):
        on_gpu.half_precision = not whole
        for one, other in zip(extract_batch(on_gpu, clips), extract_batch(on_processor, clips), strict=True):
            np.testing.assert_allclose(one, other, atol=(1e-3 if whole else 5e-2) * np.abs(other).max())


def test_features_of_a_corpus_are_made_on_a_gpu(target: Corpus, tmp_path: Path) -> None:
    settings = PretrainedSettings(model=str(make_encoder("whisper", tmp_path / "encoder"))).found()
    assert runs_on_gpu(settings)
    made = extract(target.unlabelled(), settings, tmp_path / "cache")
    assert len(made.rows) == len(target)
    assert all(np.isfinite(made.features[row]).all() for row in range(len(target)))
