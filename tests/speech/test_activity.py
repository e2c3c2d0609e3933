"""What is speech is known: it was synthesised, between silences."""

import numpy as np
import pytest
import webrtcvad  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from didan.audio import RATE
from didan.speech import FRAME_SECONDS, SpeechActivity
from didan.typing import Samples
from speech.talk import blocks, conversation, noise, silence, talk, utterances

FRAME = round(FRAME_SECONDS * RATE)


@settings(deadline=None, max_examples=20)
@given(sizes=st.lists(st.integers(0, 2 * RATE), max_size=8), size=st.integers(100, 3 * RATE))
def test_a_stream_gives_the_same_as_all_at_once(sizes: list[int], size: int) -> None:
    samples = conversation([0.3, 0.7, 0.1])[0]
    edges = np.minimum(np.cumsum(sizes), len(samples)).tolist()
    begun = [samples[first:last] for first, last in zip([0, *edges], edges, strict=False)]
    rest = samples[edges[-1] if edges else 0 :]
    detector = SpeechActivity()
    streamed = np.concatenate([detector(block) for block in [*begun, *blocks(rest, size)]])
    np.testing.assert_array_equal(streamed, SpeechActivity()(samples))


@pytest.mark.parametrize("n", [0, 1, FRAME - 1, FRAME, FRAME + 1, 10 * FRAME, RATE])
def test_one_value_per_whole_frame(n: int) -> None:
    speech = SpeechActivity()(np.zeros(n, dtype=np.float32))
    assert speech.dtype == bool
    assert len(speech) == n // FRAME


def test_utterances_are_speech_and_the_silence_between_is_not() -> None:
    samples, times = conversation([1.0] * len(utterances()))
    speech = SpeechActivity()(samples)
    middles = FRAME_SECONDS * (np.arange(len(speech)) + 0.5)
    inside = np.zeros(len(speech), dtype=bool)
    near = np.zeros(len(speech), dtype=bool)
    for start, end in times:
        inside |= (middles > start) & (middles < end)
        near |= (middles > start - 0.05) & (middles < end + 0.2)
        assert speech[(middles > start) & (middles < end)].mean() > 0.5
    assert speech[inside].mean() > 0.75
    assert not speech[~near].any()


@pytest.mark.parametrize("level", [0.0, 1e-4, 1e-3, 1e-2, 2e-2, 0.05, 0.1, 0.2])
def test_silence_and_hiss_are_no_speech(level: float) -> None:
    speech = SpeechActivity()(noise(10, level))
    # The detector needs a moment to learn what the noise is.
    assert not speech[round(0.3 / FRAME_SECONDS) :].any()


def test_samples_beyond_full_scale_are_clipped() -> None:
    loud = (200 * np.sin(2 * np.pi * 0.5 * np.arange(10 * RATE) / RATE)).astype(np.float32)
    np.testing.assert_array_equal(SpeechActivity()(loud), SpeechActivity()(np.clip(loud, -1, 1)))


def test_detectors_know_nothing_of_each_other() -> None:
    recordings = (talk(5), np.concatenate([noise(3, 0.3), silence(2)]))
    detectors = (SpeechActivity(), SpeechActivity())
    streamed: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for both in zip(*(blocks(samples, 4000) for samples in recordings), strict=True):
        for detector, block, own in zip(detectors, both, streamed, strict=True):
            own.append(detector(block))
    for own, samples in zip(streamed, recordings, strict=True):
        np.testing.assert_array_equal(np.concatenate(own), SpeechActivity()(samples))


def test_detection_leaves_its_input_as_it_was() -> None:
    samples: Samples = talk(2).copy()
    before = samples.copy()
    SpeechActivity()(samples)
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize("level", [0.03, 0.1, 0.3])
def test_pauses_are_found_in_loud_noise_of_a_telephone(level: float) -> None:
    """Speech 15 dB above noise in the band of a telephone; quiet or loud, the same is speech."""
    samples, times = conversation([1.0] * 2 * len(utterances()))
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=len(samples)))
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    hiss = np.fft.irfft(np.where((hertz > 300) & (hertz < 3400), spectrum, 0), len(samples))
    spoken = np.concatenate([samples[round(start * RATE) : round(end * RATE)] for start, end in times])
    hiss *= spoken.std() / hiss.std() * 10 ** (-15 / 20)
    noisy = (samples + hiss) * level / spoken.std()
    speech = SpeechActivity()(noisy.astype(np.float32))
    middles = FRAME_SECONDS * (np.arange(len(speech)) + 0.5)
    inside, near = np.zeros(len(speech), dtype=bool), np.zeros(len(speech), dtype=bool)
    for start, end in times:
        inside |= (middles > start) & (middles < end)
        near |= (middles > start - 0.05) & (middles < end + 0.2)
    assert speech[inside].mean() > 0.6
    assert speech[~near].mean() < 0.03


def test_loud_speech_without_noise_is_heard_as_it_is() -> None:
    """Of what has gaps between sounds, nothing is turned down."""
    loud = 0.5 * conversation([0.5] * len(utterances()))[0] / 0.1
    detector = webrtcvad.Vad(2)
    frames = (np.clip(loud, -1, 1) * 32767).astype("<i2")[: len(loud) // FRAME * FRAME].reshape(-1, FRAME)
    expected = [detector.is_speech(frame.tobytes(), RATE) for frame in frames]
    np.testing.assert_array_equal(SpeechActivity()(loud.astype(np.float32)), expected)
