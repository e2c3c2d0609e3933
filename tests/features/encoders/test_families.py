"""Encoders, against what transformers computes for the same clip alone."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import SeamlessM4TFeatureExtractor, WhisperFeatureExtractor

from didan.features.encoders import FAMILIES, build_encoder, locate
from didan.features.encoders.encoder import middle_third
from didan.features.encoders.wav2vec2 import Wav2Vec2
from didan.features.encoders.wav2vec2_bert import Wav2Vec2Bert
from didan.features.encoders.whisper import Whisper
from didan.typing import Samples
from tiny_encoders import TINY, make_encoder, whole_model

RATE = 16_000
KALDI: Any = SeamlessM4TFeatureExtractor
MEL: Any = WhisperFeatureExtractor
LENGTHS = (8_000, 4_111, 16_123, 1_000)


@pytest.fixture(scope="session")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("encoders")
    return {name: make_encoder(name, folder / str(n)) for n, name in enumerate(TINY)}


def noise(n: int, seed: int = 0) -> Samples:
    """Noise that grows louder."""
    samples = np.random.default_rng(seed).normal(0, 0.1, n) * np.linspace(0.2, 1, n)
    return samples.astype(np.float32)


def clips() -> list[Samples]:
    return [noise(n, seed) for seed, n in enumerate(LENGTHS)]


def hidden(encoder: Any, batch: list[Samples], last: int) -> tuple[list[Tensor], Tensor]:
    lengths = torch.tensor([len(clip) for clip in batch])
    waveform = torch.full((len(batch), int(lengths.max())), 0.0)
    for row, clip in zip(waveform, batch, strict=True):
        row[: len(clip)] = torch.from_numpy(clip)
    with torch.inference_mode():
        states, n_frames = encoder(waveform, lengths, last)
    return states, n_frames


def by_transformers(name: str, clip: Samples) -> list[Tensor]:
    """All hidden states of one clip, by the whole model and its own feature extractor."""
    model = whole_model(name)
    with torch.inference_mode():
        if name == "whisper":
            output = whisper_by_transformers(model.encoder, clip)
        elif name == "w2v-bert":
            inputs = KALDI()(clip, sampling_rate=RATE, return_tensors="pt", pad_to_multiple_of=1)
            output = model(**inputs, output_hidden_states=True)
        else:
            scaled = (clip - clip.mean()) / np.sqrt(clip.var() + 1e-7)
            output = model(torch.from_numpy(scaled)[None], output_hidden_states=True)
    return [*output.hidden_states[:-1], output.last_hidden_state]


def whisper_by_transformers(encoder: Any, clip: Samples) -> Any:
    mel = log_mel_by_transformers(clip)
    frames = mel.shape[2] // 2
    return shortened(encoder, frames)(mel[:, :, : 2 * frames], output_hidden_states=True)


def shortened(encoder: Any, frames: int) -> Any:
    """Whisper's encoder insists on 30 s; one with as many positions as a clip has frames computes the same."""
    config = encoder.config
    short: Any = encoder.__class__(config.__class__(**{**config.to_dict(), "max_source_positions": frames}))
    short.eval()
    weights = dict(encoder.state_dict())
    weights["embed_positions.weight"] = weights["embed_positions.weight"][:frames]
    short.load_state_dict(weights)
    return short


