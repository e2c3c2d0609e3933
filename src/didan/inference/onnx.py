"""An exported recogniser, run by onnxruntime; torch is neither needed nor imported."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from didan.audio import RATE
from didan.errors import UserError
from didan.extras import require
from didan.features.normaliser import Moments, Normaliser, Statistics
from didan.model.find import is_adapted
from didan.typing import Answers, Samples

FORMAT = "didan 5"
"""What exported files call themselves."""

_BATCH_SECONDS = 20


class OnnxRecogniser:
    """A recogniser in a file; see :class:`didan.inference.Recogniser`.

    Args:
        file: written by ``didan export``.
        threads: processors to use; as many as there are if None.

    Raises:
        UserError: the file is missing, is no such file, or onnxruntime is not installed.
    """

    def __init__(self, file: Path, threads: int | None = None) -> None:
        if not file.is_file():
            what = "is no file" if file.exists() else "does not exist"
            raise UserError(f"model {file} {what}; give a file that didan export has written")
        self._file = file
        # It would tell its maker that it is used, and remember this machine by a number.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        onnxruntime = require("onnxruntime", "onnx", "prediction with an exported model")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # one is kept for every shape it meets
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
            metadata = self._session.get_modelmeta().custom_metadata_map
        except Exception as error:  # of a kind of its own, which onnxruntime does not name publicly
            detail = " ".join(str(error).split())[:150]
            raise UserError(f"{file} is not an ONNX model that can be run ({detail})") from error
        if metadata.get("format") != FORMAT:
            older = metadata.get("format", "").startswith("didan")
            hint = (
                "written by an older didan; export it again" if older else "not one that didan export has written"
            )
            raise UserError(f"{file} is an ONNX model, but {hint}")
        try:
            shapes = {output.name: output.shape for output in self._session.get_outputs()}
            self._width = int(shapes["embeddings"][1])
            self._longest: int | None = json.loads(metadata.get("longest", "null"))
            self.emotions: tuple[str, ...] = tuple(map(str, json.loads(metadata["emotions"])))
            self.group = metadata["group"]
            self.normaliser = Normaliser.from_dict(json.loads(metadata["normaliser"]))
            self.is_adapted = is_adapted(metadata["method"], json.loads(metadata["sources"]), metadata["target"])
        except (LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise UserError(f"{file} is damaged, what it says of itself cannot be read ({error})") from error

    def prepare(self, samples: Samples) -> Samples:
        """Samples as they are: features are made inside.

        Raises:
            UserError: they are more than the encoder inside takes at a time.
        """
        if self._longest is not None and len(samples) > self._longest:
            raise UserError(
                f"this exported model takes at most {self._longest / RATE:g} s at a time, not "
                f"{len(samples) / RATE:g} s; take a shorter --window"
            )
        return samples

    def _run(self, outputs: list[str], inputs: dict[str, npt.NDArray[np.float32]]) -> list[Any]:
        """What the graph makes of inputs.

        Raises:
            UserError: it cannot be run, though it can be opened.
        """
        try:
            answers: list[Any] = self._session.run(outputs, inputs)
        except Exception as error:  # of a kind of its own, as above
            detail = " ".join(str(error).split())[:150]
            raise UserError(f"{self._file} is damaged, it cannot be run ({detail})") from error
        return answers

    def moments(self, prepared: Sequence[Samples]) -> list[Moments]:
        """Moments of what there is to normalise of each utterance."""
        moments: dict[int, Moments] = {}
        for chosen in _batches(range(len(prepared)), prepared):
            outputs = ["frames", "feature_mean", "feature_variance"]
            frames, means, variances = self._run(outputs, {"waveform": _padded(prepared, chosen)})
            for row, index in enumerate(chosen):
                values = (side[row].astype(np.float64) for side in (means, variances))
                moments[index] = Moments(1, int(frames[row]), *values)
        return [moments[index] for index in range(len(prepared))]

    def answer(self, prepared: Sequence[Samples], statistics: Sequence[Statistics]) -> Answers:
        """Calibrated probabilities and embeddings; see :class:`didan.inference.Recogniser`."""
        probabilities = np.zeros((len(prepared), len(self.emotions)), dtype=np.float32)
        embeddings = np.zeros((len(prepared), self._width), dtype=np.float32)
        by_group: dict[int, list[int]] = {}
        for index, own in enumerate(statistics):
            by_group.setdefault(id(own), []).append(index)
        for members in by_group.values():
            own = statistics[members[0]]
            for chosen in _batches(members, prepared):
                inputs = {"waveform": _padded(prepared, chosen), "mean": own.mean, "std": own.std}
                answers = self._run(["probabilities", "embeddings"], inputs)
                probabilities[chosen], embeddings[chosen] = answers
        return Answers(probabilities, embeddings)


def _padded(waveforms: Sequence[Samples], chosen: Sequence[int]) -> npt.NDArray[np.float32]:
    longest = max(len(waveforms[index]) for index in chosen)
    # To whole seconds: the runtime keeps something of every length it has met.
    batch = np.zeros((len(chosen), -(-longest // RATE) * RATE), dtype=np.float32)
    for row, index in enumerate(chosen):
        batch[row, : len(waveforms[index])] = waveforms[index]
    return batch


def _batches(members: Sequence[int], waveforms: Sequence[Samples]) -> list[list[int]]:
    """Utterances of similar lengths together, of 20 s at most with their padding, so that memory is bounded."""
    batches: list[list[int]] = []
    for index in sorted(members, key=lambda index: len(waveforms[index])):
        if not batches or (len(batches[-1]) + 1) * len(waveforms[index]) > _BATCH_SECONDS * RATE:
            batches.append([])
        batches[-1].append(index)
    return batches
