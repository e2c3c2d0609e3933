"""All criteria by name."""

from collections.abc import Callable
from dataclasses import dataclass

from didan.selection.outputs import LabelFreeOutputs
from didan.selection.predictions import entropy, information_maximisation, soft_neighbourhood_density
from didan.selection.residual import ida_residual
from didan.selection.validation import deep_embedded_validation, importance_weighted_validation


@dataclass(frozen=True)
class Criterion:
    """A score of a recogniser that needs no target labels.

    Attributes:
        name: as in :data:`CRITERIA`.
        summary: one line.
        function: the score; NaN where the outputs lack what it needs.
        greater_is_better: whether a greater score speaks for the recogniser.
    """

    name: str
    summary: str
    function: Callable[[LabelFreeOutputs], float]
    greater_is_better: bool

    def __call__(self, outputs: LabelFreeOutputs) -> float:
        """Score a recogniser."""
        return self.function(outputs)


_ALL = (
    Criterion(
        "entropy",
        "mean entropy of the target predictions (Morerio et al. 2018)",
        lambda outputs: entropy(outputs.target_probabilities),
        greater_is_better=False,
    ),
    Criterion(
        "information-maximisation",
        "mutual information of target utterance and prediction (Bridle et al. 1991)",
        lambda outputs: information_maximisation(outputs.target_probabilities),
        greater_is_better=True,
    ),
    Criterion(
        "soft-neighbourhood-density",
        "entropy of the similarities between target predictions (Saito et al. 2021)",
        lambda outputs: soft_neighbourhood_density(outputs.target_probabilities),
        greater_is_better=True,
    ),
    Criterion(
        "importance-weighted-validation",
        "error on held-out source utterances, weighted by likeness to the target (Sugiyama et al. 2007)",
        importance_weighted_validation,
        greater_is_better=False,
    ),
    Criterion(
        "deep-embedded-validation",
        "importance-weighted error on held-out source utterances, with a control variate (You et al. 2019)",
        deep_embedded_validation,
        greater_is_better=False,
    ),
    Criterion(
        "ida-residual",
        "relative residual of the target embeddings reconstructed from the source's",
        ida_residual,
        greater_is_better=False,
    ),
)

CRITERIA: dict[str, Criterion] = {criterion.name: criterion for criterion in _ALL}
"""Every criterion by its name."""
