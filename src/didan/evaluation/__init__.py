"""Evaluation: a model and a labelled corpus become metrics with intervals, and plots."""

from didan.evaluation.evaluate import Evaluation, compare, evaluate, evaluate_scores
from didan.metrics import recalls, uar_interval, unweighted_average_recall

__all__ = [
    "Evaluation",
    "compare",
    "evaluate",
    "evaluate_scores",
    "recalls",
    "uar_interval",
    "unweighted_average_recall",
]
