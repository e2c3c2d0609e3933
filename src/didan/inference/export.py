"""Export: a whole model as one ONNX file, waveform in and probabilities out."""

import json
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from didan.audio import RATE
from didan.errors import UserError
from didan.extras import require
from didan.features import FunctionalsSettings, encoders_of, parts_of
from didan.features.encoders.encoder import LONGEST
from didan.files import written_whole
from didan.inference.graph import Graph
from didan.inference.onnx import FORMAT
from didan.model.trained import TrainedModel

OPSET = 20

_LARGEST = 2**31 - 2**20
"""Bytes of one file; protobuf ends at 2 GiB."""


def export(model: TrainedModel, file: Path) -> None:
    """Write a model as an ONNX file that needs neither didan nor torch to run.

    Input ``waveform``: 16 kHz mono samples in [-1, 1], float32, shape (n, samples), shorter ones padded with
    zeros. Outputs ``probabilities``: calibrated, shape (n, n_emotions); ``embeddings``: features of the first
    fully connected layer. Both dimensions of the input are free.

    Optional inputs ``mean`` and ``std``, shape (n_kinds, width): statistics, by kind of voice, of the group that
    the batch is of; without them those of the domain that the model was adapted to. The outputs ``frames``,
    ``feature_mean`` and ``feature_variance`` are the moments that a group's statistics are made of, see
    :mod:`didan.features.normaliser`; ``didan predict`` does it. The file's metadata name the emotions, the rate,
    the normaliser and what the model was made of. A pretrained encoder is inside the file and takes at most 30 s
    at a time; above 2 GB its weights are in a second file, ``FILE.data``, which belongs beside the first.

    Args:
        model: the model; it must not need openSMILE.
        file: to write, ``*.onnx``.

    Raises:
        UserError: the model needs openSMILE, which is no tensor arithmetic; the file exists or cannot be
            written; onnx or onnxscript is not installed.
    """
    frontend = model.config.frontend
    parts = parts_of(frontend)
    if any(isinstance(part, FunctionalsSettings) and "egemaps" in part.parts for part in parts):
        raise UserError(
            "a model of eGeMAPS cannot be exported: openSMILE is no part of ONNX; train one without "
            "frontend.parts=[egemaps]"
        )
    if file.suffix != ".onnx":
        raise UserError(f"{file} should end in .onnx")
    if file.exists():
        raise UserError(f"{file} exists already; choose another name or delete it")
    require("onnxscript", "onnx", "export")
    onnx = require("onnx", "onnx", "export")
    samples = torch.zeros(2, 2 * RATE)
    samples[:, RATE // 2 : -RATE // 2] = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, RATE)).float()
    domain = model.normaliser.statistics()
    mean, std = torch.from_numpy(domain.mean), torch.from_numpy(domain.std)
    longest = LONGEST if encoders_of(frontend) else None
    waveform = {0: torch.export.Dim("batch"), 1: torch.export.Dim("samples", min=1600, max=longest)}
    with _quiet():
        program = torch.onnx.export(
            Graph(model).eval(),
            (samples, mean, std),
            input_names=["waveform", "mean", "std"],
            output_names=["probabilities", "embeddings", "frames", "feature_mean", "feature_variance"],
            dynamic_shapes={"waveform": waveform, "mean": None, "std": None},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    for name, values in (("mean", domain.mean), ("std", domain.std)):  # an input with a value is an optional one
        proto.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    about = {
        "format": FORMAT,
        "emotions": json.dumps(list(model.emotions)),
        "rate": str(RATE),
        "longest": json.dumps(longest),
        "group": model.group,
        "normaliser": json.dumps(model.normaliser.to_dict()),
        "method": model.config.method,
        "sources": json.dumps(model.record.get("sources", [])),
        "target": str(model.record.get("target")),
    }
    onnx.helper.set_model_props(proto, about)
    _save(onnx, proto, file)


def _save(onnx: ModuleType, proto: Any, file: Path) -> None:
    """Write one file, or beside it a second one with the weights, where they are too large for the format."""
    data = file.with_name(f"{file.name}.data")
    # Of the weights alone, since the size of all of it cannot be asked for beyond the limit.
    if sum(len(weights.raw_data) for weights in proto.graph.initializer) <= _LARGEST:
        with written_whole(file) as partial:
            onnx.save(proto, str(partial))
        return
    if data.exists():
        raise UserError(f"{data} exists already, and the weights are to be written there; delete it")
    # Written under the names that they will have, since the model refers to its weights by name.
    with (
        written_whole(data) as partial_data,
        written_whole(file) as partial,
        tempfile.TemporaryDirectory(dir=file.parent) as folder,
    ):
        whole = Path(folder) / file.name
        onnx.save_model(proto, str(whole), save_as_external_data=True, location=data.name)
        (Path(folder) / data.name).replace(partial_data)
        whole.replace(partial)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks to programmers."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    try:
        logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
