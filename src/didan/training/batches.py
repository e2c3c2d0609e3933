"""The batches of a training run: each a function of the seed and the step alone, so that runs can resume."""

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from didan.features.store import Features

Batch = dict[str, Tensor]


class Utterances(Protocol):
    """Features of utterances by their number, each of shape (frames, bands)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Features: ...


class Batches(Dataset[Batch]):
    """The steps of a run, one batch each.

    A batch has ``batch_size`` source utterances, the same number of every emotion as far as it divides, and as
    many target utterances drawn without regard to anything. The source emotions are balanced because a
    network trained on one corpus' proportions carries them over to the other.

    Args:
        source: features of the source.
        labels: class index of each source utterance, shape (n,).
        target: features of the target, or None for training on the source alone.
        batch_size: utterances of each.
        n_frames: frames per utterance; longer ones are cropped at random, shorter ones repeated.
        seed: of the run.
        steps: which steps of the run these are.
        held_out: source utterances that are never drawn, shape (n,); none if None.
    """

    def __init__(
        self,
        source: Utterances,
        labels: npt.NDArray[np.integer],
        target: Utterances | None,
        batch_size: int,
        n_frames: int,
        seed: int,
        steps: range,
        held_out: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self.source, self.labels, self.target = source, labels, target
        self.batch_size, self.n_frames, self.seed = batch_size, n_frames, seed
        self.steps = steps
        self.held_out = np.zeros(len(labels), dtype=bool) if held_out is None else held_out
        self.members = [np.flatnonzero((labels == label) & ~self.held_out) for label in range(labels.max() + 1)]

    def __len__(self) -> int:
        return len(self.steps)

    def between(self, first: int, last: int) -> "Batches":
        """The same for steps ``first`` to ``last - 1``."""
        return Batches(
            self.source,
            self.labels,
            self.target,
            self.batch_size,
            self.n_frames,
            self.seed,
            range(first, last),
            self.held_out,
        )

    def __getitem__(self, position: int) -> Batch:
        rng = np.random.default_rng([self.seed, self.steps[position]])
        chosen = self._balanced(rng)
        batch = {
            "source": self._stack(self.source, chosen, rng),
            "labels": torch.from_numpy(self.labels[chosen]),
            "index": torch.from_numpy(chosen),
        }
        if self.target is not None:
            count = len(self.target)
            drawn = rng.choice(count, self.batch_size, replace=count < self.batch_size)
            batch["target"] = self._stack(self.target, drawn, rng)
            batch["target_index"] = torch.from_numpy(drawn)
        return batch

    def _balanced(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Indices with every emotion equally often; which emotions get the remainder is drawn."""
        share, rest = divmod(self.batch_size, len(self.members))
        extra = rng.permutation(len(self.members)) < rest
        drawn = [
            rng.choice(members, share + int(more), replace=len(members) < share + int(more))
            for members, more in zip(self.members, extra, strict=True)
        ]
        return rng.permutation(np.concatenate(drawn))

    def _stack(self, features: Utterances, indices: npt.NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        crops = [crop(features[int(index)], self.n_frames, rng) for index in indices]
        return torch.from_numpy(np.stack(crops).astype(np.float32))


def crop(features: npt.NDArray[np.float32], n_frames: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Frames from a random place; an utterance that is too short is repeated from its beginning.

    Args:
        features: shape (frames, bands).
        n_frames: how many to return.
        rng: for the place.

    Returns:
        Shape (n_frames, bands).

    >>> crop(np.arange(3.0)[:, None], 5, np.random.default_rng(0)).ravel()
    array([0., 1., 2., 0., 1.])
    """
    surplus = len(features) - n_frames
    if surplus >= 0:
        start = int(rng.integers(surplus + 1))
        return features[start : start + n_frames]
    return np.take(features, np.arange(n_frames), axis=0, mode="wrap")


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
