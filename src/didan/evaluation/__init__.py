"""Evaluation: predictions and labels become metrics with intervals, and plots."""

from didan.evaluation.evaluate import (
    AS_PREDICTED,
    OWN_STATISTICS,
    Evaluation,
    compare,
    compare_predictions,
    evaluate,
)

__all__ = ["AS_PREDICTED", "OWN_STATISTICS", "Evaluation", "compare", "compare_predictions", "evaluate"]
