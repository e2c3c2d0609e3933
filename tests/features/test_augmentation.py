"""Augmentation on spectrograms whose change is known in closed form."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from didan.features import AugmentationSettings, SpectrogramSettings, augment
from didan.features.mel import mel_edges

FRONTEND = SpectrogramSettings()
CENTRES = mel_edges(FRONTEND.bands, FRONTEND.low, FRONTEND.high)[1:-1]
SHAPE = (40, 60, 64)


def speech(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Spectrograms of 60 frames, valid up to 30 to 60."""
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.normal(-60, 10, SHAPE).astype(np.float32))
    return x, torch.from_numpy(rng.integers(30, 61, SHAPE[0]))


def augmented(x: Tensor, lengths: Tensor, settings: dict[str, Any], seed: int = 0) -> tuple[Tensor, Tensor]:
    return augment(x, lengths, FRONTEND, AugmentationSettings(**settings), np.random.default_rng(seed))


def test_nothing_is_the_default() -> None:
    x, lengths = speech()
    made, n = augmented(x, lengths, {})
    assert torch.equal(made, x)
    assert torch.equal(n, lengths)
    assert not AugmentationSettings().does_anything


EVERY: dict[str, Any] = {
    "masks": 2,
    "gain": 6.0,
    "voice": 0.2,
    "tempo": 0.3,
    "speed": 0.2,
    "microphone": 5.0,
    "band_limit": 1.0,
    "noise": 1.0,
    "room": 1.0,
}


@pytest.mark.parametrize("name", EVERY)
def test_each_alone_does_something_that_the_seed_decides(name: str) -> None:
    assert set(EVERY) == set(AugmentationSettings.model_fields) - {"line"}  # which is no matter of spectrograms
    given = {name: EVERY[name]}
    assert AugmentationSettings(**given).does_anything
    x, lengths = speech()
    before = x.clone()
    made, n = augmented(x, lengths, given)
    again, _ = augmented(x, lengths, given)
    other, _ = augmented(x, lengths, given, seed=1)
    assert torch.equal(x, before)  # what was given is left as it is
    assert made.shape == SHAPE
    assert made.isfinite().all()
    assert torch.equal(made, again)
    assert not torch.equal(made, x)
    assert not torch.equal(made, other)
    assert torch.equal(n, lengths) == (name not in ("tempo", "speed"))
    assert (made[0] - made[1] - (x[0] - x[1])).abs().max() > 0.1  # every utterance has its own


@pytest.mark.parametrize("name", ["voice", "speed"])
def test_frequencies_are_stretched_by_at_most_the_share(name: str) -> None:
    band = 30
    x = torch.full(SHAPE, -80.0)
    x[:, :, band] = 0
    made, _ = augmented(x, torch.full((SHAPE[0],), 60), {name: 0.2})
    power = 10 ** (made[:, 0] / 10)
    centre = (power.numpy() * CENTRES).sum(axis=1) / power.sum(dim=1).numpy()
    factor = centre / CENTRES[band]
    width = (CENTRES[band + 1] - CENTRES[band]) / CENTRES[band]
    assert factor.min() > 0.8 - width
    assert factor.max() < 1.2 + width
    assert factor.min() < 0.87 < 1.13 < factor.max()


@pytest.mark.parametrize("name", ["tempo", "speed"])
def test_faster_speech_is_shorter(name: str) -> None:
    x = torch.arange(60.0)[None, :, None].expand(SHAPE).contiguous()
    lengths = torch.full((SHAPE[0],), 30)
    made, n = augmented(x, lengths, {name: 0.5})
    assert n.min() >= 20
    assert n.max() <= 60
    assert n.min() < 25 < 40 < n.max()
    for row, count in zip(made[:, :, 0], n.tolist(), strict=True):
        step = row[1] - row[0]  # frames of the original per frame
        assert count == pytest.approx(30 / float(step), abs=1)
        expected = (torch.arange(60) * step).clamp(max=29)  # never what lies beyond the utterance
        torch.testing.assert_close(row, expected, rtol=1e-4, atol=1e-3)


