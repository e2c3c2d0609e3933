"""Types that many rooms share."""

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""A recording: 16 kHz mono samples in [-1, 1], shape (n,)."""

Features = npt.NDArray[np.float32]
"""Features of one utterance, shape (frames, bands); functionals are one frame."""

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]
"""Class indices, shape (n,)."""

Mask = npt.NDArray[np.bool_]


class Progress(Protocol):
    """A hook of long work: which stage it is in, and how many parts of it are done."""

    def __call__(self, stage: str, done: int, total: int, /) -> None:
        """Report progress."""


class Utterances(Protocol):
    """Features of utterances by their number, each of shape (frames, bands)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Features: ...


class Answers(NamedTuple):
    """What a recogniser says of utterances.

    Attributes:
        probabilities: calibrated, shape (n, n_emotions); rows sum to 1.
        embeddings: features of the first fully connected layer, shape (n, width).
    """

    probabilities: Features
    embeddings: Features
