"""Export: frontend, network and calibration as one ONNX graph, waveform in and probabilities out."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d

from didan.audio import RATE
from didan.errors import UserError
from didan.extras import require
from didan.files import written_whole
from didan.frontends import Spectrogram, SpectrogramSettings
from didan.inference.onnx import FORMAT
from didan.model import Model

OPSET = 20


class Graph(nn.Module):
    """What is exported: a batch of waveforms becomes probabilities.

    It computes what frontend, normalisation, network and temperature compute one after the other, for many
    utterances of different lengths at once. The Fourier transform is a convolution with windowed cosines and
    sines, which every runtime has. Zeros at the end of a waveform count as padding.

    Args:
        model: a model with a spectrogram frontend.
    """

    filters: Tensor
    waves: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, model: Model) -> None:
        super().__init__()
        assert isinstance(model.config.frontend, SpectrogramSettings)
        frontend = Spectrogram(model.config.frontend)
        self.settings, self.n_fft, self.hop = model.config.frontend, frontend.n_fft, frontend.hop
        self.n_bins = self.n_fft // 2 + 1
        # In double precision, so that rounding does not add to that of the runtime.
        bins, times = torch.arange(self.n_bins).double(), torch.arange(self.n_fft).double()
        angles = 2 * torch.pi * bins[:, None] * times / self.n_fft
        waves = torch.cat([angles.cos(), angles.sin()]) * torch.hann_window(self.n_fft, dtype=torch.float64)
        self.register_buffer("waves", waves.float()[:, None])
        self.register_buffer("filters", frontend.filters)
        self.register_buffer("mean", torch.from_numpy(model.statistics.mean))
        self.register_buffer("deviation", torch.from_numpy(model.statistics.deviation))
        self.normalisation, self.temperature = model.config.normalisation, model.temperature
        self.network = model.network

    def forward(self, waveform: Tensor) -> Tensor:
        """Map 16 kHz samples, shape (n, samples), to probabilities, shape (n, n_emotions)."""
        features, counts = self._spectrogram(waveform)
        features = self._normalised(features, counts)
        scores: Tensor = self.network(features, counts).scores
        return (scores / self.temperature).softmax(dim=1)

    def _spectrogram(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Log spectrograms, shape (n, frames, bands), and how many frames of each are its own, shape (n,)."""
        places = torch.arange(1, waveform.shape[1] + 1, device=waveform.device)
        lengths = (places * (waveform != 0)).amax(dim=1)
        spectrum = conv1d(waveform[:, None], self.waves, stride=self.hop, padding=self.n_fft // 2)
        power = self.filters @ (spectrum[:, : self.n_bins].square() + spectrum[:, self.n_bins :].square())
        frames = torch.arange(power.shape[2], device=waveform.device)
        valid = frames <= (lengths // self.hop)[:, None]
        nothing = torch.full((), -torch.inf)
        decibels = torch.where(valid[:, None], 10 * power.clamp_min(1e-10).log10(), nothing)
        decibels = torch.maximum(decibels, decibels.amax(dim=(1, 2), keepdim=True) - self.settings.floor).mT
        if self.settings.trim is None:
            return decibels, valid.sum(dim=1)
        loudness = torch.where(valid, 10 * power.sum(dim=1).clamp_min(1e-10).log10(), nothing)
        loud = loudness >= loudness.amax(dim=1, keepdim=True) - self.settings.trim
        first = torch.where(loud, frames, power.shape[2]).amin(dim=1)
        last = torch.where(loud, frames, 0).amax(dim=1)
        shifted = (frames + first[:, None]).clamp(max=power.shape[2] - 1)
        return decibels.gather(1, shifted[:, :, None].expand_as(decibels)), last - first + 1

    def _normalised(self, features: Tensor, counts: Tensor) -> Tensor:
        if self.normalisation == "none":
            return features
        if self.normalisation != "utterance":
            return (features - self.mean) / self.deviation
        frames = torch.arange(features.shape[1], device=features.device)
        own = (frames < counts[:, None]).to(features.dtype)[:, :, None]
        mean = (features * own).sum(dim=1, keepdim=True) / own.sum(dim=1, keepdim=True)
        variance = ((features - mean).square() * own).sum(dim=1, keepdim=True) / own.sum(dim=1, keepdim=True)
        deviation = variance.sqrt()
        return (features - mean) / torch.where(deviation < 1e-5, 1.0, deviation)


def export(model: Model, file: Path) -> None:
    """Write a model as an ONNX file that needs neither didan nor torch to run.

    Input ``waveform``: 16 kHz mono samples in [-1, 1], float32, shape (n, samples), shorter ones filled up with
    zeros. Output ``probabilities``: calibrated, shape (n, n_emotions). Both dimensions of the input are free. The
    file's metadata name the emotions, the rate and what the model was made of.

    Args:
        model: the model; its frontend must be a spectrogram.
        file: to write, ``*.onnx``.

    Raises:
        UserError: the frontend is openSMILE's, which is no tensor arithmetic; the file exists or cannot be
            written; onnx or onnxscript is not installed.
    """
    if not isinstance(model.config.frontend, SpectrogramSettings):
        raise UserError(
            f"a model of {model.config.frontend.kind} cannot be exported: openSMILE is no part of ONNX; "
            "train one with --frontend spectrogram"
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
