"""The segments of an utterance, ready for a recogniser: cut from the stream, or from the store of features."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol

from didan.audio import RATE, Utterance, stream_audio
from didan.features.fingerprints import AudioDigest, SegmentRow, utterance_name
from didan.features.store import FeatureStore, Place, StoredFeatures
from didan.inference.recogniser import Prepared
from didan.speech import WHOLE_SECONDS, Segment, segment_at_pauses, sliding_windows
from didan.typing import Features, Samples

if TYPE_CHECKING:
    from didan.features.frontend import FrontendSettings


@dataclass(frozen=True)
class PreparedSegment(Generic[Prepared]):
    """A stretch of an utterance.

    Attributes:
        start: its first second, from the beginning of the utterance.
        end: its last.
        speech: how many seconds of it are speech.
        prepared: as the recogniser takes it, None where there is too little speech.
    """

    start: float
    end: float
    speech: float
    prepared: Prepared | None


class SegmentSource(Protocol[Prepared]):
    """Gives the segments of an utterance, then its length in seconds as the end of one without content."""

    def __call__(self, utterance: Utterance) -> Iterator[PreparedSegment[Prepared]]:
        """Read an utterance.

        Raises:
            AudioError: see :func:`didan.audio.stream_audio`.
        """


class StreamedSegments(Generic[Prepared]):
    """Segments cut from the stream: neither a long recording nor many of them fill the memory.

    Args:
        prepare: see :class:`didan.inference.Recogniser`.
        window: seconds of sliding windows, each given as the segments between its pauses, with the bounds of the
            window; a recording shorter than it stays whole, as it does up to 15 s without windows.
        hop: seconds from window to window; half a window if None.
        on_block: called with all samples, block by block.
    """

    def __init__(
        self,
        prepare: Callable[[Samples], Prepared],
        window: float | None = None,
        hop: float | None = None,
        on_block: Callable[[Samples], None] | None = None,
    ) -> None:
        self._prepare, self._window, self._hop, self._on_block = prepare, window, hop, on_block

    def __call__(self, utterance: Utterance) -> Iterator[PreparedSegment[Prepared]]:
        """See :class:`SegmentSource`."""
        n_samples = 0

        def counted() -> Iterator[Samples]:
            nonlocal n_samples
            for block in stream_audio(*utterance[:4]):
                n_samples += len(block)
                if self._on_block is not None:
                    self._on_block(block)
                yield block

        if self._window is None:
            for segment in segment_at_pauses(counted()):
                prepared = self._prepare(segment.samples) if segment.is_spoken else None
                yield PreparedSegment(segment.start, segment.end, segment.speech, prepared)
        else:
            windows = prepared_windows(self._prepare, counted(), self._window, self._hop)
            yield from chain.from_iterable(windows)
        yield PreparedSegment(0.0, n_samples / RATE, 0.0, None)


def prepared_windows(
    prepare: Callable[[Samples], Prepared], blocks: Iterable[Samples], window: float, hop: float | None = None
) -> Iterator[list[PreparedSegment[Prepared]]]:
    """The segments of each sliding window, as soon as its last block is there; see :class:`StreamedSegments`.

    Args:
        prepare: see :class:`didan.inference.Recogniser`.
        blocks: of a recording, or of sound that goes on, in order, each of shape (n,).
        window: seconds.
        hop: seconds from window to window; half a window if None.
    """
    for one in sliding_windows(blocks, window, hop or window / 2):
        is_all = one.start == 0 and one.end < min(window, WHOLE_SECONDS)
        yield list(_parts(prepare, one, [one] if is_all else one.utterances()))


def _parts(
    prepare: Callable[[Samples], Prepared], window: Segment, parts: Iterable[Segment]
) -> Iterator[PreparedSegment[Prepared]]:
    """A window by its parts in which somebody speaks, or as one without content."""
    is_silent = True
    for part in parts if window.is_spoken else ():
        yield PreparedSegment(window.start, window.end, part.speech, prepare(part.samples))
        is_silent = False
    if is_silent:
        yield PreparedSegment(window.start, window.end, window.speech, None)


class StoredSegments:
    """Segments of features from the store, where they are made on first use; the same to the last bit.

    Args:
        frontend: settings of the features.
        cache: folder of the store.

    Raises:
        UserError: the cache cannot be written.
    """

    def __init__(self, frontend: "FrontendSettings", cache: Path) -> None:
        self._frontend = frontend
        self._store = FeatureStore(cache, frontend)
        self._known: dict[Utterance, _Kept] = {}  # predicting passes over utterances twice

    def __call__(self, utterance: Utterance) -> Iterator[PreparedSegment[Features]]:
        """See :class:`SegmentSource`."""
        if utterance not in self._known:
            self._known[utterance] = self._kept(utterance)
        rows, features = self._known[utterance]
        index = count()
        for first, last, speech, is_spoken in rows:
            yield PreparedSegment(first, last, speech, features[next(index)] if is_spoken else None)

    def _kept(self, utterance: Utterance) -> "_Kept":
        contents = self._store.fingerprints.contents_of(utterance)
        rows = self._store.fingerprints.segments(utterance_name(contents.file, utterance))
        names = _names(contents.file, utterance, rows or [])
        places = self._store.find(names)
        if contents.audio is None or rows is None or len(places) < len(set(names)):
            rows, places = self._make(contents.file, utterance)
            names = _names(contents.file, utterance, rows)
        return _Kept(rows, self._store.read([places[name] for name in names]))

    def _make(self, digest: str, utterance: Utterance) -> tuple[list[SegmentRow], dict[str, Place]]:
        from didan.features.frontend import cached_frontend, extract_features

        frontend, audio = cached_frontend(self._frontend), AudioDigest()
        stream = StreamedSegments(lambda samples: extract_features(frontend, samples), on_block=audio.add)
        segments = list(stream(utterance))
        rows = [(one.start, one.end, one.speech, one.prepared is not None) for one in segments]
        spoken = [one.prepared for one in segments if one.prepared is not None]
        places = self._store.write(dict(zip(_names(digest, utterance, rows), spoken, strict=True)))
        name = utterance_name(digest, utterance)
        self._store.fingerprints.remember_audio([(name, audio.hex())])
        self._store.fingerprints.remember_segments(name, rows)
        return rows, places


class _Kept(NamedTuple):
    """The segments of an utterance, and the features of those with speech."""

    rows: list[SegmentRow]
    features: StoredFeatures


def _names(digest: str, utterance: Utterance, rows: Sequence[SegmentRow]) -> list[str]:
    """What the features of the segments with speech are found by."""
    return [
        # One that is the whole utterance shares its features with training.
        utterance_name(digest, utterance, None if first == 0 and last == rows[-1][1] else (first, last))
        for first, last, _, is_spoken in rows
        if is_spoken
    ]


def store_segments(frontend: "FrontendSettings", cache: Path, utterance: Utterance) -> None:
    """Make sure that the segments of an utterance are in the store.

    Raises:
        AudioError: see :func:`didan.audio.stream_audio`.
    """
    for _ in StoredSegments(frontend, cache)(utterance):
        pass