def log_mel_by_transformers(clip: Samples) -> Tensor:
    """The frames of the clip among those of 30 s, shape (1, bands, frames)."""
    mel: Tensor = MEL()(clip, sampling_rate=RATE, return_tensors="pt").input_features
    return mel[:, :, : len(clip) // 160]


@pytest.mark.parametrize("name", TINY)
def test_hidden_states_are_those_of_transformers(name: str, encoders: dict[str, Path]) -> None:
    encoder, n_layers, width = build_encoder(locate(str(encoders[name])))
    clip = noise(16_000)
    states, n_frames = hidden(encoder, [clip], n_layers)
    expected = by_transformers(name, clip)
    assert (n_layers, width) == (4, 32)
    assert len(states) == len(expected) == n_layers + 1
    assert int(n_frames[0]) == expected[0].shape[1] == states[0].shape[1]
    for own, theirs in zip(states, expected, strict=True):
        assert torch.allclose(own, theirs, atol=1e-4, rtol=1e-4), (own - theirs).abs().max()
    assert max(float((a - b).abs().max()) for a, b in pairwise(expected)) > 0.1


@pytest.mark.parametrize("name", TINY)
def test_a_batch_gives_what_single_clips_give(name: str, encoders: dict[str, Path]) -> None:
    encoder, n_layers, _ = build_encoder(locate(str(encoders[name])))
    together, counts = hidden(encoder, clips(), n_layers)
    for row, clip in enumerate(clips()):
        alone, (count,) = hidden(encoder, [clip], n_layers)
        assert int(counts[row]) == int(count) == alone[0].shape[1]
        for batched, single in zip(together, alone, strict=True):
            assert torch.allclose(batched[row, : int(count)], single[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", TINY)
def test_what_lies_beyond_the_end_has_no_effect(name: str, encoders: dict[str, Path]) -> None:
    encoder, n_layers, _ = build_encoder(locate(str(encoders[name])))
    clip = torch.from_numpy(noise(8_000))[None]
    rest = torch.from_numpy(noise(3_000, seed=9))[None]
    with torch.inference_mode():
        alone, _ = encoder(clip, torch.tensor([8_000]), n_layers)
        # Whoever pads fills up with zeros; a microphone's noise is speech of the next utterance, not padding.
        padded, (count,) = encoder(torch.cat([clip, 0 * rest], dim=1), torch.tensor([8_000]), n_layers)
    for own, other in zip(alone, padded, strict=True):
        assert torch.allclose(own[0, : int(count)], other[0, : int(count)], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", TINY)
def test_the_shortest_clip_has_one_frame_and_a_shorter_one_has_none(name: str, encoders: dict[str, Path]) -> None:
    encoder, _, _ = build_encoder(locate(str(encoders[name])))
    states, n_frames = hidden(encoder, [noise(encoder.shortest)], 1)
    assert states[1].shape[1] == int(n_frames[0]) == 1
    assert bool(states[1].isfinite().all())


@pytest.mark.parametrize("last", [0, 2])
def test_layers_nobody_asked_for_are_not_computed(last: int, encoders: dict[str, Path]) -> None:
    encoder: Any
    encoder, _, _ = build_encoder(locate(str(encoders["wav2vec2"])))
    seen: list[int] = []
    for number, layer in enumerate(encoder.model.encoder.layers, 1):
        layer.register_forward_hook(lambda *_, number=number: seen.append(number))
    states, _ = hidden(encoder, [noise(4_000)], last)
    assert len(states) == last + 1
    assert seen == list(range(1, last + 1))


def test_whisper_hears_what_its_own_extractor_makes(encoders: dict[str, Path]) -> None:
    encoder, _, _ = build_encoder(locate(str(encoders["whisper"])))
    assert isinstance(encoder, Whisper)
    clip = noise(20_000)
    log_mel, (count,) = encoder.log_mel(torch.from_numpy(clip)[None], torch.tensor([len(clip)]))
    theirs = log_mel_by_transformers(clip)
    assert int(count) == theirs.shape[2] == log_mel.shape[1]
    assert torch.allclose(log_mel[0], theirs[0].T, atol=1e-4)


def test_w2v_bert_hears_what_its_own_extractor_makes(encoders: dict[str, Path]) -> None:
    encoder, _, _ = build_encoder(locate(str(encoders["w2v-bert"])))
    assert isinstance(encoder, Wav2Vec2Bert)
    clip = noise(20_000)
    bands, (count,) = encoder.filter_bank(torch.from_numpy(clip)[None], torch.tensor([len(clip)]))
    theirs = KALDI()(clip, sampling_rate=RATE, return_tensors="pt").input_features
    stacked = bands[0, : int(count) // 2 * 2].reshape(-1, 160)
    assert torch.allclose(stacked, theirs[0, : len(stacked)], atol=2e-3)


def test_an_encoder_may_want_samples_as_they_are(tmp_path: Path) -> None:
    """wav2vec 2.0 base was trained without normalisation by the feature extractor's ``do_normalize``."""
    raw, scaled = (
        build_encoder(
            locate(
                str(make_encoder("wav2vec2 large, as XLS-R and MMS", tmp_path / str(wanted), do_normalize=wanted))
            )
        )[0]
        for wanted in (False, True)
    )
    clip = noise(8_000)
    quiet = (0.1 * clip).astype(np.float32)
    assert torch.allclose(hidden(scaled, [clip], 1)[0][1], hidden(scaled, [quiet], 1)[0][1], atol=1e-2)
    model = whole_model("wav2vec2 large, as XLS-R and MMS")
    with torch.inference_mode():
        expected = model(torch.from_numpy(quiet)[None], output_hidden_states=True).hidden_states[1]
    assert torch.allclose(hidden(raw, [quiet], 1)[0][1], expected, atol=1e-4)


def test_the_middle_third_is_in_the_middle() -> None:
    for n_layers in (1, 4, 6, 12, 24, 32, 48):
        layers = middle_third(n_layers)
        assert 0 <= layers[0] <= layers[-1] <= n_layers
        assert abs((layers[0] + layers[-1]) / 2 - n_layers / 2) <= 1
        assert abs(len(layers) - (n_layers + 1) / 3) <= 1


def test_every_family_is_tested() -> None:
    kinds = {whole_model(name).config.model_type for name in TINY}
    assert kinds == set(FAMILIES)
    assert {type(FAMILIES[kind]) for kind in kinds} == {type(Wav2Vec2)}
