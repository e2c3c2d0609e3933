"""Choose a recogniser by a criterion."""

import math
from collections.abc import Mapping

from didan.errors import UserError, suggest
from didan.selection.criteria import CRITERIA


def select(scores: Mapping[str, float], criterion: str) -> str:
    """Name the candidate that a criterion finds best.

    Args:
        scores: by candidate, what the criterion gave it; NaN where it could not tell. Of equals the first wins.
        criterion: name in :data:`didan.selection.CRITERIA`, which says whether greater is better.

    Raises:
        UserError: the criterion is unknown, or no candidate has a score.

    >>> select({"lambda 1": 0.9, "lambda 5": 0.4, "lambda 20": float("nan")}, "entropy")
    'lambda 5'
    """
    if criterion not in CRITERIA:
        raise UserError(f"no selection criterion is called {criterion!r}; {suggest(criterion, CRITERIA)}")
    comparable = {name: score for name, score in scores.items() if not math.isnan(score)}
    if not comparable:
        candidates = ", ".join(scores) or "none given"
        raise UserError(
            f"no candidate has a score of {criterion} (candidates: {candidates}); "
            "criteria that validate need held-out source utterances"
        )
    best = max if CRITERIA[criterion].greater_is_better else min
    return best(comparable, key=comparable.__getitem__)
