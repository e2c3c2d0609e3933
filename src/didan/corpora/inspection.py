"""Does a corpus hold what it should: counts, durations, rates, duplicates, damage."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from didan.audio import RATE, AudioInfo, Utterance, audio_info, silent_error, stream_audio
from didan.corpora.corpus import Corpus, Recordings
from didan.corpora.known import known_readers
from didan.errors import AudioError
from didan.parallel import in_processes
from didan.typing import Progress

_MANY = 10
"""From this many utterances on, equal lengths are no coincidence."""


@dataclass(frozen=True)
class Seconds:
    """Lengths of utterances, in seconds."""

    shortest: float
    median: float
    longest: float
    total: float


@dataclass(frozen=True)
class Inspection:
    """What :func:`inspect_corpus` found.

    ``emotions`` is None where there are no labels. ``speakers`` counts the utterances whose speaker is known.
    ``rates`` (Hz) and ``channels`` count files as stored. ``same_bytes`` are groups of files that are copies
    of each other; ``same_audio`` are groups of utterances with the same samples that are no such copies.
    ``damaged`` says by file why it cannot be used. ``published`` are the published counts of a known corpus.
    ``notes`` are remarks, the reader's and our own.
    """

    name: str
    n_utterances: int
    n_files: int
    emotions: Mapping[str, int] | None
    speakers: Mapping[str, int]
    seconds: Seconds | None
    rates: Mapping[int, int]
    channels: Mapping[int, int]
    same_bytes: tuple[tuple[str, ...], ...]
    same_audio: tuple[tuple[str, ...], ...]
    damaged: Mapping[str, str]
    published: Mapping[str, int] | None
    notes: tuple[str, ...]

    @property
    def miscounted(self) -> dict[str, tuple[int, int]]:
        """Emotions whose count differs from the published one: found, published."""
        counts = self.emotions or {}
        published = self.published or {}
        return {
            emotion: (counts.get(emotion, 0), number)
            for emotion, number in published.items()
            if counts.get(emotion, 0) != number
        }


@dataclass(frozen=True)
class _File:
    """One file looked at: digests of its bytes and of its utterances' samples, lengths, what is wrong."""

    info: AudioInfo | None
    digest: bytes | None
    utterances: Mapping[str, tuple[bytes, float]]
    damage: str | None


def inspect_corpus(
    corpus: Corpus | Recordings, workers: int | None = None, progress: Progress | None = None
) -> Inspection:
    """Decode everything in a corpus and report on it.

    Args:
        corpus: the corpus, or recordings without labels.
        workers: how many files are read at a time; as many as there are processors where None.
        progress: called after each file.

    Returns:
        The report; a damaged file is part of it and no error.
    """
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for file, start, end in corpus.table[["file", "start", "end"]].itertuples(index=False):
        spans[str(file)].append((float(start), float(end)))
    looks = in_processes(_look_at, list(spans.items()), workers, progress, f"reading {corpus.name}")
    files = dict(zip(spans, looks, strict=True))
    infos = [look.info for look in files.values() if look.info]
    lengths = [length for look in files.values() for _, length in look.utterances.values()]
    same_bytes = _groups((look.digest, name) for name, look in files.items() if look.digest)
    copies = {name for group in same_bytes for name in group[1:]}
    same_audio = _groups(
        (digest, utterance)
        for name, look in files.items()
        if name not in copies
        for utterance, (digest, _) in look.utterances.items()
    )
    return Inspection(
        name=corpus.name,
        n_utterances=len(corpus),
        n_files=len(files),
        emotions=_counts(corpus.table["emotion"]) if isinstance(corpus, Corpus) else None,
        speakers=_counts(corpus.table["speaker"].dropna()),
        seconds=Seconds(min(lengths), float(np.median(lengths)), max(lengths), sum(lengths)) if lengths else None,
        rates=dict(sorted(Counter(info.rate for info in infos).items())),
        channels=dict(sorted(Counter(info.channels for info in infos).items())),
        same_bytes=same_bytes,
        same_audio=same_audio,
        damaged={name: look.damage for name, look in files.items() if look.damage},
        published=_published(corpus),
        notes=(*(corpus.notes if isinstance(corpus, Corpus) else ()), *_suspicions(lengths)),
    )


def _look_at(file_and_spans: tuple[str, list[tuple[float, float]]]) -> _File:
    file, spans = file_and_spans
    info, digest = None, None
    utterances = {}
    try:
        info = audio_info(file)
        with Path(file).open("rb") as stream:
            digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).digest()
        for start, end in spans:
            samples, n_samples, is_silent = hashlib.blake2b(digest_size=16), 0, True
            for block in stream_audio(file, start, end):
                samples.update(block.tobytes())
                n_samples, is_silent = n_samples + len(block), is_silent and not block.any()
            if is_silent:
                raise silent_error(file, None)
            utterances[str(Utterance(Path(file), start, end))] = (samples.digest(), n_samples / RATE)
    except AudioError as error:
        return _File(info, digest, utterances, str(error).removeprefix(f"{file}: "))
    return _File(info, digest, utterances, None)


def _groups(members: Iterable[tuple[Hashable, str]]) -> tuple[tuple[str, ...], ...]:
    """Names that share a key with another name."""
    by_key: dict[Hashable, list[str]] = defaultdict(list)
    for key, name in members:
        by_key[key].append(name)
    return tuple(sorted(tuple(sorted(names)) for names in by_key.values() if len(names) > 1))


def _counts(column: pd.Series) -> dict[str, int]:
    return dict(sorted(Counter(str(value) for value in column).items()))


def _suspicions(lengths: list[float]) -> list[str]:
    """People do not speak to the sample: utterances of one length were cut or padded."""
    if len(lengths) < _MANY or max(lengths) - min(lengths) > 1 / RATE:
        return []
    same = f"all {len(lengths)} utterances last {lengths[0]:.2f} s"
    return [f"{same}: this copy seems cut or padded, look for the original"]


def _published(corpus: Corpus | Recordings) -> Mapping[str, int] | None:
    reader = known_readers().get(corpus.name)
    # A user's table may happen to be called like a known corpus, but it does not know its language.
    if reader is None or not isinstance(corpus, Corpus) or corpus.language != reader.language:
        return None
    return reader.counts
