"""Summaries of frames: how the bands of an utterance are distributed, move and pulse."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Frames = npt.NDArray[np.bool_]

MODULATIONS = (0.4, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 20.0, 50.0)
"""Edges in Hz: below 2 phrases, about 4 syllables, above 8 phones and roughness."""

_RATE = 100.0  # frames per second
TRANSFORM = 512
MOVES = 1e-1  # dB^2; a level that moves less than 0.3 dB does not move


def outline(frames: Numbers) -> Numbers:
    """Mean, deviation, 10th and 90th percentile, and mean absolute step from frame to frame of each band.

    Args:
        frames: shape (frames, bands).

    Returns:
        Shape (5 * bands,).

    >>> outline(np.array([[0.0], [2.0]]))
    array([1. , 1. , 0.2, 1.8, 2. ])
    """
    return np.concatenate(
        [frames.mean(axis=0), frames.std(axis=0), *np.percentile(frames, (10, 90), axis=0), _step(frames)]
    )


def course(frames: Numbers) -> Numbers:
    """:func:`outline` with quartiles, and with curvature and slope over the utterance, time going from -1 to 1.

    Args:
        frames: shape (frames, bands).

    Returns:
        Shape (10 * bands,); slope and curvature are those of the parabola that fits best, 0 under 3 frames.

    >>> course(np.array([[0.0], [1.0], [4.0]]))[-2:].round(6)      # (t + 1)^2 = t^2 + 2 t + 1
    array([1., 2.])
    """
    if len(frames) < 3:
        bent = np.zeros((2, frames.shape[1]))
    else:
        bent = np.polyfit(np.linspace(-1, 1, len(frames)), frames, 2)[:2]
    quantiles = np.percentile(frames, (10, 25, 50, 75, 90), axis=0)
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0), *quantiles, _step(frames), *bent])


def rhythm(voiced: Frames) -> Numbers:
    """Share of voiced frames, voiced stretches per frame, mean and deviation of their length in frames.

    Args:
        voiced: shape (frames,), of at least one frame.

    >>> rhythm(np.array([True, True, False, True]))
    array([0.75, 0.5 , 1.5 , 0.5 ])
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], voiced.astype(int), [0]])))
    lengths = edges[1::2] - edges[::2]
    if not len(lengths):
        return np.zeros(4)
    return np.array([voiced.mean(), len(lengths) / len(voiced), lengths.mean(), lengths.std()])


def modulation_spectrum(levels: Numbers, n_bands: int) -> Numbers:
    """Log power of the modulations of the level in each of some bands, between the edges ``MODULATIONS``.

    Args:
        levels: in dB, shape (frames, bands), one in 10 ms; bands must be a multiple of ``n_bands``.
        n_bands: how many to have; neighbours are averaged.

    Returns:
        Shape (8 * n_bands,), in ln dB^2.
    """
    levels = levels.reshape(len(levels), n_bands, -1).mean(axis=2)
    # Samples of the spectrum of any length: those of what is left when the time axis is wound up.
    wound = np.pad(levels - levels.mean(axis=0), ((0, -len(levels) % TRANSFORM), (0, 0)))
    wound = wound.reshape(-1, TRANSFORM, n_bands).sum(axis=0)
    spectrum = np.abs(np.fft.rfft(wound, axis=0)) ** 2 / len(levels)
    return np.concatenate([np.log(spectrum[within].mean(axis=0) + MOVES) for within in modulation_ranges().T])


def modulation_ranges() -> Frames:
    """Which frequencies of the transform lie between which edges, shape (257, 8)."""
    frequencies = np.fft.rfftfreq(TRANSFORM, 1 / _RATE)[:, None]
    return (frequencies >= MODULATIONS[:-1]) & (frequencies < MODULATIONS[1:])


def _step(frames: Numbers) -> Numbers:
    step: Numbers = np.abs(np.diff(frames, axis=0, prepend=frames[:1])).sum(axis=0) / max(len(frames) - 1, 1)
    return step
