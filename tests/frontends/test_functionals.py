import sys

import numpy as np
import pytest
import torch

from didan.audio import RATE, Samples
from didan.errors import UserError
from didan.frontends import FunctionalsSettings, build_frontend

opensmile = pytest.importorskip("opensmile")


def vowel(seconds: float) -> Samples:
    times = np.arange(round(seconds * RATE)) / RATE
    samples: Samples = (0.3 * np.sign(np.sin(2 * np.pi * 150 * times)) * np.hanning(len(times))).astype(np.float32)
    return samples


def test_values_are_those_of_opensmile() -> None:
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    expected = smile.process_signal(vowel(1.0), RATE)
    pitch = expected["F0semitoneFrom27.5Hz_sma3nz_amean"].item()
    assert pitch == pytest.approx(12 * np.log2(150 / 27.5), abs=0.2)
    found = build_frontend(FunctionalsSettings())(torch.from_numpy(vowel(1.0)))
    assert found.shape == (1, 88)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected.to_numpy(), rtol=1e-6)


def test_shortest_audio_has_no_gaps() -> None:
    assert build_frontend(FunctionalsSettings())(torch.from_numpy(vowel(0.1))).isfinite().all()


def test_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(UserError, match=r"pip install 'didan\[functionals\]'") as caught:
        build_frontend(FunctionalsSettings())
    assert "\n" not in str(caught.value)
