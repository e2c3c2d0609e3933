"""What :mod:`didan.features.summaries` computes, of the first so many frames of every utterance of a batch."""

import torch
from torch import Tensor

from didan.features.summaries import MOVES, TRANSFORM


def chosen_first(frames: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Move the chosen frames of each utterance to the front, in their order.

    Args:
        frames: shape (n, frames, bands).
        chosen: shape (n, frames).

    Returns:
        Shape (n, frames, bands), and the number of those chosen, shape (n,).

    >>> chosen_first(torch.tensor([[[5.0], [6.0], [7.0]]]), torch.tensor([[False, True, True]]))
    (tensor([[[6.],
             [7.],
             [5.]]]), tensor([2]))
    """
    places = torch.arange(frames.shape[1], device=frames.device)
    order = torch.where(chosen, places, places + frames.shape[1]).argsort(dim=1)
    return frames.gather(1, order[:, :, None].expand_as(frames)), chosen.sum(dim=1)


def among_first(frames: Tensor, counts: Tensor) -> Tensor:
    """Whether frames, of shape (n, frames, ...), are among the first so many of theirs; shape (n, frames)."""
    return torch.arange(frames.shape[1], device=frames.device) < counts[:, None]


def mean(frames: Tensor, counts: Tensor) -> Tensor:
    """Shape (n, bands)."""
    return (frames * among_first(frames, counts)[:, :, None]).sum(dim=1) / counts[:, None]


def moments(frames: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation, each of shape (n, bands)."""
    average = mean(frames, counts)
    return average, mean((frames - average[:, None]).square(), counts).sqrt()


def outline(frames: Tensor, counts: Tensor) -> Tensor:
    """See :func:`didan.features.summaries.outline`; shape (n, 5 * bands)."""
    return torch.cat([*moments(frames, counts), *_percentiles(frames, counts, (10, 90)), _step(frames, counts)], 1)


def course(frames: Tensor, counts: Tensor) -> Tensor:
    """See :func:`didan.features.summaries.course`; shape (n, 10 * bands)."""
    quantiles = _percentiles(frames, counts, (10, 25, 50, 75, 90))
    places = torch.arange(frames.shape[1], device=frames.device)
    own = among_first(frames, counts)[:, :, None]
    times = (2 * places / (counts[:, None] - 1).clamp_min(1) - 1)[:, :, None] * own
    # Even and odd polynomials are orthogonal on times that lie symmetrically, so the parabola's parts come apart.
    squares = (times.square() - mean(times.square(), counts)[:, None]) * own
    bent = [
        (wave * frames).sum(dim=1) / wave.square().sum(dim=1).clamp_min(1e-12) * (counts[:, None] >= 3)
        for wave in (squares, times)
    ]
    return torch.cat([*moments(frames, counts), *quantiles, _step(frames, counts), *bent], dim=1)


def rhythm(voiced: Tensor, counts: Tensor) -> Tensor:
    """See :func:`didan.features.summaries.rhythm`; ``voiced`` has shape (n, frames), the answer (n, 4)."""
    nothing = torch.zeros_like(voiced[:, :1])
    before, after = torch.cat([nothing, voiced], dim=1), torch.cat([voiced, nothing], dim=1)
    places = torch.arange(before.shape[1], device=voiced.device)[None, :, None].expand(voiced.shape[0], -1, 1)
    starts, number = chosen_first(places, after & ~before)
    ends, _ = chosen_first(places, before & ~after)
    lengths, some = (ends - starts).float(), number.clamp_min(1)
    average, deviation = moments(lengths, some)
    spoken = torch.stack([voiced.sum(dim=1) / counts, number / counts], dim=1)
    return torch.cat([spoken, average, deviation], dim=1) * (number > 0)[:, None]


def modulation_powers(bands: Tensor, counts: Tensor, within: Tensor) -> Tensor:
    """See :func:`didan.features.summaries.modulation_spectrum`.

    Args:
        bands: levels less their mean, shape (n, frames, bands).
        counts: shape (n,).
        within: weight of every frequency in every range of modulations, shape (frequencies, ranges).

    Returns:
        Shape (n, ranges * bands).
    """
    bands = bands * among_first(bands, counts)[:, :, None]
    frequencies = torch.arange(len(within), device=bands.device)
    places = torch.arange(bands.shape[1], device=bands.device)
    # Reduced to one turn in whole numbers, where nothing is rounded.
    angles = (2 * torch.pi / TRANSFORM) * ((frequencies[:, None] * places) % TRANSFORM).float()
    power = ((angles.cos() @ bands).square() + (angles.sin() @ bands).square()) / counts[:, None, None]
    return ((within.T @ power) + MOVES).log().flatten(1)


def _percentiles(frames: Tensor, counts: Tensor, percent: tuple[int, ...]) -> list[Tensor]:
    ordered = torch.where(among_first(frames, counts)[:, :, None], frames, torch.inf).sort(dim=1).values
    found = []
    for one in percent:
        place = (counts - 1) * (one / 100)
        below = place.floor().long()
        above = torch.minimum(below + 1, counts - 1)
        share = (place - below)[:, None]
        low, high = (
            ordered.gather(1, k[:, None, None].expand(-1, 1, frames.shape[2]))[:, 0] for k in (below, above)
        )
        found.append(low + share * (high - low))
    return found


def _step(frames: Tensor, counts: Tensor) -> Tensor:
    both = among_first(frames, counts)[:, 1:, None]
    return ((frames[:, 1:] - frames[:, :-1]).abs() * both).sum(dim=1) / (counts[:, None] - 1).clamp_min(1)
