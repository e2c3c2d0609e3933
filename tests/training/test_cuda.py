"""Training and resuming on a GPU, where there is one."""

from pathlib import Path

import pytest
import torch

from didan.corpora import Corpus
from didan.evaluation import evaluate
from didan.model.config import make_config
from didan.training.train import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


@pytest.mark.parametrize("method", ["didan", "mcc", "lidan", "dann"])
@pytest.mark.parametrize("frontend", ["functionals", "spectrogram"])
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
