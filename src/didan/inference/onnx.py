"""An exported recogniser, run by onnxruntime; torch is neither needed nor imported."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from didan.audio import RATE, Samples
from didan.errors import UserError
from didan.extras import require

FORMAT = "didan 1"
"""What exported files call themselves."""

_BATCH_SECONDS = 20


class OnnxRecogniser:
    """A recogniser in a file.

    Args:
        file: written by ``didan export``.
        threads: processors to use; as many as there are if None.

    Raises:
        UserError: the file is missing, is no such file, or onnxruntime is not installed.
    """

    def __init__(self, file: Path, threads: int | None = None) -> None:
        if not file.is_file():
            raise UserError(f"model {file} does not exist; give a file that didan export has written")
        onnxruntime = require("onnxruntime", "onnx", "recognition with an exported model")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # one is kept for every shape it meets
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
            about = self._session.get_modelmeta().custom_metadata_map
        except Exception as error:  # of a kind of its own, which onnxruntime does not name publicly
            detail = " ".join(str(error).split())[:150]
            raise UserError(f"{file} is not an ONNX model that can be run ({detail})") from error
        if about.get("format") != FORMAT:
            raise UserError(f"{file} is an ONNX model, but not one that didan export has written")
        self.emotions: tuple[str, ...] = tuple(json.loads(about["emotions"]))

    def recognise(self, waveforms: Sequence[Samples]) -> npt.NDArray[np.float32]:
        """The calibrated probability of every emotion; see :class:`didan.inference.Recogniser`."""
        found = np.zeros((len(waveforms), len(self.emotions)), dtype=np.float32)
        for chosen in _batches([len(waveform) for waveform in waveforms]):
            longest = max(len(waveforms[index]) for index in chosen)
            # To whole seconds: the runtime keeps something of every length it has met.
            batch = np.zeros((len(chosen), -(-longest // RATE) * RATE), dtype=np.float32)
            for row, index in enumerate(chosen):
                batch[row, : len(waveforms[index])] = waveforms[index]
            found[chosen] = self._session.run(["probabilities"], {"waveform": batch})[0]
        return found


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Utterances of like lengths together, of 20 s at most with their padding, so that memory has a bound."""
    batches: list[list[int]] = [[]]
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batches[-1] and (len(batches[-1]) + 1) * lengths[index] > _BATCH_SECONDS * RATE:
            batches.append([])
        batches[-1].append(index)
    return batches if lengths else []
