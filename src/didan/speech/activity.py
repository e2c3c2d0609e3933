"""Speech activity: which 30 ms of a recording hold speech, by the detector of WebRTC.

The detector learns what the noise is, but only so loud: louder noise is speech to it, all of it. Where even the
quietest of the last seconds is louder, we turn the recording down by as much, which is ours; elsewhere the
detector hears it as it is. The level of noise is the median over frequencies, by which noise counts in full and a
voice, in its few harmonics, hardly.
"""

import numpy as np
import numpy.typing as npt
import webrtcvad  # type: ignore[import-untyped]
from numpy.lib.stride_tricks import sliding_window_view

from didan.audio import RATE
from didan.typing import Samples

FRAME_SECONDS = 0.03
FRAME = round(FRAME_SECONDS * RATE)

_STRICTNESS = 2  # of 0 to 3; keeps whispers and shouts of acted speech, and leaves hum and hiss out
_LOUDEST_NOISE = 10 ** (-42 / 20)  # root mean square, of full scale; the detector copes with about 6 dB more
_QUIETEST_OF = round(3.0 / FRAME_SECONDS)  # frames; nobody speaks for longer without a gap between two sounds
_WINDOW = np.hanning(FRAME)
_BAND = slice(round(300 * FRAME_SECONDS), round(3400 * FRAME_SECONDS) + 1)  # of a telephone, where all noises are


class SpeechActivity:
    """A detector that reads a recording bit by bit; it keeps a state, so each recording needs one of its own.

    >>> detector = SpeechActivity()
    >>> detector(np.zeros(RATE, dtype=np.float32)).any()        # a second of silence
    np.False_
    """

    def __init__(self) -> None:
        self._detector = webrtcvad.Vad(_STRICTNESS)
        self._rest: Samples = np.zeros(0, dtype=np.float32)
        self._levels = np.full(_QUIETEST_OF, np.inf)  # of noise, in the frames before

    def __call__(self, samples: Samples) -> npt.NDArray[np.bool_]:
        """Read more of the recording.

        Args:
            samples: in [-1, 1], at 16 kHz, shape (n,).

        Returns:
            One value per whole frame of ``FRAME`` samples; what is left over waits for the next call.
        """
        joined = np.concatenate([self._rest, samples])
        whole = len(joined) // FRAME * FRAME
        self._rest = joined[whole:]
        frames = np.clip(joined[:whole], -1, 1).reshape(-1, FRAME)
        pcm = (frames * self._gains(frames) * 32767).astype("<i2")
        return np.array([self._detector.is_speech(frame.tobytes(), RATE) for frame in pcm], dtype=bool)

    def _gains(self, frames: Samples) -> Samples:
        """What to turn each frame down by, shape (frames, 1); 1 where there is no loud noise."""
        levels = np.concatenate([self._levels, _noise(frames)])
        self._levels = levels[len(frames) :]
        noise = sliding_window_view(levels, _QUIETEST_OF)[1:].min(axis=1)
        gains: Samples = (_LOUDEST_NOISE / np.maximum(noise, _LOUDEST_NOISE)).astype(np.float32)
        return gains[:, None]


def _noise(frames: Samples) -> npt.NDArray[np.float64]:
    """How loud noise can be at most in each frame, as root mean square, shape (frames,).

    >>> hiss = 0.1 * np.random.default_rng(0).normal(size=(100, FRAME))
    >>> tone = 0.1 * np.sin(np.arange(100 * FRAME) / 5).reshape(100, FRAME)
    >>> [round(float(_noise(sound.astype(np.float32)).mean()), 2) for sound in (hiss, tone)]
    [0.06, 0.0]
    """
    power = np.abs(np.fft.rfft(frames * _WINDOW, axis=1)[:, _BAND]) ** 2
    mean = np.median(power, axis=1) / np.log(2)  # of white noise, whose power has an exponential distribution
    return np.asarray(np.sqrt(mean * power.shape[1] / np.square(_WINDOW).sum() / (FRAME / 2)))
