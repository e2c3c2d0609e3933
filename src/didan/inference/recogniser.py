"""What prediction asks of a recogniser, be it a network in torch or an exported file."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from didan.audio import Samples


class Recogniser(Protocol):
    """Maps recordings to probabilities."""

    @property
    def emotions(self) -> tuple[str, ...]:
        """What the columns of the probabilities are."""

    def recognise(self, waveforms: Sequence[Samples]) -> npt.NDArray[np.float32]:
        """The probability of every emotion.

        Args:
            waveforms: 16 kHz samples of each utterance, of any lengths; an answer does not depend on the others.

        Returns:
            Shape (n, n_emotions); rows sum to 1.
        """
