"""What a label-free criterion may look at."""

from dataclasses import dataclass

from didan.corpora.emotions import class_indices
from didan.model.trained import TrainedModel
from didan.networks import Output
from didan.typing import Floats, Labels

LAYER = "fc1"
"""The layer whose features criteria and probes look at."""


@dataclass(frozen=True, kw_only=True)
class LabelFreeOutputs:
    """The outputs of an adapted model for its source and target, without a label of the target.

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
    source_labels: Labels
    validation_embeddings: Floats
    validation_probabilities: Floats
    validation_labels: Labels
    target_embeddings: Floats
    target_probabilities: Floats


def label_free_outputs(model: TrainedModel, target: Output) -> LabelFreeOutputs:
    """Collect a model's outputs for its source, and those for the target.

    Probabilities are those before calibration, whose temperature would differ between candidates. A model that has
    not heard its source since it was adapted without has no outputs for it.
    """
    index = model.source_index
    table = index.table if index.embeddings else index.table.iloc[:0]
    labels = class_indices(table, model.emotions)
    held_out = table["validation"].to_numpy(dtype=bool)
    of_source = index.embeddings or {LAYER: target.embeddings[LAYER][:0], "output": target.scores[:0]}
    embeddings = of_source[LAYER].numpy()
    probabilities = model.link.estimates(of_source["output"]).numpy()
    return LabelFreeOutputs(
        source_embeddings=embeddings[~held_out],
        source_labels=labels[~held_out],
        validation_embeddings=embeddings[held_out],
        validation_probabilities=probabilities[held_out],
        validation_labels=labels[held_out],
        target_embeddings=target.embeddings[LAYER].numpy(),
        target_probabilities=model.link.estimates(target.scores).numpy(),
    )
