"""Computing the features of many recordings: on all cores, once, and again from where it stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import pandas as pd

from didan.audio import Utterance, read_audio
from didan.corpora import Corpus, Recordings
from didan.errors import AudioError, OnDamaged, report_damaged
from didan.features.frontend import Frontend, FrontendSettings, cached_frontend, extract_features
from didan.features.store import AudioDigest, FeatureStore
from didan.parallel import in_processes
from didan.typing import Progress

AnyRecordings = TypeVar("AnyRecordings", Corpus, Recordings)


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """Where features are.

    Attributes:
        rows: which of the utterances could be read, by number.
        files: the stored features of each of these.
        contents: digests of its file and samples, columns ``file``, ``audio``.
    """

    rows: list[int]
    files: list[Path]
    contents: pd.DataFrame


def extract(
    recordings: Recordings,
    settings: FrontendSettings,
    cache: Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
) -> Extracted:
    """Make sure that the features of every utterance of some recordings are in the store.

    Args:
        recordings: the utterances.
        settings: of the frontend.
        cache: folder of the store.
        workers: processes; as many as there are processors if None.
        progress: called after every utterance.
        on_damaged: called with the reason for an utterance that cannot be read or is silent, which is then left
            out; if None such utterances are an error.

    Returns:
        One stored file per utterance, in order.

    Raises:
        AudioError: utterances that cannot be read, where ``on_damaged`` is None: how many, and the first with its
            reason.
        UserError: the store cannot be written.
    """
    return extract_utterances(
        recordings.utterances(),
        settings,
        cache,
        workers=workers,
        progress=progress,
        on_damaged=on_damaged,
        name=recordings.name,
    )


def extract_utterances(
    utterances: Sequence[Utterance],
    settings: FrontendSettings,
    cache: Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
    name: str = "recordings",
) -> Extracted:
    """The same for utterances; see :func:`extract`."""
    FeatureStore(cache, settings)  # a cache that cannot be written is an error before anything is computed
    work = partial(_extract_or_error, settings, cache)
    results = in_processes(work, utterances, workers, progress, f"features of {name}")
    report_damaged([result for result in results if isinstance(result, AudioError)], len(utterances), on_damaged)
    made = {row: result for row, result in enumerate(results) if not isinstance(result, AudioError)}
    return Extracted(
        rows=list(made),
        files=[path for path, _, _ in made.values()],
        contents=pd.DataFrame([(file, audio) for _, file, audio in made.values()], columns=["file", "audio"]),
    )


def readable(
    recordings: AnyRecordings,
    settings: FrontendSettings,
    cache: Path,
    *,
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
) -> AnyRecordings:
    """A corpus, or recordings, without the utterances that cannot be read or are silent; see :func:`extract`.

    Raises:
        AudioError: there are any, and ``on_damaged`` is None; or nothing is left.
    """
    rows = extract(recordings.unlabelled(), settings, cache, progress=progress, on_damaged=on_damaged).rows
    if not rows:
        raise AudioError(f"{recordings.name}: none of its {len(recordings)} utterances can be used")
    return recordings if len(rows) == len(recordings) else recordings.rows(rows)


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
    if contents.audio and store.holds(path):
        return path, contents.file, contents.audio
    samples = read_audio(file, start, end)
    store.write(path, extract_features(frontend, samples))
    return path, contents.file, store.remember_audio(contents.file, start, end, AudioDigest(samples))
