import sys
from typing import Any, get_args

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from didan.audio import RATE
from didan.errors import UserError
from didan.features import FunctionalsSettings, build_frontend
from didan.features.functionals import Part
from didan.typing import Samples


def vowel(seconds: float, pitch: float = 150) -> Samples:
    times = np.arange(round(seconds * RATE)) / RATE
    samples: Samples = (0.3 * np.sign(np.sin(2 * np.pi * pitch * times)) * np.hanning(len(times))).astype(
        np.float32
    )
    return samples


def functionals(samples: Samples, *parts: Part) -> Any:
    settings = FunctionalsSettings(parts=parts) if parts else FunctionalsSettings()
    return build_frontend(settings)(torch.from_numpy(samples))


def test_egemaps_is_that_of_opensmile() -> None:
    opensmile = pytest.importorskip("opensmile")
    made = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    expected = made.process_signal(vowel(1.0), RATE)
    pitch = expected["F0semitoneFrom27.5Hz_sma3nz_amean"].item()
    assert pitch == pytest.approx(12 * np.log2(150 / 27.5), abs=0.2)
    found = functionals(vowel(1.0), "egemaps")
    assert found.shape == (1, 88)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected.to_numpy(), rtol=1e-6)


def test_contours_begin_with_the_means_of_what_is_voiced() -> None:
    noise = 1e-3 * np.random.default_rng(0).normal(size=RATE // 2).astype(np.float32)
    found = functionals(np.concatenate([noise, vowel(1.0), noise]), "contours")[0].numpy()
    # Pitch is the 13th descriptor; where nothing is voiced it does not count.
    assert found[12] == pytest.approx(12 * np.log2(150 / 27.5), abs=0.05)
    # At the end stands the rhythm: one voiced stretch, nearly as long as the vowel, whose ends are faint.
    share, stretches, length, spread = found[-4:]
    assert 70 < length <= 100
    assert spread == 0
    assert share == pytest.approx(stretches * length, rel=1e-5)


def test_silence_before_and_after_does_not_count() -> None:
    silence = np.zeros(RATE // 2, dtype=np.float32)
    alone, within = (functionals(x, "cepstra") for x in (vowel(1.0), np.concatenate([silence, vowel(1.0)])))
    torch.testing.assert_close(alone, within, atol=1e-3, rtol=0)


def test_cepstra_do_not_depend_on_the_level_but_for_the_first() -> None:
    found, louder = (functionals(gain * vowel(1.0), "cepstra")[0].numpy() for gain in (1, 2))
    # 6 dB in each of 64 bands; the first cepstrum is their sum over the root of 64.
    means = np.zeros(20)
    means[0] = 20 * np.log10(2) * 64 / np.sqrt(64)
    np.testing.assert_allclose((louder - found)[:20], means, atol=1e-3)
    np.testing.assert_allclose((louder - found)[20:40], 0, atol=1e-3)
    np.testing.assert_allclose((louder - found)[100:120], means, atol=1e-3)


def test_modulation_shows_the_rate_of_syllables() -> None:
    times = np.arange(3 * RATE) / RATE
    noise = np.random.default_rng(0).normal(size=len(times))
    samples = (0.1 * noise * (1 + 0.9 * np.sin(2 * np.pi * 5 * times))).astype(np.float32)
    found = functionals(samples, "modulation")[0].numpy().reshape(8, 16)
    assert (found.argmax(axis=0) == 3).all()  # 4 to 6 Hz


@pytest.mark.parametrize("seconds", [0.03, 0.1, 12.0])
def test_there_are_no_gaps_whatever_the_length(seconds: float) -> None:
    pytest.importorskip("opensmile")
    found = functionals(vowel(seconds), *get_args(Part))
    assert found.shape == (1, 224 + 200 + 128 + 88)
    assert found.isfinite().all()
    assert functionals(np.zeros(round(seconds * RATE), dtype=np.float32)).isfinite().all()


def test_parts_come_in_the_order_asked_for() -> None:
    both = functionals(vowel(0.5), "modulation", "cepstra")[0]
    assert torch.equal(both, torch.cat([functionals(vowel(0.5), part)[0] for part in ("modulation", "cepstra")]))
    with pytest.raises(ValidationError, match="once"):
        FunctionalsSettings(parts=("cepstra", "cepstra"))


def test_opensmile_is_missed_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(UserError, match=r"pip install 'didan\[functionals\]'") as caught:
        build_frontend(FunctionalsSettings(parts=("egemaps",)))
    assert "\n" not in str(caught.value)
    assert functionals(vowel(0.5)).shape == (1, 552)
