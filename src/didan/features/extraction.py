"""Computing the features of many recordings: on all cores, once, and again from where it stopped."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import pandas as pd

from didan.audio import RATE, Utterance, read_audio
from didan.corpora import Corpus, Recordings
from didan.errors import AudioError, OnDamaged, report_damaged
from didan.features.encoders.family import memory_needed
from didan.features.frontend import (
    Frontend,
    FrontendSettings,
    cached_frontend,
    encoders_of,
    extract_batch,
    extract_features,
    runs_on_gpu,
)
from didan.features.store import AudioDigest, Contents, FeatureStore
from didan.hardware import free_memory
from didan.parallel import in_processes, processors
from didan.typing import Features, Progress, Samples

_SAMPLES = 30 * 60 * RATE  # of utterances sorted by length before they go to a GPU
_BATCH = 16

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
        workers: processes; as many as there are processors, and as the memory has room for encoders, if None.
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
    stage = f"features of {name}"
    if runs_on_gpu(settings):
        _extract_in_batches(settings, cache, utterances, progress, stage)
    results = in_processes(work, utterances, workers or _workers(settings), progress, stage)
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


def _workers(settings: FrontendSettings) -> int:
    """How many processes have room, each with the encoders of its own."""
    if runs_on_gpu(settings):
        return 1
    needed, free = sum(memory_needed(one.weights()) for one in encoders_of(settings)), free_memory()
    return max(min(processors(), free // needed), 1) if needed and free is not None else processors()


def _extract_in_batches(
    settings: FrontendSettings, cache: Path, utterances: Sequence[Utterance], progress: Progress | None, stage: str
) -> None:
    """Compute what is not in the store yet, batches of similar length at a time, as a GPU wants it.

    What cannot be read, or is too short, is left to whoever goes through the utterances one by one.
    """
    store, frontend = FeatureStore(cache, settings), cached_frontend(settings)
    waiting: list[_Read] = []
    n_samples = 0
    for done, utterance in enumerate(utterances, 1):
        try:
            contents, path = _find(store, utterance)
            if path is None:
                waiting.append(_Read(utterance, contents.file, read_audio(*utterance[:4])))
                n_samples += len(waiting[-1].samples)
        except AudioError:
            pass
        if n_samples > _SAMPLES or done == len(utterances):
            waiting.sort(key=lambda one: len(one.samples))
            for first in range(0, len(waiting), _BATCH):
                batch = waiting[first : first + _BATCH]
                with suppress(AudioError):  # one is too short
                    features = extract_batch(frontend, [one.samples for one in batch])
                    for one, own in zip(batch, features, strict=True):
                        _keep(store, one, own)
            waiting, n_samples = [], 0
            if progress:
                progress(stage, done, len(utterances))


class _Read(NamedTuple):
    """An utterance that is not in the store yet, with the digest of its file and its samples."""

    utterance: Utterance
    digest: str
    samples: Samples


def _find(store: FeatureStore, utterance: Utterance) -> tuple[Contents, Path | None]:
    """Digests of an utterance, and where its features are if they are there."""
    file, start, end, channel, _ = utterance
    contents = store.contents(file, start, end, channel)
    path = store.path(contents.file, start, end, channel=channel)
    return contents, path if contents.audio and store.holds(path) else None


def _keep(store: FeatureStore, one: _Read, features: Features) -> tuple[Path, str]:
    """Put features into the store; where they are, and the digest of the samples."""
    _, start, end, channel, _ = one.utterance
    path = store.path(one.digest, start, end, channel=channel)
    store.write(path, features)
    return path, store.remember_audio(one.digest, start, end, AudioDigest(one.samples), channel)


def _extract_or_error(
    settings: FrontendSettings, cache: Path, utterance: Utterance
) -> tuple[Path, str, str] | AudioError:
    try:
        return _extract(FeatureStore(cache, settings), cached_frontend(settings), utterance)
    except AudioError as error:
        return error


def _extract(store: FeatureStore, frontend: Frontend, utterance: Utterance) -> tuple[Path, str, str]:
    contents, path = _find(store, utterance)
    if path is not None and contents.audio:
        return path, contents.file, contents.audio
    one = _Read(utterance, contents.file, read_audio(*utterance[:4]))
    try:
        features = extract_features(frontend, one.samples)
    except AudioError as error:
        raise AudioError(f"{utterance.file}: {error}") from None
    path, audio = _keep(store, one, features)
    return path, contents.file, audio
