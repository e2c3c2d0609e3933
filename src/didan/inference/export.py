"""Export: a whole model as one ONNX file, waveform in and probabilities out."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from didan.audio import RATE
from didan.errors import UserError
from didan.extras import require
from didan.features import FunctionalsSettings
from didan.files import written_whole
from didan.inference.graph import Graph
from didan.inference.onnx import FORMAT
from didan.model.trained import Model

OPSET = 20


def export(model: Model, file: Path) -> None:
    """Write a model as an ONNX file that needs neither didan nor torch to run.

    Input ``waveform``: 16 kHz mono samples in [-1, 1], float32, shape (n, samples), shorter ones filled up with
    zeros. Output ``probabilities``: calibrated, shape (n, n_emotions). Both dimensions of the input are free. The
    file's metadata name the emotions, the rate and what the model was made of.

    Args:
        model: the model; it must not need openSMILE.
        file: to write, ``*.onnx``.

    Raises:
        UserError: the model needs openSMILE, which is no tensor arithmetic; the file exists or cannot be
            written; onnx or onnxscript is not installed.
    """
    frontend = model.config.frontend
    if isinstance(frontend, FunctionalsSettings) and "egemaps" in frontend.parts:
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
    dynamic = {"waveform": {0: torch.export.Dim("batch"), 1: torch.export.Dim("samples", min=1600)}}
    with _quiet():
        program = torch.onnx.export(
            Graph(model).eval(),
            (samples,),
            input_names=["waveform"],
            output_names=["probabilities"],
            dynamic_shapes=dynamic,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    about = {
        "format": FORMAT,
        "emotions": json.dumps(list(model.emotions)),
        "rate": str(RATE),
        "method": model.config.method,
        "sources": json.dumps(model.record.get("sources", [])),
        "target": str(model.record.get("target")),
    }
    onnx.helper.set_model_props(proto, about)
    with written_whole(file) as partial:
        onnx.save(proto, str(partial))


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
