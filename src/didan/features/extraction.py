"""Computing the features of many recordings: on all cores, once, and again from where it stopped."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import pandas as pd

from didan.audio import RATE, Utterance, read_audio
from didan.cluster import Cluster, LostError, connected
from didan.corpora import Corpus, Recordings
from didan.errors import AudioError, OnDamaged, report_damaged
from didan.features.encoders.family import memory_needed
from didan.features.fingerprints import AudioDigest, Contents, utterance_name
from didan.features.frontend import (
    FrontendSettings,
    cached_frontend,
    encoders_of,
    extract_batch,
    extract_features,
    runs_on_gpu,
)
from didan.features.store import FeatureStore, Place, StoredFeatures
from didan.hardware import free_memory
from didan.parallel import completed, processors
from didan.typing import Features, Progress, Samples

if TYPE_CHECKING:
    from didan.features.line import Line

_SAMPLES = 30 * 60 * RATE  # of utterances sorted by length before they go to a GPU
_BATCH = 16
_BLOCK = 10_000  # utterances looked up at once

AnyRecordings = TypeVar("AnyRecordings", Corpus, Recordings)


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """Features that are in the store.

    Attributes:
        rows: which of the utterances could be read, by number.
        features: of each of these.
        contents: digests of its file and samples, columns ``file``, ``audio``.
    """

    rows: list[int]
    features: StoredFeatures
    contents: pd.DataFrame


class _Making(NamedTuple):
    """How features are made: by which frontend, and of what a line makes of the utterances, if there is one."""

    settings: FrontendSettings
    line: "Line | None"

    def heard(self, samples: Samples) -> Samples:
        """What the frontend hears of an utterance."""
        return samples if self.line is None else self.line.carry(samples)


class _Made(NamedTuple):
    """Features of an utterance, and the digest of its samples as they are in the file."""

    features: Features
    audio: str


_Maker = Callable[[Sequence[Utterance]], Generator[tuple[int, _Made | AudioError]]]
"""Makes features of utterances: yields the number of each with its features, or why there are none."""


def extract(
    recordings: Recordings,
    settings: FrontendSettings,
    cache: Path,
    *,
    workers: int | None = None,
    ray: str | None = None,
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
    line: "Line | None" = None,
) -> Extracted:
    """Make sure that the features of every utterance of some recordings are in the store.

    Args:
        recordings: the utterances.
        settings: of the frontend.
        cache: folder of the store.
        workers: processes; as many as there are processors, and as the memory has room for encoders, if None.
        ray: address of a Ray cluster whose machines have didan, and the recordings under the same paths, to make
            them on instead.
        progress: called after every utterance.
        on_damaged: called with the reason for an utterance that cannot be read or is silent, which is then left
            out; if None such utterances are an error.
        line: that carries the utterances first, see :mod:`didan.features.line`.

    Returns:
        Their features, in order.

    Raises:
        AudioError: utterances that cannot be read, where ``on_damaged`` is None: how many, and the first with its
            reason.
        UserError: the store cannot be written, or no cluster answers; see also :func:`didan.cluster.connected`.
    """
    return extract_utterances(
        recordings.utterances(),
        settings,
        cache,
        workers=workers,
        ray=ray,
        progress=progress,
        on_damaged=on_damaged,
        line=line,
        name=recordings.name if line is None else f"{recordings.name} by the target's line",
    )


def extract_utterances(
    utterances: Sequence[Utterance],
    settings: FrontendSettings,
    cache: Path,
    *,
    workers: int | None = None,
    ray: str | None = None,
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
    line: "Line | None" = None,
    name: str = "recordings",
) -> Extracted:
    """The same for utterances; see :func:`extract`."""
    # One that cannot be written is an error before anything is computed.
    store = FeatureStore(cache, settings, line)
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        if progress and more:
            progress(f"features of {name}", done, len(utterances))

    found: list[tuple[Place, Contents] | AudioError] = []
    with _maker(_Making(settings, line), workers, ray) as make:
        for first in range(0, len(utterances), _BLOCK):
            found += _find_or_make(store, make, utterances[first : first + _BLOCK], tell)
    report_damaged([one for one in found if isinstance(one, AudioError)], len(utterances), on_damaged)
    whole = {row: one for row, one in enumerate(found) if not isinstance(one, AudioError)}
    return Extracted(
        rows=list(whole),
        features=store.read([place for place, _ in whole.values()]),
        contents=pd.DataFrame([(own.file, own.audio) for _, own in whole.values()], columns=["file", "audio"]),
    )


def _find_or_make(
    store: FeatureStore, make: _Maker, utterances: Sequence[Utterance], tell: Callable[[int], None]
) -> list[tuple[Place, Contents] | AudioError]:
    """Where the features of utterances are, once they are there, or why there are none."""
    contents = dict(enumerate(store.fingerprints.contents(utterances)))
    errors = {row: own for row, own in contents.items() if isinstance(own, AudioError)}
    digests = {row: own.file for row, own in contents.items() if isinstance(own, Contents)}
    names = {row: utterance_name(digest, utterances[row]) for row, digest in digests.items()}
    audio = {names[row]: own.audio for row, own in contents.items() if isinstance(own, Contents)}
    places = {name: place for name, place in store.find(list(audio)).items() if audio[name]}
    told = len(errors) + sum(name in places for name in names.values())
    tell(told)
    # One of those with the same content; if it cannot be used the others may say why as well, by their own names.
    while rows := list(
        {name: row for row, name in names.items() if name not in places and row not in errors}.values()
    ):
        with store.appending() as appending, closing(make([utterances[row] for row in rows])) as results:
            for number, made in results:
                row = rows[number]
                if isinstance(made, AudioError):
                    errors[row] = made
                else:
                    appending.add(names[row], made.features, made.audio)
                    audio[names[row]] = made.audio
                told += 1
                tell(1)
        places |= appending.places
    tell(len(utterances) - told)
    return [
        errors.get(row) or (places[name := names[row]], Contents(digests[row], audio[name]))
        for row in range(len(utterances))
    ]


def readable(
    recordings: AnyRecordings,
    settings: FrontendSettings,
    cache: Path,
    *,
    ray: str | None = None,
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
) -> AnyRecordings:
    """A corpus, or recordings, without the utterances that cannot be read or are silent; see :func:`extract`.

    Raises:
        AudioError: there are any, and ``on_damaged`` is None; or nothing is left.
    """
    rows = extract(
        recordings.unlabelled(), settings, cache, ray=ray, progress=progress, on_damaged=on_damaged
    ).rows
    if not rows:
        raise AudioError(f"{recordings.name}: none of its {len(recordings)} utterances can be used")
    return recordings if len(rows) == len(recordings) else recordings.rows(rows)


def _workers(settings: FrontendSettings) -> int:
    """How many processes have room, each with the encoders of its own."""
    if runs_on_gpu(settings):
        return 1
    needed, free = sum(memory_needed(one.weights()) for one in encoders_of(settings)), free_memory()
    return max(min(processors(), free // needed), 1) if needed and free is not None else processors()


@contextmanager
def _maker(making: _Making, workers: int | None, ray: str | None) -> Iterator[_Maker]:
    """Where features are made: on a cluster, on this machine's GPU, or on its processors."""
    if ray is not None:
        with connected(ray) as cluster:
            yield partial(_on_cluster, cluster, making)
    elif runs_on_gpu(making.settings):
        yield partial(_in_batches, making)
    else:
        yield partial(_one_by_one, making, workers)


