"""Computing the features of many recordings: in parallel, once, and again from where it stopped."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from didan.audio import read_audio
from didan.corpora import Recordings
from didan.errors import AudioError
from didan.features.frontend import Frontend, FrontendSettings, build_frontend, extract_features
from didan.features.store import FeatureStore
from didan.parallel import Progress, in_threads


@dataclass(frozen=True)
class Extracted:
    """Where the features of each utterance lie, and the digests of its file: columns ``file``, ``audio``."""

    files: list[Path]
    contents: pd.DataFrame


def extract(
    recordings: Recordings,
    settings: FrontendSettings,
    cache: Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Extracted:
    """Make sure that the features of every utterance are in the store.

    Args:
        recordings: the utterances.
        settings: of the frontend.
        cache: folder of the store.
        workers: threads; as many as there are processors if None.
        progress: called after every utterance.

    Returns:
        One stored file per utterance, in order.

    Raises:
        AudioError: recordings that cannot be read: how many, and the first with its reason.
        UserError: the store cannot be written.
    """
    store = FeatureStore(cache, settings)
    frontend = build_frontend(settings)
    table = recordings.table
    utterances = list(zip(table["file"], table["start"], table["end"], strict=True))

    def one(utterance: tuple[str, float, float]) -> tuple[Path, str, str] | AudioError:
        try:
            return _extract_one(store, frontend, Path(utterance[0]), *utterance[1:])
        except AudioError as error:
            return error

    found = in_threads(one, utterances, workers, progress)
    damaged = [str(result) for result in found if isinstance(result, AudioError)]
    if damaged:
        more = f" (and {len(damaged) - 1} more of {len(utterances)} recordings)" if len(damaged) > 1 else ""
        raise AudioError(f"{min(damaged)}{more}")
    rows = [result for result in found if not isinstance(result, AudioError)]
    return Extracted(
        [path for path, _, _ in rows],
        pd.DataFrame([(file, audio) for _, file, audio in rows], columns=["file", "audio"]),
    )


def _extract_one(
    store: FeatureStore, frontend: Frontend, file: Path, start: float, end: float
) -> tuple[Path, str, str]:
    contents = store.contents(file, start, end)
    path = store.path(contents.file, start, end)
    if path.exists() and contents.audio:
        return path, contents.file, contents.audio
    samples = read_audio(file, start, end)
    store.write(path, extract_features(frontend, samples))
    return path, contents.file, store.remember_audio(contents.file, start, end, samples)
