"""The source of a trained model, found again: from what the model carries, the cache, or the recordings."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from didan.audio import find_audio
from didan.corpora import Corpus
from didan.errors import AudioError, UserError
from didan.features import FeatureSet, extract, join, normalised
from didan.features.store import FeatureStore
from didan.model.trained import Model


def source_corpora(model: Model) -> list[Corpus]:
    """The labelled corpora that a model learnt from, as far as it used them."""
    columns = ["file", "start", "end", "speaker", "emotion"]
    parts = [part for _, part in model.reference.table.groupby("source")]
    return [Corpus(str(part["corpus"].iloc[0]), part[columns].reset_index(drop=True)) for part in parts]


@contextmanager
def source_features(model: Model, places: Sequence[Path], cache: Path) -> Iterator[FeatureSet]:
    """The features of a model's source utterances, in the order of its reference, while the context lasts.

    What the model carries is taken first; then what the cache holds; then the recordings, known by their content,
    where they lay in training or anywhere below ``places``.

    Args:
        model: the model.
        places: folders to look for recordings in.
        cache: folder for features.

    Raises:
        UserError: some are not to be found.
    """
    table = model.reference.table
    with tempfile.TemporaryDirectory() as folder:
        if model.reference.features is not None:
            files = _unpack(model, Path(folder))
        else:
            files = _found(model, places, cache)
        contents = pd.DataFrame({"file": table["digest"], "audio": table["audio"]})
        sets = []
        for number, corpus in enumerate(source_corpora(model)):
            rows = np.flatnonzero((table["source"] == number).to_numpy())
            sets.append(
                normalised(
                    corpus.unlabelled(),
                    [files[row] for row in rows],
                    contents.iloc[rows].reset_index(drop=True),
                    model.config.normalisation,
                )
            )
        yield join(sets)


def _unpack(model: Model, folder: Path) -> list[Path]:
    packed = model.reference.features
    assert packed is not None
    files = [folder / f"{index}.npy" for index in range(len(packed))]
    for index, file in enumerate(files):
        np.save(file, packed[index])
    return files


def _found(model: Model, places: Sequence[Path], cache: Path) -> list[Path]:
    store = FeatureStore(cache, model.config.frontend)
    table = model.reference.table
    files = [
        store.path(str(row.digest), float(row.start), float(row.end))  # type: ignore[arg-type]
        for row in table.itertuples()
    ]
    wanted = {str(table["digest"].iloc[index]) for index, file in enumerate(files) if not file.exists()}
    if not wanted:
        return files
    where = _recordings(store, table, places, wanted)
    lost = wanted - set(where)
    if lost:
        rows = table[table["digest"].isin(lost)]
        raise UserError(
            f"{len(lost)} recordings that the model learnt from ({', '.join(sorted(set(rows['corpus'])))}) are "
            f"not where they were, nor are their features in the cache (first: {rows['file'].iloc[0]}); say where "
            "they are with --source-folder, or train with --carry, which puts their features into the model"
        )
    moved = table[table["digest"].isin(wanted)].reset_index(drop=True)
    lying = moved.assign(file=[where[str(digest)] for digest in moved["digest"]])
    extract(Corpus("source", lying).unlabelled(), model.config.frontend, cache)
    return files


def _recordings(
    store: FeatureStore, table: pd.DataFrame, places: Sequence[Path], wanted: set[str]
) -> Mapping[str, str]:
    """Where the recording of each digest lies, for those that are found."""
    where: dict[str, str] = {}
    before = [Path(file) for file in table.loc[table["digest"].isin(wanted), "file"]]
    for file in [*before, *(file for place in places for file in find_audio(place))]:
        try:
            digest = store.contents(file).file
        except AudioError:
            continue
        if digest in wanted:
            where[digest] = str(file)
    return where
