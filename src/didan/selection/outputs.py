"""What a criterion may look at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from torch import Tensor

from didan.alignment.regularisers import project_simplex
from didan.corpora.emotions import class_indices
from didan.networks import Output

if TYPE_CHECKING:
    from didan.model.trained import Model

LAYER = "fc1"
"""The layer whose features criteria and probes look at."""

Floats = npt.NDArray[np.floating]
Classes = npt.NDArray[np.integer]


@dataclass(frozen=True)
class View:
    """A trained, adapted recogniser as a criterion sees it: no label of the target is in here.

    Attributes:
        source_embeddings: features of the source utterances trained on, shape (n_train, d).
        source_labels: their emotions as class indices, shape (n_train,).
        validation_embeddings: features of source utterances held out of training, shape (n_val, d), n_val >= 0.
        validation_probabilities: of each emotion for these, shape (n_val, c).
        validation_labels: their emotions as class indices, shape (n_val,).
        target_embeddings: features of the target utterances, shape (n_t, d).
        target_probabilities: of each emotion for these, shape (n_t, c).
    """

    source_embeddings: Floats
    source_labels: Classes
    validation_embeddings: Floats
    validation_probabilities: Floats
    validation_labels: Classes
    target_embeddings: Floats
    target_probabilities: Floats


def view_of(model: "Model", target: Output) -> View:
    """What label-free criteria may see of a model and its outputs for the target.

    Probabilities are those before calibration, which would be another one for every candidate.
    """
    table = model.reference.table
    labels = class_indices(table, model.emotions)
    held_out = table["validation"].to_numpy(dtype=bool)
    embeddings = model.reference.embeddings[LAYER].numpy()
    loss = model.config.optimisation.loss
    probabilities = _probabilities(model.reference.embeddings["output"], loss).numpy()
    return View(
        embeddings[~held_out],
        labels[~held_out],
        embeddings[held_out],
        probabilities[held_out],
        labels[held_out],
        target.embeddings[LAYER].numpy(),
        _probabilities(target.scores, loss).numpy(),
    )


def _probabilities(scores: Tensor, loss: str) -> Tensor:
    """Scores as probabilities; regression's estimate them already and are moved to the nearest that sum to 1."""
    return scores.softmax(dim=1) if loss == "cross-entropy" else project_simplex(scores)
