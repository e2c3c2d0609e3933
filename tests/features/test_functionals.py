"""Against signals whose pitch, rhythm, cepstra and modulations are known."""

import sys
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.fft import dct

from didan.audio import RATE
from didan.errors import UserError
from didan.features import Functionals, FunctionalsSettings, SpectrogramSettings, build_frontend, extract_features
from didan.features.contour_statistics import CONTOUR_STATISTICS, MOMENTS_AND_PERCENTILES
from didan.features.descriptors import MEANINGFUL_UNVOICED, NAMES
from didan.features.functionals import Part
from didan.typing import Samples


def vowel(seconds: float, pitch: float = 150) -> Samples:
    times = np.arange(round(seconds * RATE)) / RATE
    samples: Samples = (0.3 * np.sign(np.sin(2 * np.pi * pitch * times)) * np.hanning(len(times))).astype(
        np.float32
    )
    return samples


def functionals(samples: Samples, *parts: Part) -> Samples:
    settings = FunctionalsSettings(parts=parts) if parts else FunctionalsSettings()
    (frame,) = extract_features(Functionals(settings), samples)
    return np.asarray(frame, dtype=np.float32)


def by_name(samples: Samples, *parts: Part) -> dict[str, float]:
    settings = FunctionalsSettings(parts=parts) if parts else FunctionalsSettings()
    return dict(zip(Functionals(settings).feature_names, functionals(samples, *parts).tolist(), strict=True))


def test_names_say_what_a_functional_is() -> None:
    names = Functionals(FunctionalsSettings()).feature_names
    assert len(names) == 10 * 19 + 5 * 6 + 4 + 5 * 40 + 8 * 16 == 552
    for name in ("pitch_semitones_mean", "f1_hz_p10", "mfcc03_loud_std", "modulation_band05_2-4hz"):
        assert name in names
    voiced = [f"{name}_voiced" if name in MEANINGFUL_UNVOICED else name for name in NAMES]
    assert names[:190] == tuple(f"{name}_{statistic}" for statistic in CONTOUR_STATISTICS for name in voiced)
    assert names[190:195] == tuple(f"{name}_mean" for name in MEANINGFUL_UNVOICED[:5])


def test_egemaps_is_that_of_opensmile() -> None:
    opensmile = pytest.importorskip("opensmile")
    made = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    # A square wave times a window begins and ends with a zero; the last is padding.
    expected = made.process_signal(vowel(1.0)[:-1], RATE)
    pitch = expected["F0semitoneFrom27.5Hz_sma3nz_amean"].item()
    assert pitch == pytest.approx(12 * np.log2(150 / 27.5), abs=0.2)
    computed = by_name(vowel(1.0), "egemaps")
    assert list(computed) == list(expected.columns)
    np.testing.assert_allclose(list(computed.values()), expected.to_numpy()[0], rtol=1e-6)


def test_only_what_is_voiced_has_a_pitch() -> None:
    noise = 1e-3 * np.random.default_rng(0).normal(size=RATE // 2).astype(np.float32)
    computed = by_name(np.concatenate([noise, vowel(1.0), noise]), "contours")
    assert computed["pitch_semitones_mean"] == pytest.approx(12 * np.log2(150 / 27.5), abs=0.05)
    # There is one voiced segment, nearly as long as the vowel, whose ends are faint.
    assert 70 < computed["voiced_segment_frames_mean"] <= 100
    assert computed["voiced_segment_frames_std"] == 0
    assert computed["voiced_fraction"] == pytest.approx(
        computed["voiced_segments_per_frame"] * computed["voiced_segment_frames_mean"], rel=1e-5
    )
    assert computed["loudness_db_mean"] < computed["loudness_db_voiced_mean"]


def test_a_whisper_is_described_by_all_its_frames() -> None:
    whisper = 0.1 * np.random.default_rng(0).normal(size=RATE // 2).astype(np.float32)
    computed = by_name(whisper, "contours")
    assert computed["voiced_fraction"] * 51 < 5
    for name in MEANINGFUL_UNVOICED:
        for statistic in MOMENTS_AND_PERCENTILES:
            expected = pytest.approx(computed[f"{name}_{statistic}"], rel=1e-5)
            assert computed[f"{name}_voiced_{statistic}"] == expected


def test_silence_before_does_not_count() -> None:
    silence = np.zeros(RATE // 2, dtype=np.float32)
    alone, within = (functionals(x, "cepstra") for x in (vowel(1.0), np.concatenate([silence, vowel(1.0)])))
    np.testing.assert_allclose(alone, within, atol=1e-3)


def test_cepstra_are_the_cosine_transform_of_the_spectrogram() -> None:
    noise = 0.1 * np.random.default_rng(0).normal(size=RATE).astype(np.float32)
    log_mel = extract_features(build_frontend(SpectrogramSettings()), noise)
    cepstra = dct(log_mel.astype(np.float64), axis=1, norm="ortho")
    computed = by_name(noise, "cepstra")
    for number in range(20):
        assert computed[f"mfcc{number:02d}_mean"] == pytest.approx(cepstra[:, number].mean(), abs=1e-3)
        assert computed[f"mfcc{number:02d}_std"] == pytest.approx(cepstra[:, number].std(), abs=1e-3)


def test_cepstra_do_not_depend_on_the_level_but_for_the_first() -> None:
    before, after = (by_name(gain * vowel(1.0), "cepstra") for gain in (1, 2))
    for name in before:
        # 6 dB in each of 64 bands; the first cepstrum is their sum over the root of 64.
        is_level = name.startswith("mfcc00") and name.endswith(("mean", "p10", "p90"))
        gained = 20 * np.log10(2) * 64 / np.sqrt(64) if is_level else 0
        assert after[name] - before[name] == pytest.approx(gained, abs=1e-3), name


def test_modulation_shows_the_rate_of_syllables() -> None:
    times = np.arange(3 * RATE) / RATE
    noise = np.random.default_rng(0).normal(size=len(times))
    samples = (0.1 * noise * (1 + 0.9 * np.sin(2 * np.pi * 5 * times))).astype(np.float32)
    computed = by_name(samples, "modulation")
    for band in range(16):
        own = {name: value for name, value in computed.items() if name.startswith(f"modulation_band{band:02d}")}
        assert max(own, key=own.__getitem__) == f"modulation_band{band:02d}_4-6hz"


@pytest.mark.parametrize("seconds", [0.03, 0.1, 12.0])
def test_there_are_no_gaps_whatever_the_length(seconds: float) -> None:
    pytest.importorskip("opensmile")
    computed = functionals(vowel(seconds), *get_args(Part))
    assert computed.shape == (224 + 200 + 128 + 88,)
    assert np.isfinite(computed).all()
    assert np.isfinite(functionals(np.zeros(round(seconds * RATE), dtype=np.float32))).all()


def test_parts_come_in_the_order_asked_for() -> None:
    both = by_name(vowel(0.5), "modulation", "cepstra")
    assert list(both.items()) == [
        pair for part in ("modulation", "cepstra") for pair in by_name(vowel(0.5), part).items()
    ]
    with pytest.raises(ValidationError, match="once"):
        FunctionalsSettings(parts=("cepstra", "cepstra"))


def test_opensmile_is_missed_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(UserError, match=r"pip install .*\[functionals\]'") as caught:
        build_frontend(FunctionalsSettings(parts=("egemaps",)))
    assert "\n" not in str(caught.value)
    assert functionals(vowel(0.5)).shape == (552,)
