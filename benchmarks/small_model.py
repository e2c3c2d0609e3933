"""A model of synthetic speech, as a folder and exported, for benchmarks of prediction: it is quickly made."""

from pathlib import Path

import didan
from didan.corpora import Corpus
from didan.inference.export import export
from didan.model.config import make_config
from didan.synthesis import make_corpus, style

EMOTIONS = ("anger", "neutral", "sadness")


def make_small_model(folder: Path) -> Corpus:
    """Write ``model`` and ``model.onnx`` into a folder, and return the target that it is adapted to."""
    source, target = (
        make_corpus(folder / one, style(one), n_speakers=4, n_per_emotion=4, emotions=EMOTIONS, seed=0)
        for one in ("alpha", "beta")
    )
    config = make_config(assignments=["optimisation.steps=5"])
    model = didan.train(source, target, config=config, cache=folder / "cache")
    model.save(folder / "model")
    export(model.trained, folder / "model.onnx")
    return target
