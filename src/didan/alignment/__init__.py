"""Alignment: source and target features become one number, how far they are apart."""

from didan.alignment.ida import Alignment, align, implicit_distribution_alignment
from didan.alignment.memory_bank import MemoryBank, class_balanced_marginal
from didan.alignment.reconstruction import Reconstruction, reconstruct, tau_max

__all__ = [
    "Alignment",
    "MemoryBank",
    "Reconstruction",
    "align",
    "class_balanced_marginal",
    "implicit_distribution_alignment",
    "reconstruct",
    "tau_max",
]
