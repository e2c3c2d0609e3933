"""Prediction: a model and audio become emotions with probabilities."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from didan.audio import read_audio
from didan.corpora.reader import find_audio
from didan.errors import AudioError
from didan.frontends import build_frontend, statistics
from didan.networks import run_padded

if TYPE_CHECKING:
    from didan.model import Model

_BATCH = 32


def predict(
    model: "Model", paths: Sequence[Path], on_damaged: Callable[[AudioError], None] | None = None
) -> pd.DataFrame:
    """Predict the emotion of audio files and of all audio in folders.

    Features are normalised with the statistics of the target that the model was adapted to (each utterance's
    own, if it normalises per utterance), so a file's prediction does not depend on the others.

    Args:
        model: the model.
        paths: files or folders.
        on_damaged: called with the reason for a file that cannot be read, which is then left out; if None the
            first such file is an error.

    Returns:
        One row per file: ``file``, ``emotion`` (the most probable), and the probability of each emotion.

    Raises:
        UserError: a folder without audio.
        AudioError: a file that cannot be read, where ``on_damaged`` is None.
    """
    files = [file for path in paths for file in (find_audio(path) if path.is_dir() else [path])]
    rows: list[tuple[str, torch.Tensor]] = []
    batch: list[tuple[str, torch.Tensor]] = []
    for file, features in _features(model, files, on_damaged):
        batch.append((str(file), features))
        if len(batch) == _BATCH:
            rows += _scores(model, batch)
            batch = []
    if batch:
        rows += _scores(model, batch)
    probabilities = model.probabilities(
        torch.stack([scores for _, scores in rows]) if rows else torch.empty(0, len(model.emotions))
    ).numpy()
    best = [model.emotions[index] for index in probabilities.argmax(axis=1)]
    columns = {emotion: probabilities[:, index] for index, emotion in enumerate(model.emotions)}
    return pd.DataFrame({"file": [file for file, _ in rows], "emotion": best, **columns})


def _features(
    model: "Model", files: Sequence[Path], on_damaged: Callable[[AudioError], None] | None
) -> Iterator[tuple[Path, torch.Tensor]]:
    frontend = build_frontend(model.config.frontend)
    for file in files:
        try:
            samples = read_audio(file)
        except AudioError as error:
            if on_damaged is None:
                raise
            on_damaged(error)
            continue
        with torch.inference_mode():
            features = frontend(torch.from_numpy(samples)).numpy()
        normalisation = model.config.normalisation
        if normalisation != "none":
            own = statistics([features]) if normalisation == "utterance" else model.statistics
            features = own.apply(features)
        yield file, torch.from_numpy(np.asarray(features, dtype=np.float32))


def _scores(model: "Model", batch: list[tuple[str, torch.Tensor]]) -> list[tuple[str, torch.Tensor]]:
    scores = run_padded(model.network, [features for _, features in batch]).scores.cpu()
    return [(file, row) for (file, _), row in zip(batch, scores, strict=True)]
