"""What every encoder is, whatever its family."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from didan.audio import RATE

LONGEST = 30 * RATE
"""Samples that go through an encoder at a time; Whisper has no more positions, attention costs their square."""


class Encoder(Protocol):
    """A module that maps waveforms to hidden states of 20 ms each.

    Attributes:
        shortest: samples of the shortest waveform that has a frame.
    """

    shortest: int

    def __call__(self, waveform: Tensor, lengths: Tensor, last: int) -> tuple[list[Tensor], Tensor]:
        """Compute hidden states.

        Args:
            waveform: 16 kHz samples, shape (n, samples), at least ``shortest`` and at most ``LONGEST`` of them;
                zeros beyond an utterance's length.
            lengths: samples of each utterance, shape (n,).
            last: the highest hidden state that is wanted; later layers are not computed.

        Returns:
            Hidden states 0 (what goes into the first layer) to ``last``, each of shape (n, frames, width), and how
            many of the frames are each utterance's own, shape (n,).
        """


def middle_third(n_layers: int) -> tuple[int, ...]:
    """The hidden states in the middle third, where emotion is most easily read.

    >>> middle_third(4), middle_third(12)
    ((1, 2), (4, 5, 6, 7, 8))
    """
    return tuple(range(n_layers // 3, 2 * n_layers // 3 + 1))


def attention_mask(valid: Tensor) -> Tensor:
    """What to add to attention scores so that nothing attends to padding, shape (n, 1, 1, frames).

    Args:
        valid: which frames are no padding, shape (n, frames).
    """
    mask = torch.zeros(valid.shape, device=valid.device).masked_fill(~valid, -torch.inf)
    return mask[:, None, None]


def in_single_precision(signal: Tensor) -> torch.autocast:
    """A context for spectra, whose range half precision does not have."""
    return torch.autocast(signal.device.type, enabled=False)


def standardised(signal: Tensor, valid: Tensor) -> Tensor:
    """Each utterance with mean 0 and variance 1 over its own samples, and 0 beyond them, shape (n, samples)."""
    count = valid.sum(dim=1, keepdim=True)
    mean = (signal * valid).sum(dim=1, keepdim=True) / count
    centred = (signal - mean) * valid
    return centred / (centred.square().sum(dim=1, keepdim=True) / count + 1e-7).sqrt()


def run_layers(
    layers: Sequence[Callable[..., Tensor]], first: Tensor, last: int, norm: nn.Module | None, **masks: Any
) -> list[Tensor]:
    """Hidden states 0 to ``last`` of a stack of layers.

    Args:
        layers: each maps a hidden state to the next.
        first: hidden state 0.
        last: the highest wanted.
        norm: what the output of the last layer of all goes through, as the family defines its last hidden state.
        masks: for every layer.
    """
    states = [first]
    for layer in layers[:last]:
        states.append(layer(states[-1], **masks))
    if norm is not None and last == len(layers):
        states[-1] = norm(states[-1])
    return states
