"""Models that tests make without training."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from didan.corpora import Corpus
from didan.features import load_features
from didan.inference.export import export
from didan.inference.onnx import OnnxRecogniser
from didan.inference.predict import predict
from didan.inference.recogniser import Recogniser
from didan.model.config import Config
from didan.model.trained import SourceIndex, TrainedModel
from didan.networks import build_network
from didan.training.data import told_apart


def untrained_model(corpora: tuple[Corpus, Corpus], cache: Path, config: Config) -> TrainedModel:
    """A recogniser for the second corpus with random weights; it gives every emotion to some of its utterances."""
    source, target = (
        load_features(
            corpus.grouped(config.normalisation.group).unlabelled(), config.frontend, config.normalisation, cache
        )
        for corpus in corpora
    )
    source, target = told_apart(source, target, config.frontend, config.normalisation, adapts=True)
    emotions = corpora[0].emotions
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        members = config.network.members
        network = build_network(
            config.frontend.kind, source.raw[0].shape[1], len(emotions), 0.3, members=members
        ).eval()
        scores = network.run(target).scores
        spread = 3 * scores.std(dim=0)
        network.get_parameter("head.output.weight").div_(spread)
        network.get_parameter("head.output.bias").sub_(scores.mean(dim=0)).div_(spread).add_(1 / 3)
    table = (
        corpora[0]
        .grouped(config.normalisation.group)
        .table.assign(
            corpus="alpha",
            digest=source.contents["file"],
            audio=source.contents["audio"],
            validation=False,
            source=0,
        )
    )
    columns = [
        "file",
        "start",
        "end",
        "corpus",
        "speaker",
        "group",
        "emotion",
        "source",
        "digest",
        "audio",
        "validation",
    ]
    return TrainedModel(
        config=config,
        emotions=emotions,
        network=network,
        normaliser=network.heard(target).normalisers[0],
        source_index=SourceIndex(table=table[columns], embeddings=network.run(source).embeddings),
        temperature=0.2,
        history=pd.DataFrame({"step": [1, 2], "fit": [0.5, 0.25]}),
        record={
            "sources": ["alpha"],
            "target": "gamma",
            "selection": "none, it is untrained",
            "leakage": {"shared_speakers": [], "labels_read": {"training": "none"}, "identical_files": []},
        },
    )


def predictions(recogniser: Recogniser[Any], corpus: Corpus) -> npt.NDArray[np.float64]:
    """The probabilities that are predicted for a corpus whose speakers are known, shape (n, n_emotions)."""
    found = predict(recogniser, corpus.grouped("speaker").unlabelled().utterances())
    return np.array([list((one.probabilities or {}).values()) for one in found])


def as_exported(model: TrainedModel, folder: Path) -> OnnxRecogniser:
    """The model as one file, by ``onnxruntime``."""
    export(model, folder / "m.onnx")
    return OnnxRecogniser(folder / "m.onnx")
