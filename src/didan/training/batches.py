"""The batches of a training run: each a function of the seed and the step alone, so that runs can resume."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from didan.training.pair import DomainPair
from didan.typing import Utterances

Batch = dict[str, Tensor]


class Batches(Dataset[Batch]):
    """The steps of a run, one batch each.

    A batch has ``batch_size`` source utterances, the same number of every emotion as far as it divides, and as
    many target utterances drawn without regard to anything. The source emotions are balanced because a
    network trained on one corpus' proportions carries them over to the other.

    Args:
        pair: source and target.
        batch_size: utterances of each.
        n_frames: frames per utterance; longer ones are cropped at random, shorter ones repeated.
        seed: of the run.
        steps: which steps of the run these are.
        with_target: whether batches have target utterances.
    """

    def __init__(
        self, pair: DomainPair, *, batch_size: int, n_frames: int, seed: int, steps: range, with_target: bool
    ) -> None:
        self.pair, self.batch_size, self.n_frames, self.seed = pair, batch_size, n_frames, seed
        self.steps, self.with_target = steps, with_target
        labels = pair.labels
        self.members = [np.flatnonzero((labels == label) & ~pair.held_out) for label in range(labels.max() + 1)]

    def __len__(self) -> int:
        return len(self.steps)

    def between(self, first: int, last: int) -> "Batches":
        """The same for steps ``first`` to ``last - 1``."""
        return Batches(
            self.pair,
            batch_size=self.batch_size,
            n_frames=self.n_frames,
            seed=self.seed,
            steps=range(first, last),
            with_target=self.with_target,
        )

    def __getitem__(self, position: int) -> Batch:
        rng = np.random.default_rng([self.seed, self.steps[position]])
        chosen = self._balanced(rng)
        batch = {
            "source": self._stack(self.pair.source, chosen, rng),
            "labels": torch.from_numpy(self.pair.labels[chosen]),
        }
        if self.with_target:
            count = len(self.pair.target)
            drawn = rng.choice(count, self.batch_size, replace=count < self.batch_size)
            batch["target"] = self._stack(self.pair.target, drawn, rng)
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
        if isinstance(features, np.ndarray) and features.shape[1] == self.n_frames:
            return torch.from_numpy(features[indices])
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
