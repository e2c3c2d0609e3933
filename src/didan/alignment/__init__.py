"""Alignment: source and target features become one number, how far they are apart."""

from didan.alignment.a_distance import proxy_a_distance
from didan.alignment.contrastive import contrastive
from didan.alignment.divergence import divergence
from didan.alignment.ida import Alignment, align, implicit_distribution_alignment
from didan.alignment.layer_adapted import grouped_alignment
from didan.alignment.local_mmd import local_mmd
from didan.alignment.margin_disparity import margin_disparity
from didan.alignment.marginals import class_balanced_marginal
from didan.alignment.mmd import joint_mmd, multi_kernel_mmd
from didan.alignment.reconstruction import Reconstruction, reconstruct, tau_max

__all__ = [
    "Alignment",
    "Reconstruction",
    "align",
    "class_balanced_marginal",
    "contrastive",
    "divergence",
    "grouped_alignment",
    "implicit_distribution_alignment",
    "joint_mmd",
    "local_mmd",
    "margin_disparity",
    "multi_kernel_mmd",
    "proxy_a_distance",
    "reconstruct",
    "tau_max",
]
