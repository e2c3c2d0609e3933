"""Paired tests between methods, over speakers.

Two methods differ in UAR by ``sum_s d_s`` with ``d_s = u_s(A) - u_s(B)``, a sum over speakers (see
:mod:`didan.metrics`). Hits are averaged over seeds beforehand, so methods are compared by their performance over
seeds.

The null hypothesis is that the two methods are exchangeable for every speaker: that swapping their answers for
all utterances of a speaker changes nothing, so that ``d_s`` is as likely as ``-d_s``. Neither tests nor intervals
cover the tasks, the source corpora and the trained models, which are held fixed. They generalise to other speakers
of these targets, not to other corpora or seeds.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from didan.metrics import Reals

FLIPS = 19_999


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
    return n_speakers <= FLIPS.bit_length()  # 2^(S-1) patterns are no more than FLIPS


@lru_cache(maxsize=16)
def _signs(n_speakers: int) -> Reals:
    """Patterns of signs, one per row. Flipping all signs keeps the absolute sum, so the first is + when exact."""
    if _is_exact(n_speakers):
        negative = np.arange(2 ** (n_speakers - 1))[:, None] >> np.arange(n_speakers) & 1
    else:
        negative = np.random.default_rng(0).integers(0, 2, (FLIPS, n_speakers))
    return np.where(negative == 1, -1.0, 1.0)
