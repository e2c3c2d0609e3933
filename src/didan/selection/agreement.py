"""How good a criterion is: whether it ranks candidates as their true UAR does.

This reads UARs on the target, so it is an evaluation of criteria. Nothing may be chosen by it.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of a criterion with the truth.

    Attributes:
        spearman: rank correlation of the criterion, turned so that greater is better, with UAR; NaN if undefined.
        regret: UAR of the best candidate less that of the chosen one, 0 at best, in the unit of the UARs.
        n: candidates that both have.
    """

    spearman: float
    regret: float
    n: int


def rank_agreement(criterion_values: npt.ArrayLike, uars: npt.ArrayLike, greater_is_better: bool) -> Agreement:
    """Compare a criterion with the UAR on the target: an evaluation, since UAR takes target labels.

    Candidates without a UAR are left out altogether. Those without a value of the criterion cannot be chosen,
    but the best UAR, from which regret is counted, may be theirs.

    Args:
        criterion_values: of each candidate, shape (n,); NaN where the criterion could not tell.
        uars: of each candidate, shape (n,).
        greater_is_better: whether a greater value of the criterion speaks for the candidate.

    Returns:
        A correlation that is 1 for a criterion that ranks as UAR does, and the regret of going by it; of equals
        the first is chosen, as in :func:`didan.selection.select`.

    >>> agreement = rank_agreement([0.9, 0.5, 0.7], [30.0, 40.0, 42.0], greater_is_better=False)
    >>> agreement.spearman, agreement.regret      # the lowest value is that of UAR 40
    (0.5, 2.0)
    """
    values, truth = np.asarray(criterion_values, dtype=float), np.asarray(uars, dtype=float)
    known = ~np.isnan(truth)
    values, truth = (values if greater_is_better else -values)[known], truth[known]
    comparable = ~np.isnan(values)
    chosen, reached = values[comparable], truth[comparable]
    n = len(chosen)
    regret = float(truth.max() - reached[chosen.argmax()]) if n else math.nan
    if n < 2 or np.ptp(chosen) == 0 or np.ptp(reached) == 0:  # no ranks to speak of
        return Agreement(spearman=math.nan, regret=regret, n=n)
    return Agreement(spearman=float(spearmanr(chosen, reached).statistic), regret=regret, n=n)
