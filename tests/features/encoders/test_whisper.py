"""The smallest Whisper with its real weights, where DIDAN_WHISPER, a variable of the environment, names it."""

import os
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from didan.features import PretrainedSettings, build_frontend, extract_features
from didan.features.encoders import build_encoder, locate
from didan.features.frontend import extract_batch
from features.encoders.test_families import whisper_by_transformers
from speech.talk import talk

FOLDER = os.environ.get("DIDAN_WHISPER", "")

pytestmark = pytest.mark.skipif(not FOLDER, reason="DIDAN_WHISPER names no directory")


def test_all_its_hidden_states_are_those_of_transformers() -> None:
    encoder, n_layers, width = build_encoder(locate(FOLDER))
    clip = talk(4)
    model: Any = transformers.WhisperModel.from_pretrained(FOLDER, dtype=torch.float32)
    model.eval()
    with torch.inference_mode():
        states, (count,) = encoder(torch.from_numpy(clip)[None], torch.tensor([len(clip)]), n_layers)
        output = whisper_by_transformers(model.encoder, clip)
    assert (n_layers, width) == (4, 384)
    expected = [*output.hidden_states[:-1], output.last_hidden_state]
    for own, theirs in zip(states, expected, strict=True):
        size = float(theirs.abs().max())
        assert torch.allclose(own[:, : int(count)], theirs, atol=1e-5 * size), (own - theirs).abs().max()


def test_a_batch_gives_what_single_clips_give() -> None:
    frontend = build_frontend(PretrainedSettings(model=FOLDER).found())
    spoken = talk(12)
    batch = [spoken, spoken[3_000:8_000], spoken[20_000:90_000], spoken[100_000:116_000]]
    for together, clip in zip(extract_batch(frontend, batch), batch, strict=True):
        np.testing.assert_allclose(together, extract_features(frontend, clip), atol=1e-5, rtol=1e-5)
