"""The batches of a training run: each a function of the seed and the step alone, so that runs can resume."""

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from didan.training.pair import DomainPair
from didan.typing import Utterances

Batch = dict[str, Tensor]


class Augmentation(Protocol):
    """Changes padded spectrograms, given their lengths."""

    def __call__(
        self, spectrograms: Tensor, lengths: Tensor, *, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Spectrograms and lengths as they are afterwards."""


class Batches(Dataset[Batch]):
    """The steps of a run, one batch each.

    A batch has ``batch_size`` source utterances, the same number of every emotion as far as it divides, and as
    many target utterances drawn without regard to anything. The source emotions are balanced because a
    network trained on one corpus' proportions carries them over to the other.

    Args:
        pair: source and target.
        batch_size: utterances of each.
        n_frames: at most, per utterance; longer ones are cropped at random.
        seed: of the run.
        steps: which steps of the run these are.
        with_target: whether batches have target utterances; they have source utterances if the pair has.
        augmentation: what source utterances go through; see :func:`didan.features.augment`.
        from_step: the first step whose batch has features; nothing is learnt from those of steps before.
    """

    def __init__(
        self,
        pair: DomainPair,
        *,
        batch_size: int,
        n_frames: int,
        seed: int,
        steps: range,
        with_target: bool,
        augmentation: Augmentation | None = None,
        from_step: int = 0,
    ) -> None:
        self.pair, self.batch_size, self.n_frames, self.seed = pair, batch_size, n_frames, seed
        self.steps, self.with_target = steps, with_target
        self.augmentation, self.from_step = augmentation, from_step
        labels = pair.labels
        n_labels = labels.max() + 1 if len(labels) else 0
        self.members = [np.flatnonzero((labels == label) & ~pair.held_out) for label in range(n_labels)]

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
            augmentation=self.augmentation,
            from_step=self.from_step,
        )

    def __getitem__(self, position: int) -> Batch:
        step = self.steps[position]
        chosen, drawn, rng = self._drawn(step)
        batch = {"source_index": torch.from_numpy(chosen), "labels": torch.from_numpy(self.pair.labels[chosen])}
        if self.with_target:
            batch["target_index"] = torch.from_numpy(drawn)
        if step < self.from_step:
            return batch
        if len(chosen):
            source, lengths = self._crops(self.pair.source.raw, chosen, rng)
            if self.augmentation is not None:
                source, lengths = self.augmentation(source, lengths, rng=rng)
            batch |= {"source": source, "source_lengths": lengths}
        if self.with_target:
            target, lengths = self._crops(self.pair.target.raw, drawn, rng)
            batch |= {"target": target, "target_lengths": lengths}
        return batch

    def target_rows(self, steps: range, most: int) -> npt.NDArray[np.int64]:
        """Target utterances to learn of between some steps: all, or where these are more than ``most`` those of
        the batches of these steps and others by chance, as many as ``most`` with them.

        Returns:
            Their numbers, in order.
        """
        count = len(self.pair.target)
        if count <= most:
            return np.arange(count)
        drawn = [self._drawn(step)[1] for step in steps]
        others = np.random.default_rng([self.seed, steps.start, 1]).choice(count, most, replace=False)
        rows = np.unique(np.concatenate(drawn))
        return np.union1d(rows, others[~np.isin(others, rows)][: max(most - len(rows), 0)])

    def _drawn(self, step: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], np.random.Generator]:
        """Source and target utterances of a step, and what to go on drawing with."""
        rng = np.random.default_rng([self.seed, step])
        chosen, count = self._balanced(rng), len(self.pair.target)
        if not self.with_target:
            return chosen, np.empty(0, dtype=np.int64), rng
        return chosen, rng.choice(count, self.batch_size, replace=count < self.batch_size), rng

    def _balanced(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Indices with every emotion equally often; which emotions get the remainder is drawn."""
        if not self.members:
            return np.empty(0, dtype=np.int64)
        share, rest = divmod(self.batch_size, len(self.members))
        extra = rng.permutation(len(self.members)) < rest
        drawn = [
            rng.choice(members, share + int(more), replace=len(members) < share + int(more))
            for members, more in zip(self.members, extra, strict=True)
        ]
        return rng.permutation(np.concatenate(drawn))

    def _crops(
        self, features: Utterances, indices: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Crops of utterances, padded to the longest, and how many frames each has."""
        crops = [crop(features[int(index)], self.n_frames, rng) for index in indices]
        lengths = [len(own) for own in crops]
        padded = np.zeros((len(crops), max(lengths), crops[0].shape[1]), dtype=np.float32)
        for row, own in zip(padded, crops, strict=True):
            row[: len(own)] = own
        return torch.from_numpy(padded), torch.tensor(lengths)


def crop(features: npt.NDArray[np.float32], n_frames: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Frames from a random place; an utterance that is not longer is left as it is.

    Args:
        features: shape (frames, bands).
        n_frames: how many to return at most.
        rng: for the place.

    >>> crop(np.arange(5.0)[:, None], 3, np.random.default_rng(0)).ravel()
    array([2., 3., 4.])
    """
    surplus = len(features) - n_frames
    if surplus <= 0:
        return features
    start = int(rng.integers(surplus + 1))
    return features[start : start + n_frames]
