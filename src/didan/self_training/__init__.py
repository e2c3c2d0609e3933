"""Self-training: the network's scores of the target become pseudo-labels that it is fitted to, with any method."""

from typing import Annotated

from pydantic import Field

from didan.self_training.balanced import BalancedSettings, balanced_pseudo_labels
from didan.self_training.confident import ConfidentSettings
from didan.self_training.pseudo_labels import PseudoLabeller, PseudoLabels, PseudoLabelSettings

# One file each. A new pseudo-labeller is its file and its line here; its settings are what makes labels.
PSEUDO_LABELLERS: dict[str, type[BalancedSettings] | type[ConfidentSettings]] = {
    "balanced": BalancedSettings,
    "confident": ConfidentSettings,
}
"""By kind, as ``pseudo_labels.kind`` names it."""

AnyPseudoLabeller = Annotated[BalancedSettings | ConfidentSettings, Field(discriminator="kind")]
"""Settings of one of them: ``kind`` says of which."""

__all__ = [
    "PSEUDO_LABELLERS",
    "AnyPseudoLabeller",
    "BalancedSettings",
    "ConfidentSettings",
    "PseudoLabelSettings",
    "PseudoLabeller",
    "PseudoLabels",
    "balanced_pseudo_labels",
]
