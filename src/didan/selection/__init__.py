"""Selection without target labels: criteria that score trained recognisers, and how far corpora are apart."""

from didan.selection.agreement import Agreement, rank_agreement
from didan.selection.criteria import CRITERIA, Criterion
from didan.selection.domain_gap import DomainGap, proxy_a_distance
from didan.selection.outputs import LAYER, LabelFreeOutputs, label_free_outputs
from didan.selection.select import select

__all__ = [
    "CRITERIA",
    "LAYER",
    "Agreement",
    "Criterion",
    "DomainGap",
    "LabelFreeOutputs",
    "label_free_outputs",
    "proxy_a_distance",
    "rank_agreement",
    "select",
]
