"""The timeline: emotions over the waveform."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import seaborn
from matplotlib.figure import Figure
from scipy.ndimage import binary_closing, binary_dilation

from didan.audio import RATE
from didan.inference.predict import Prediction
from didan.inference.stretches import nearest
from didan.speech import FRAME_SECONDS, SpeechActivity
from didan.typing import Samples

_POINTS = 1500
_DPI = 200
_NAMES = 0.7  # that find room in an inch of the legend
_PAUSE, _MARGIN = 10, 3  # frames: shorter pauses are part of speech, and so is a bit of what surrounds it


def plot_timeline(
    samples: Samples, windows: Sequence[Prediction], emotions: Sequence[str], width: float = 10.0
) -> Figure:
    """The waveform, coloured by the most probable emotion, above the probabilities; white where nobody speaks.

    Args:
        samples: of the recording at 16 kHz, shape (n,).
        windows: predictions in the order of time, at least one; each counts for what is nearest to its middle.
        emotions: all of them, in the order of their colours.
        width: of the figure in inches; what is written has the same size in any.
    """
    seconds = len(samples) / RATE
    spoken = binary_closing(SpeechActivity()(samples), np.ones(_PAUSE))
    spoken = binary_dilation(spoken, np.ones(2 * _MARGIN + 1))
    times = FRAME_SECONDS * (np.arange(len(spoken)) + 0.5)
    changes = [start for start, _ in nearest([(one.start, one.end) for one in windows])[1:]]
    counting = np.searchsorted(changes, times)
    none = dict.fromkeys(emotions, 0.0)
    by_window = [list((one.probabilities or none).values()) for one in windows]
    shares = np.array(by_window)[counting] * spoken[:, None]

    figure = Figure(figsize=(width, 4.2), dpi=_DPI, layout="constrained")
    top, bottom = figure.subplots(2, sharex=True, height_ratios=(3, 2))
    colours = seaborn.color_palette("colorblind", len(emotions))
    areas = bottom.stackplot(times, shares.T, colors=colours, linewidth=0)
    blocks = np.array_split(samples, min(_POINTS, len(samples)))
    low, high = ([getattr(block, side)() for block in blocks] for side in ("min", "max"))
    top.fill_between(np.linspace(0, seconds, len(blocks)), low, high, color="0.25", linewidth=0, zorder=2)
    loudest = 1.05 * float(np.abs(samples).max())
    best = np.where(shares.sum(axis=1) > 0, shares.argmax(axis=1), -1)
    edges = [0, *(np.flatnonzero(np.diff(best)) + 1), len(best)]
    for first, last in pairwise(edges):
        if last > first and best[first] >= 0:
            span = (first * FRAME_SECONDS, last * FRAME_SECONDS)
            top.axvspan(*span, color=colours[best[first]], alpha=0.35, linewidth=0)
    top.set(ylabel="waveform", yticks=[], xlim=(0, seconds), ylim=(-loudest, loudest))
    bottom.set(ylabel="probability", xlabel="time in s", ylim=(0, 1))
    figure.legend(
        areas, emotions, loc="outside upper center", ncols=min(len(emotions), int(_NAMES * width)), frameon=False
    )
    seaborn.despine(fig=figure)
    return figure
