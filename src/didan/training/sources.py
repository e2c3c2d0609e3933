"""The source of a trained model, found again: in the model itself, in the cache, or where the recordings are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from didan.audio import Utterance, find_audio
from didan.corpora import Corpus, Recordings
from didan.errors import UserError
from didan.features import FeatureSet, FeatureStore, StoredFeatures, extract
from didan.features.fingerprints import Contents, Fingerprints, utterance_name
from didan.model.source import source_corpora, source_set
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
    return source_set(model, _stored(model, search_paths, cache) if included is None else included)


def source_recordings(model: TrainedModel, search_paths: Sequence[Path], cache: Path) -> list[Recordings] | None:
    """The recordings of a model's sources, in the order of its source index, where they are now.

    Args:
        model: the model.
        search_paths: folders to look for them in, where they are not where they were.
        cache: folder for features.

    Returns:
        None unless all are found.
    """
    table = model.source_index.table
    wanted = set(map(str, table["digest"]))
    found = _recordings(FeatureStore(cache, model.config.frontend).fingerprints, table, search_paths, wanted)
    if wanted - set(found):
        return None
    files = [found[str(digest)] for digest in table["digest"]]
    index = replace(model.source_index, table=table.assign(file=files))
    return [corpus.unlabelled() for corpus in source_corpora(replace(model, source_index=index))]


def no_features(model: TrainedModel) -> FeatureSet:
    """None of a model's source utterances, but what their recordings are known by."""
    table = model.source_index.table
    return FeatureSet(
        raw=[], domains=(), contents=pd.DataFrame({"file": table["digest"], "audio": table["audio"]})
    )


def _stored(model: TrainedModel, search_paths: Sequence[Path], cache: Path) -> StoredFeatures:
    store = FeatureStore(cache, model.config.frontend)
    table = model.source_index.table
    utterances = Corpus("source", table).unlabelled().utterances()
    names = [utterance_name(str(digest), one) for digest, one in zip(table["digest"], utterances, strict=True)]
    places = store.find(names)
    wanted = {str(digest) for digest, name in zip(table["digest"], names, strict=True) if name not in places}
    if wanted:
        recordings = _recordings(store.fingerprints, table, search_paths, wanted)
        lost = wanted - set(recordings)
        if lost:
            rows = table[table["digest"].isin(lost)]
            raise UserError(
                f"{len(lost)} recordings that the model was trained on ({', '.join(sorted(set(rows['corpus'])))}) "
                f"are neither where they were nor in the cache (first: {rows['file'].iloc[0]}); say where they "
                "are with --source-folder, or train with --include-source-features"
            )
        moved = table[table["digest"].isin(wanted)].reset_index(drop=True)
        moved = moved.assign(file=[recordings[str(digest)] for digest in moved["digest"]])
        extract(Corpus("source", moved).unlabelled(), model.config.frontend, cache)
        places = store.find(names)
    return store.read([places[name] for name in names])


def _recordings(
    fingerprints: Fingerprints, table: pd.DataFrame, search_paths: Sequence[Path], wanted: set[str]
) -> Mapping[str, str]:
    """Where the recording of each digest is, for those that are found."""
    named = (Path(str(file)) for file in table.loc[table["digest"].isin(wanted), "file"].dropna())
    # The model may be a stranger's, and name what is no file, or has no end.
    files = [
        *(file for file in named if file.is_file()),
        *(file for path in search_paths for file in find_audio(path)),
    ]
    contents = zip(files, fingerprints.contents([Utterance(file) for file in files]), strict=True)
    return {own.file: str(file) for file, own in contents if isinstance(own, Contents) and own.file in wanted}
