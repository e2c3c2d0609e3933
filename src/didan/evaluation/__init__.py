"""Evaluation: a model and a labelled corpus become metrics with intervals, and plots."""

from didan.evaluation.evaluate import Evaluation, evaluate
from didan.evaluation.metrics import recalls, uar_interval, unweighted_average_recall

__all__ = ["Evaluation", "evaluate", "recalls", "uar_interval", "unweighted_average_recall"]