def test_a_room_decays_by_60_db_within_its_time() -> None:
    x = torch.full(SHAPE, -300.0)
    x[:, 5] = 0  # a clap
    made, _ = augmented(x, torch.full((SHAPE[0],), 60), {"room": 1.0})
    quiet = made[:, :5] - x[:, :5]  # nothing is heard before the sound but the echo of the silence, a quarter
    assert 0 <= quiet.min() < quiet.max() <= 10 * np.log10(1.25) + 1e-3
    tail = made[:, 6:40, 0].double()
    slopes = torch.diff(tail, dim=1) / FRONTEND.hop
    torch.testing.assert_close(slopes, slopes[:, :1].expand_as(slopes), rtol=1e-3, atol=1e-3)
    seconds = -60 / slopes[:, 0]
    assert seconds.min() > 0.2
    assert seconds.max() < 1
    echo = 10 * (10 ** (made[:, 6:46, 0] / 10)).sum(dim=1).log10()
    torch.testing.assert_close(echo, torch.full_like(echo, 10 * np.log10(0.25)), rtol=1e-3, atol=1e-2)


def test_noise_fills_what_is_quiet() -> None:
    x = torch.full(SHAPE, -90.0)
    x[:, 0, 0] = -10
    made, _ = augmented(x, torch.full((SHAPE[0],), 60), {"noise": 1.0})
    level = made[:, 1:, 1:]
    assert torch.allclose(level, level[:, :1, :1].expand_as(level), atol=1e-3)
    assert level.min() > -50.1
    assert level.max() < -9.9
    loud = made[:, 0, 0]
    torch.testing.assert_close(loud, 10 * (10 ** (level[:, 0, 0] / 10) - 1e-9 + 0.1).log10(), rtol=1e-3, atol=1e-2)


def test_band_limits_are_a_telephone_s_at_the_narrowest() -> None:
    x, lengths = speech()
    made, _ = augmented(x, lengths, {"band_limit": 1.0})
    changed = (made != x).any(dim=1).numpy()
    assert not changed[:, (CENTRES > 300) & (CENTRES < 3400)].any()
    assert changed[:, CENTRES < 120].any()
    assert changed[:, CENTRES > 7000].mean() > 0.5
    for row, own, length in zip(made, x, lengths.tolist(), strict=True):
        assert (row[row != own] == own[:length].min()).all()


def test_a_microphone_colours_all_frames_alike() -> None:
    x, lengths = speech()
    change = augmented(x, lengths, {"microphone": 5.0})[0] - x
    torch.testing.assert_close(change, change[:, :1].expand_as(change), rtol=1e-3, atol=1e-3)
    assert float(change[:, 0].std()) == pytest.approx(5, rel=0.15)
    assert float(torch.diff(change[:, 0], dim=1).abs().max()) < 2.5  # smooth


def test_gain_moves_all_alike() -> None:
    x, lengths = speech()
    change = augmented(x, lengths, {"gain": 6.0})[0] - x
    torch.testing.assert_close(change, change[:, :1, :1].expand_as(change), rtol=1e-3, atol=1e-3)
    assert float(change[:, 0, 0].std()) == pytest.approx(6, rel=0.3)


def test_masks_cover_bands_and_time() -> None:
    x, lengths = speech()
    made, _ = augmented(x, lengths, {"masks": 1})
    for row, masked, length in zip(x, made, lengths.tolist(), strict=True):
        changed = masked != row
        torch.testing.assert_close(masked[changed], row[:length].mean().expand_as(masked[changed]))
        bands, frames = changed[length:].any(dim=0) | changed.all(dim=0), changed.all(dim=1)
        assert torch.equal(changed, bands[None] | frames[:, None])
        assert bands.sum() <= 0.2 * 64
        assert frames.sum() <= 0.15 * length
        assert not frames[length:].any()


@pytest.mark.parametrize("name", ["noise", "band_limit", "masks"])
def test_padding_plays_no_part(name: str) -> None:
    x, lengths = speech()
    louder, quieter = x.clone(), x.clone()
    for row, length in enumerate(lengths.tolist()):
        louder[row, length:], quieter[row, length:] = 0, -200
    made = [augmented(padded, lengths, {name: EVERY[name]})[0] for padded in (louder, quieter)]
    for row, length in enumerate(lengths.tolist()):
        assert torch.equal(made[0][row, :length], made[1][row, :length])
