"""Computing the features of many recordings: on all cores, once, and again from where it stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from didan.audio import Utterance, read_audio
from didan.corpora import Recordings
from didan.errors import AudioError
from didan.features.frontend import Frontend, FrontendSettings, cached_frontend, extract_features
from didan.features.store import AudioDigest, FeatureStore
from didan.parallel import in_processes
from didan.typing import Progress


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """Where the features of each utterance are, and the digests of its file: columns ``file``, ``audio``."""

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
    """Make sure that the features of every utterance of some recordings are in the store.

    Args:
        recordings: the utterances.
        settings: of the frontend.
        cache: folder of the store.
        workers: processes; as many as there are processors if None.
        progress: called after every utterance.

    Returns:
        One stored file per utterance, in order.

    Raises:
        AudioError: recordings that cannot be read: how many, and the first with its reason.
        UserError: the store cannot be written.
    """
    return extract_utterances(
        recordings.utterances(), settings, cache, workers=workers, progress=progress, name=recordings.name
    )


def extract_utterances(
    utterances: Sequence[Utterance],
    settings: FrontendSettings,
    cache: Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    name: str = "recordings",
) -> Extracted:
    """The same for utterances; see :func:`extract`."""
    FeatureStore(cache, settings)  # a cache that cannot be written is an error before anything is computed
    work = partial(_extract_or_error, settings, cache)
    results = in_processes(work, utterances, workers, progress, f"features of {name}")
    damaged = [str(result) for result in results if isinstance(result, AudioError)]
    if damaged:
        more = f" (and {len(damaged) - 1} more of {len(utterances)} recordings)" if len(damaged) > 1 else ""
        raise AudioError(f"{min(damaged)}{more}")
    rows = [result for result in results if not isinstance(result, AudioError)]
    return Extracted(
        files=[path for path, _, _ in rows],
        contents=pd.DataFrame([(file, audio) for _, file, audio in rows], columns=["file", "audio"]),
    )


def _extract_or_error(
    settings: FrontendSettings, cache: Path, utterance: Utterance
) -> tuple[Path, str, str] | AudioError:
    try:
        return _extract(FeatureStore(cache, settings), cached_frontend(settings), utterance)
    except AudioError as error:
        return error


def _extract(store: FeatureStore, frontend: Frontend, utterance: Utterance) -> tuple[Path, str, str]:
    file, start, end, _ = utterance
    contents = store.contents(file, start, end)
    path = store.path(contents.file, start, end)
    if path.exists() and contents.audio:
        return path, contents.file, contents.audio
    samples = read_audio(file, start, end)
    store.write(path, extract_features(frontend, samples))
    return path, contents.file, store.remember_audio(contents.file, start, end, AudioDigest(samples))
