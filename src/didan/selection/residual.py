"""The residual of implicit distribution alignment between whole corpora, as a criterion."""

import math

import numpy as np
import torch

from didan.alignment import align, class_balanced_marginal
from didan.selection.outputs import LabelFreeOutputs
from didan.typing import Labels

_UTTERANCES = 400
_TOLERANCE = 1e-3
_MAX_ITERATIONS = 500


def ida_residual(outputs: LabelFreeOutputs) -> float:
    """How badly source embeddings reconstruct target embeddings; lower is better.

        r = ||H_t - W H_s||_F / ||H_t||_F      W >= 0, W 1 = 1, columns class-balanced

    The loss of :mod:`didan.alignment.ida` without a penalty, on centred rows of length 1, see
    :func:`didan.alignment.ida.normalise_together`: 0 where the corpora coincide, about 1 where the source says
    nothing of the target. Blind to emotions: it cannot tell whether the right ones lie on each other.

    Of either corpus at most 400 utterances take part, drawn with a fixed seed and, in the source, alike from every
    emotion, so candidates that list their utterances in the same order are compared on the same ones. The squared
    residual is exact to 1e-3. It falls with the number of utterances: compare candidates of one pair of corpora.

    Args:
        outputs: its embeddings and source labels are read; without any of the source the answer is NaN.

    >>> generator = np.random.default_rng(0)
    >>> source, labels = generator.normal(size=(20, 8)), np.repeat([0, 1], 10)
    >>> nothing = np.empty((0, 2))
    >>> same = LabelFreeOutputs(
    ...     source_embeddings=source, source_labels=labels, target_embeddings=source[::-1],
    ...     validation_embeddings=nothing, validation_labels=labels[:0], validation_probabilities=nothing,
    ...     target_probabilities=nothing,
    ... )
    >>> ida_residual(same) < 0.05
    True
    """
    if not len(outputs.source_embeddings):
        return math.nan
    generator = np.random.default_rng(0)
    source = _drawn_by_class(outputs.source_labels, generator)
    target = _drawn(np.arange(len(outputs.target_embeddings)), _UTTERANCES, generator)
    alignment = align(
        torch.from_numpy(outputs.source_embeddings[source].astype(np.float32)),
        torch.from_numpy(outputs.target_embeddings[target].astype(np.float32)),
        penalty="none",
        constraint="balanced",
        source_marginal=class_balanced_marginal(torch.from_numpy(outputs.source_labels[source].astype(np.int64))),
        tolerance=_TOLERANCE,
        max_iterations=_MAX_ITERATIONS,
    )
    return alignment.diagnostics["residual"]


def _drawn_by_class(labels: Labels, generator: np.random.Generator) -> Labels:
    if len(labels) <= _UTTERANCES:
        return np.arange(len(labels))
    classes = np.unique(labels)
    share = _UTTERANCES // len(classes)
    return np.concatenate([_drawn(np.flatnonzero(labels == k), share, generator) for k in classes])


def _drawn(index: Labels, most: int, generator: np.random.Generator) -> Labels:
    return index if len(index) <= most else generator.choice(index, most, replace=False)
