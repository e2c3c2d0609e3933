"""A pair of domains as a network is trained on it: labelled source features and target features without labels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from didan.features import FeatureSet
from didan.typing import Labels, Mask


@dataclass(frozen=True, kw_only=True)
class DomainPair:
    """Source and target.

    Attributes:
        source: features of the source utterances; none for a method that adapts a trained network without them.
        labels: class index of each, shape (n,).
        domains: number of the domain of each, see :class:`didan.methods.MethodContext`; shape (n,).
        target: features of the target utterances.
        emotions: what class indices mean.
        held_out: source utterances not to train on, shape (n,).
    """

    source: FeatureSet
    labels: Labels
    domains: Labels
    target: FeatureSet
    emotions: tuple[str, ...]
    held_out: Mask

    @property
    def n_bands(self) -> int:
        """Width of the features."""
        return int(self.target.raw[0].shape[1])


def hold_out(labels: npt.NDArray[np.integer], share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Draw utterances to keep for validation: a share of every emotion, rounded down.

    Args:
        labels: class index of each utterance, shape (n,).
        share: of each emotion, in [0, 1).
        seed: of the run.

    Returns:
        Which ones are held out, shape (n,).

    >>> hold_out(np.array([0, 0, 0, 0, 1]), 0.5, seed=0).sum()
    np.int64(2)
    """
    rng = np.random.default_rng([seed, 0])
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        chosen[rng.choice(members, int(share * len(members)), replace=False)] = True
    return chosen
