"""The source of a model: the corpora that it was trained on, and their features as its network takes them."""

import numpy as np
import pandas as pd

from didan.corpora import Corpus
from didan.corpora.corpus import CHANNEL
from didan.features import FeatureSet, SelectedUtterances, join, normalised
from didan.model.trained import TrainedModel
from didan.typing import Utterances


def source_corpora(model: TrainedModel) -> list[Corpus]:
    """The labelled corpora that a model was trained on, as far as it used them."""
    table = model.source_index.table
    own = ["file", "start", "end", CHANNEL, "speaker", "group", "emotion"]
    columns = [column for column in own if column in table.columns]
    parts = [part for _, part in table.groupby("source")]
    return [Corpus(str(part["corpus"].iloc[0]), part[columns].reset_index(drop=True)) for part in parts]


def source_set(model: TrainedModel, raw: Utterances) -> FeatureSet:
    """The source utterances, each with what it is normalised with, in the order of the source index.

    Args:
        model: the model.
        raw: features of all of them as the frontend makes them.
    """
    table = model.source_index.table
    contents = pd.DataFrame({"file": table["digest"], "audio": table["audio"]})
    sets = []
    for number, corpus in enumerate(source_corpora(model)):
        rows = np.flatnonzero((table["source"] == number).to_numpy())
        part = SelectedUtterances(raw, rows.tolist())
        sets.append(
            normalised(
                corpus.unlabelled(),
                part,
                contents.iloc[rows].reset_index(drop=True),
                model.config.normalisation,
                blocks=model.normaliser.blocks,
            )
        )
    return join(sets).told_apart(model.normaliser.voices)
