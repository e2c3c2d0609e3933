"""What a criterion may look at."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
