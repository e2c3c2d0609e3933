"""What a backbone makes of the utterances of a domain, a few of them at a time, with what normalises each."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from didan.features import FeatureSet, SelectedUtterances
from didan.networks import Network
from didan.training.processes import ALONE, Processes
from didan.typing import Features, Labels, Utterances

_AT_ONCE = 4096


class Vectors(NamedTuple):
    """One vector per utterance. Those that a backbone takes from the store as they are stay there.

    Statistics are those of a group, by kind of voice, so that very many utterances need little memory.

    Attributes:
        raw: of each utterance, one frame.
        groups: number of each one's statistics, shape (n,).
        kinds: how much each is of every kind of voice, shape (n, n_kinds).
        mean: shape (n_groups, n_kinds, width).
        std: the same.
    """

    raw: Utterances
    groups: npt.NDArray[np.int64]
    kinds: Features
    mean: Features
    std: Features

    @classmethod
    def of(cls, features: FeatureSet, network: Network, processes: Processes = ALONE) -> "Vectors":
        """What the backbone of a network makes of utterances now, a share of them in each process."""

        def shared(utterances: Utterances) -> Features:
            share = SelectedUtterances(utterances, range(len(utterances))[processes.share(len(utterances))])
            vectors: Features = processes.whole(torch.from_numpy(network.vectors(share))).numpy()
            return vectors

        made = network.heard(features, shared)
        each = list({id(own): own for own in made.statistics}.values())
        numbers = {id(own): number for number, own in enumerate(each)}
        groups = np.array([numbers[id(own)] for own in made.statistics], dtype=np.int64)
        kinds = np.ones((len(groups), len(each[0].mean)), dtype=np.float32)
        for first in range(0, len(groups), _AT_ONCE):
            rows = np.arange(first, min(first + _AT_ONCE, len(groups)))
            vectors = _rows(made.raw, rows)
            voices = {id(own.voices): own.voices for own in made.statistics[first : rows[-1] + 1]}
            for kind in voices.values():
                if kind is not None:
                    own = np.array([made.statistics[row].voices is kind for row in rows])
                    kinds[rows[own]] = kind(vectors[own])
        mean, std = (np.stack(side) for side in zip(*((own.mean, own.std) for own in each), strict=True))
        return cls(made.raw, groups, kinds, mean, std)

    def rows(self, index: Labels) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors of some utterances, mean and standard deviation of each, all of shape (n, width)."""
        kinds, groups = self.kinds[index, None], self.groups[index]
        mean, std = ((kinds @ side[groups])[:, 0] for side in (self.mean, self.std))
        return torch.from_numpy(_rows(self.raw, index)), torch.from_numpy(mean), torch.from_numpy(std)

    def normalised(self, index: Labels) -> Features:
        """Vectors of some utterances in standard deviations from the mean."""
        vectors, mean, std = self.rows(index)
        normalised: Features = ((vectors - mean) / std).numpy()
        return normalised

    def state(self) -> tuple[Tensor, ...]:
        """For a checkpoint."""
        raw = _rows(self.raw, np.arange(len(self.raw)))[:, None]
        return tuple(torch.from_numpy(part) for part in (raw, *self[1:]))

    @classmethod
    def of_state(cls, state: tuple[Tensor, ...]) -> "Vectors":
        """From a checkpoint."""
        return cls(*(part.numpy() for part in state))


def _rows(raw: Utterances, index: Labels) -> Features:
    return np.concatenate([raw[int(row)] for row in index])
