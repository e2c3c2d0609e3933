"""Speech activity: which 30 ms of a recording hold speech, by the detector of WebRTC."""

import numpy as np
import numpy.typing as npt
import webrtcvad  # type: ignore[import-untyped]

from didan.audio import RATE
from didan.typing import Samples

FRAME_SECONDS = 0.03
FRAME = round(FRAME_SECONDS * RATE)

_STRICTNESS = 2  # of 0 to 3; keeps whispers and shouts of acted speech, and leaves hum and hiss out


class SpeechActivity:
    """A detector that reads a recording bit by bit; it keeps a state, so each recording needs one of its own.

    >>> detector = SpeechActivity()
    >>> detector(np.zeros(RATE, dtype=np.float32)).any()        # a second of silence
    np.False_
    """

    def __init__(self) -> None:
        self._detector = webrtcvad.Vad(_STRICTNESS)
        self._rest: Samples = np.zeros(0, dtype=np.float32)

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
        pcm = (np.clip(joined[:whole], -1, 1) * 32767).astype("<i2").reshape(-1, FRAME)
        return np.array([self._detector.is_speech(frame.tobytes(), RATE) for frame in pcm], dtype=bool)