def _on_cluster(
    cluster: Cluster[list[Utterance], list[_Made | AudioError]],
    making: _Making,
    utterances: Sequence[Utterance],
) -> Generator[tuple[int, _Made | AudioError]]:
    rows = [range(first, min(first + _BATCH, len(utterances))) for first in range(0, len(utterances), _BATCH)]
    some = [[utterances[row] for row in own] for own in rows]
    with closing(cluster.completed(partial(_make_each, making), some)) as results:
        for number, made in results:
            if isinstance(made, LostError):
                raise made
            yield from zip(rows[number], made, strict=True)


def _make_each(making: _Making, utterances: Sequence[Utterance]) -> list[_Made | AudioError]:
    return [_make(making, utterance) for utterance in utterances]


def _one_by_one(
    making: _Making, workers: int | None, utterances: Sequence[Utterance]
) -> Generator[tuple[int, _Made | AudioError]]:
    return completed(partial(_make, making), utterances, workers or _workers(making.settings))


def _make(making: _Making, utterance: Utterance) -> _Made | AudioError:
    try:
        samples = read_audio(*utterance[:4])
    except AudioError as error:
        return error
    try:
        features = extract_features(cached_frontend(making.settings), making.heard(samples))
    except AudioError as error:
        return AudioError(f"{utterance.file}: {error}")
    return _Made(features, AudioDigest(samples).hex())


def _in_batches(making: _Making, utterances: Sequence[Utterance]) -> Generator[tuple[int, _Made | AudioError]]:
    """The same for batches of similar length, as a GPU wants them."""
    frontend = cached_frontend(making.settings)
    waiting: list[tuple[int, Samples]] = []
    n_samples = 0
    for row, utterance in enumerate(utterances):
        try:
            waiting.append((row, read_audio(*utterance[:4])))
            n_samples += len(waiting[-1][1])
        except AudioError as error:
            yield row, error
        if n_samples > _SAMPLES or row + 1 == len(utterances):
            waiting.sort(key=lambda one: len(one[1]))
            for first in range(0, len(waiting), _BATCH):
                batch = waiting[first : first + _BATCH]
                try:
                    features = extract_batch(frontend, [making.heard(samples) for _, samples in batch])
                except AudioError:  # one is too short
                    yield from ((number, _make(making, utterances[number])) for number, _ in batch)
                    continue
                for (number, samples), own in zip(batch, features, strict=True):
                    yield number, _Made(own, AudioDigest(samples).hex())
            waiting, n_samples = [], 0
