"""The segments of an utterance, ready for a recogniser: cut from the stream, or taken from the store of features."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Protocol

import numpy as np

from didan.audio import RATE, stream_audio
from didan.features import FeatureStore
from didan.inference.recogniser import Prepared, Recogniser
from didan.model.trained import TrainedModel
from didan.speech import segment_at_pauses, sliding_windows
from didan.typing import Features, Samples


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

    def __call__(self, file: Path, start: float, end: float) -> Iterator[PreparedSegment[Prepared]]:
        """Read an utterance.

        Args:
            file: the recording.
            start: first second of the utterance in it, NaN for the beginning.
            end: last second, NaN for the end.

        Raises:
            AudioError: see :func:`didan.audio.stream_audio`.
        """


class StreamedSegments(Generic[Prepared]):
    """Segments cut from the stream: neither a long recording nor many of them fill the memory.

    Args:
        recogniser: prepares them.
        window: seconds of sliding windows instead of segments between pauses.
        hop: seconds from window to window; half a window if None.
    """

    def __init__(self, recogniser: Recogniser[Prepared], window: float | None = None, hop: float | None = None) -> None:
        self._prepare, self._window, self._hop = recogniser.prepare, window, hop

    def __call__(self, file: Path, start: float, end: float) -> Iterator[PreparedSegment[Prepared]]:
        """See :class:`SegmentSource`."""
        n_samples = 0

        def counted() -> Iterator[Samples]:
            nonlocal n_samples
            for block in stream_audio(file, start, end):
                n_samples += len(block)
                yield block

        if self._window is None:
            segments = segment_at_pauses(counted())
        else:
            segments = sliding_windows(counted(), self._window, self._hop or self._window / 2)
        for segment in segments:
            prepared = self._prepare(segment.samples) if segment.is_spoken else None
            yield PreparedSegment(segment.start, segment.end, segment.speech, prepared)
        yield PreparedSegment(0.0, n_samples / RATE, 0.0, None)


class StoredSegments:
    """Segments of a model's features from the store, where they are made on first use; the same to the last bit.

    Args:
        model: the model.
        cache: folder for features.

    Raises:
        UserError: the cache cannot be written.
    """

    def __init__(self, model: TrainedModel, cache: Path) -> None:
        self._stream = StreamedSegments(model)
        self._store = FeatureStore(cache, model.config.frontend)

    def __call__(self, file: Path, start: float, end: float) -> Iterator[PreparedSegment[Features]]:
        """See :class:`SegmentSource`."""
        digest = self._store.contents(file, start, end).file
        known = self._store.segments(digest, start, end)
        if known is None or not all(path.exists() for path in self._paths(digest, start, end, known)):
            known = self._make(digest, file, start, end)
        paths = self._paths(digest, start, end, known)
        for segment in known:
            yield replace(segment, prepared=np.load(next(paths)) if segment.prepared else None)

    def _paths(
        self, digest: str, start: float, end: float, segments: list[PreparedSegment[bool]]
    ) -> Iterator[Path]:
        """Where the features of the spoken segments are."""
        for segment in segments:
            if segment.prepared:
                # One that is the whole utterance shares its features with training.
                whole = segment.start == 0 and segment.end == segments[-1].end
                yield self._store.path(digest, start, end, None if whole else (segment.start, segment.end))

    def _make(self, digest: str, file: Path, start: float, end: float) -> list[PreparedSegment[bool]]:
        made = list(self._stream(file, start, end))
        segments = [replace(segment, prepared=segment.prepared is not None) for segment in made]
        paths = self._paths(digest, start, end, segments)  # type: ignore[arg-type]
        for segment in made:
            if segment.prepared is not None:
                path = next(paths)
                if not path.exists():
                    self._store.write(path, segment.prepared)
        rows = [(segment.start, segment.end, segment.speech, bool(segment.prepared)) for segment in segments]
        self._store.remember_segments(digest, start, end, rows)
        return [PreparedSegment(*row) for row in rows]
