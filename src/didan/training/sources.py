"""The source of a trained model, found again: in the model itself, in the cache, or where the recordings are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from didan.audio import find_audio
from didan.corpora import Corpus
from didan.errors import AudioError, UserError
from didan.features import FeatureSet, FeatureStore, StoredFeatures, extract
from didan.model.source import source_set
from didan.model.trained import TrainedModel


def source_features(model: TrainedModel, search_paths: Sequence[Path], cache: Path) -> FeatureSet:
    """The features of a model's source utterances, in the order of its source index.

    Taken from the model if it includes them; else from the cache; else made from the recordings, which are
    recognised by their content, where they were in training or anywhere below ``search_paths``.

    Args:
        model: the model.
        search_paths: folders to look for recordings in.
        cache: folder for features.

    Raises:
        UserError: some are not to be found.
    """
    included = model.source_index.features
    return source_set(model, StoredFeatures(_stored(model, search_paths, cache)) if included is None else included)


def no_features(model: TrainedModel) -> FeatureSet:
    """None of a model's source utterances, but what their recordings are known by."""
    table = model.source_index.table
    return FeatureSet(
        raw=[], domains=(), contents=pd.DataFrame({"file": table["digest"], "audio": table["audio"]})
    )


def _stored(model: TrainedModel, search_paths: Sequence[Path], cache: Path) -> list[Path]:
    store = FeatureStore(cache, model.config.frontend)
    table = model.source_index.table
    files = [
        store.path(str(row.digest), float(row.start), float(row.end))  # type: ignore[arg-type]
        for row in table.itertuples()
    ]
    wanted = {str(table["digest"].iloc[index]) for index, file in enumerate(files) if not store.holds(file)}
    if not wanted:
        return files
    places = _recordings(store, table, search_paths, wanted)
    lost = wanted - set(places)
    if lost:
        rows = table[table["digest"].isin(lost)]
        raise UserError(
            f"{len(lost)} recordings that the model was trained on ({', '.join(sorted(set(rows['corpus'])))}) are "
            f"neither where they were nor in the cache (first: {rows['file'].iloc[0]}); say where they are with "
            "--source-folder, or train with --include-source-features"
        )
    moved = table[table["digest"].isin(wanted)].reset_index(drop=True)
    moved = moved.assign(file=[places[str(digest)] for digest in moved["digest"]])
    extract(Corpus("source", moved).unlabelled(), model.config.frontend, cache)
    return files


def _recordings(
    store: FeatureStore, table: pd.DataFrame, search_paths: Sequence[Path], wanted: set[str]
) -> Mapping[str, str]:
    """Where the recording of each digest is, for those that are found."""
    places: dict[str, str] = {}
    before = [Path(file) for file in table.loc[table["digest"].isin(wanted), "file"]]
    for file in [*before, *(file for path in search_paths for file in find_audio(path))]:
        try:
            digest = store.contents(file).file
        except AudioError:
            continue
        if digest in wanted:
            places[digest] = str(file)
    return places
