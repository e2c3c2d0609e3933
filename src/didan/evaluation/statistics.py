"""Inference over speakers: intervals of UAR and paired tests between methods.

UAR is linear in the hits. Of its C emotions, let the target have N_c utterances of emotion c, and let h_sc of
those of speaker s be recognised. Then

    UAR = sum_s u_s,    u_s = (1/C) * sum_c h_sc / N_c,

so two methods differ by ``sum_s d_s`` with ``d_s = u_s(A) - u_s(B)``: a sum over speakers, who are the
independent draws (utterances of one speaker are not). Hits are averaged over seeds beforehand, so methods are
compared by their performance over seeds.

The null hypothesis of the test is that the two methods are exchangeable for every speaker: that swapping their
answers for all utterances of a speaker changes nothing, so that ``d_s`` is as likely as ``-d_s``. What neither
tests nor intervals cover: the tasks, the source corpora and the trained models are held fixed. They generalise to
other speakers of these targets, not to other corpora or seeds.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RESAMPLES = 10_000
FLIPS = 19_999


def speaker_shares(hits: npt.ArrayLike, counts: npt.ArrayLike) -> Floats:
    """What every speaker contributes to UAR: the shares sum to it.

    Args:
        hits: utterances recognised, shape (speakers, emotions); means over seeds need not be whole.
        counts: utterances, shape (speakers, emotions). Emotions that nobody has do not count.

    Returns:
        Shape (speakers,).

    >>> speaker_shares([[2, 0], [1, 1]], [[2, 1], [2, 1]])     # recalls are 3/4 and 1/2
    array([0.25 , 0.375])
    """
    h, n = np.asarray(hits, dtype=float), np.asarray(counts, dtype=float)
    present = n.sum(axis=0) > 0
    shares: Floats = (h[:, present] / n[:, present].sum(axis=0)).mean(axis=1)
    return shares


@lru_cache(maxsize=64)
def speaker_draws(target: str, n_speakers: int) -> Floats:
    """How often every speaker is drawn in each bootstrap resample, always the same for the same target.

    Differences between methods and means over tasks are paired by it.

    Returns:
        Shape (RESAMPLES, n_speakers).
    """
    generator = np.random.default_rng([0, *target.encode()])
    return generator.multinomial(n_speakers, np.full(n_speakers, 1 / n_speakers), RESAMPLES).astype(float)


def resampled_uar(hits: npt.ArrayLike, counts: npt.ArrayLike, draws: Floats) -> Floats:
    """UAR of every resample of the speakers, over the emotions that occur in it.

    Args:
        hits: shape (speakers, emotions).
        counts: shape (speakers, emotions).
        draws: see :func:`speaker_draws`.

    Returns:
        Shape (RESAMPLES,).
    """
    drawn_hits, drawn = draws @ np.asarray(hits, dtype=float), draws @ np.asarray(counts, dtype=float)
    recalls = np.divide(drawn_hits, drawn, out=np.zeros_like(drawn), where=drawn > 0)
    uar: Floats = recalls.sum(axis=1) / (drawn > 0).sum(axis=1)
    return uar


def interval(values: Floats, coverage: float = 95) -> tuple[float, float]:
    """Percentile interval of bootstrapped values; with fewer than some ten speakers it is mostly too narrow."""
    low, high = np.percentile(values, [50 - coverage / 2, 50 + coverage / 2])
    return float(low), float(high)


def sign_flip_p(differences: npt.ArrayLike) -> float:
    """Two-sided p-value of the sign-flip permutation test of a paired difference (Fisher's randomisation test).

    Exact, by all patterns of signs, while there are no more of them than random ones would be drawn; otherwise
    (1 + as extreme) / (1 + drawn) with fixed draws. S speakers cannot give less than 2^(1-S).

    Args:
        differences: d_s, shape (speakers,).

    >>> sign_flip_p([0.1, 0.2, 0.3])     # of 8 patterns +++ and --- are as extreme
    0.25
    """
    d = np.asarray(differences, dtype=float)
    signs = _signs(len(d))
    # Sums that are equal but for rounding count as equally extreme.
    extreme = int((np.abs(signs @ d) >= abs(d.sum()) - 1e-9 * np.abs(d).sum()).sum())
    return extreme / len(signs) if _is_exact(len(d)) else (1 + extreme) / (1 + len(signs))


def smallest_p(n_speakers: int) -> float:
    """The least that :func:`sign_flip_p` can say, whatever the differences.

    >>> smallest_p(4)
    0.125
    """
    return 2.0 ** (1 - n_speakers) if _is_exact(n_speakers) else 1 / (1 + FLIPS)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: the least level at which each hypothesis of the family is rejected.

    It controls the probability of any false rejection under every dependence (Holm, Scandinavian Journal of
    Statistics 6, 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    adjusted, largest = [0.0] * len(order), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _is_exact(n_speakers: int) -> bool:
    return n_speakers < 64 and 2 ** (n_speakers - 1) <= FLIPS


@lru_cache(maxsize=16)
def _signs(n_speakers: int) -> Floats:
    """Patterns of signs, one per row. Flipping all signs keeps the absolute sum, so the first is + when exact."""
    if _is_exact(n_speakers):
        negative = np.arange(2 ** (n_speakers - 1))[:, None] >> np.arange(n_speakers) & 1
    else:
        negative = np.random.default_rng(0).integers(0, 2, (FLIPS, n_speakers))
    return np.where(negative == 1, -1.0, 1.0)
