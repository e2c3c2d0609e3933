"""Prediction: a recogniser and audio become emotions with probabilities, over time if wanted.

Recordings are read as streams and recognised in batches across files, so neither a long recording nor many of
them fill the memory.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from didan.audio import RATE, Samples, find_audio, stream_audio
from didan.errors import AudioError, UserError
from didan.inference.recogniser import Recogniser
from didan.speech import Piece, cut_windows, whole_or_cut

MIN_WINDOW = 0.3
"""Seconds; shorter windows hold no syllable."""

_PIECES, _SECONDS = 32, 16.0  # of a batch, whichever comes first

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """What a recogniser says of a recording, or of a window of it.

    Attributes:
        file: the recording.
        start: first second.
        end: last second.
        speech: share of it that is speech.
        emotion: the most probable one, or None where there is too little speech to hear one in.
        probabilities: of every emotion, in the recogniser's order; they sum to 1. None without an emotion.
    """

    file: str
    start: float
    end: float
    speech: float
    emotion: str | None
    probabilities: dict[str, float] | None


def predict(
    recogniser: Recogniser,
    paths: Sequence[Path],
    window: float | None = None,
    hop: float | None = None,
    on_damaged: Callable[[AudioError], None] | None = None,
) -> Iterator[Prediction]:
    """Predict the emotion of audio files and of all audio in folders.

    A recording of up to 15 s is one utterance. A longer one is cut at its pauses; its probabilities are the mean
    of those of its utterances, weighted by how much speech each holds. With ``window`` there is a prediction for
    each window instead. Features are normalised with the statistics of the target that the model was adapted to
    (each utterance's own, if it normalises per utterance), so a prediction does not depend on other files.

    Args:
        recogniser: a :class:`didan.Model` or an exported one.
        paths: files or folders.
        window: seconds of each window, for a timeline.
        hop: seconds from one window to the next; half a window if None.
        on_damaged: called with the reason for a file that cannot be read, which is then left out; if None the
            first such file is an error.

    Yields:
        Predictions in the order of the files, a file's only once all of it has been read.

    Raises:
        UserError: a folder without audio, or windows that leave gaps.
        AudioError: a file that cannot be read, where ``on_damaged`` is None.
    """
    check_windows(window, hop)
    files = [file for path in paths for file in (find_audio(path) if path.is_dir() else [path])]
    heard = _heard(files, window, hop)
    for number, found in groupby(_recognised(recogniser, heard), key=lambda one: one.number):
        *told, last = found
        if last.error is not None:
            if on_damaged is None:
                raise last.error
            on_damaged(last.error)
        elif window is not None:
            for one in told:
                yield _prediction(recogniser, str(files[number]), [one], one.piece.start, one.piece.end)
        else:
            yield _prediction(recogniser, str(files[number]), told, 0.0, last.piece.end)


def check_windows(window: float | None, hop: float | None) -> None:
    """Refuse windows that are too short, leave gaps, or have a hop and no length.

    Raises:
        UserError: they do.
    """
    if window is None:
        if hop is not None:
            raise UserError("--hop says how far apart windows are; say with --window how long they are")
    elif window < MIN_WINDOW:
        raise UserError(f"a window of {window:g} s is too short to hear an emotion in; at least {MIN_WINDOW:g} s")
    elif hop is not None and not MIN_WINDOW / 10 <= hop <= window:
        raise UserError(f"a hop of {hop:g} s does not suit windows of {window:g} s; take 0.03 s to a window")


@dataclass(frozen=True)
class _Told:
    """A piece of a file and what was recognised in it.

    The last of a file has no samples; it knows how long the file is, or why it cannot be read.
    """

    number: int
    piece: Piece
    probabilities: Floats | None = None
    error: AudioError | None = None


_NO_SAMPLES: Samples = np.zeros(0, dtype=np.float32)


def _heard(files: Sequence[Path], window: float | None, hop: float | None) -> Iterator[_Told]:
    for number, file in enumerate(files):
        length = 0

        def counted(blocks: Iterator[Samples]) -> Iterator[Samples]:
            nonlocal length
            for block in blocks:
                length += len(block)
                yield block

        blocks = counted(stream_audio(file))
        pieces = whole_or_cut(blocks) if window is None else cut_windows(blocks, window, hop or window / 2)
        error = None
        try:
            for piece in pieces:
                yield _Told(number, piece)
        except AudioError as reason:
            error = reason
        yield _Told(number, Piece(0.0, length / RATE, _NO_SAMPLES, 0.0), error=error)


def _recognised(recogniser: Recogniser, heard: Iterator[_Told]) -> Iterator[_Told]:
    """The same in the same order, with probabilities where there is speech."""
    waiting: list[_Told] = []
    seconds = 0.0
    for one in heard:
        waiting.append(one)
        seconds += len(one.piece.samples) / RATE
        if len(waiting) >= _PIECES or seconds >= _SECONDS:
            yield from _recognise(recogniser, waiting)
            waiting, seconds = [], 0.0
    yield from _recognise(recogniser, waiting)


def _recognise(recogniser: Recogniser, waiting: Sequence[_Told]) -> Iterator[_Told]:
    found = iter(recogniser.recognise([one.piece.samples for one in waiting if one.piece.is_spoken]))
    for one in waiting:
        piece = Piece(one.piece.start, one.piece.end, _NO_SAMPLES, one.piece.speech)
        yield _Told(one.number, piece, next(found) if one.piece.is_spoken else None, one.error)


def _prediction(recogniser: Recogniser, file: str, told: Sequence[_Told], start: float, end: float) -> Prediction:
    spoken = [one for one in told if one.probabilities is not None]
    speech = sum(one.piece.speech for one in told) / (end - start) if end > start else 0.0
    if not spoken:
        return Prediction(file, start, end, speech, None, None)
    probabilities = np.average(
        np.stack([one.probabilities for one in spoken if one.probabilities is not None]),
        axis=0,
        weights=[one.piece.speech for one in spoken],
    )
    emotions = recogniser.emotions
    return Prediction(
        file,
        start,
        end,
        speech,
        emotions[int(probabilities.argmax())],
        {emotion: float(p) for emotion, p in zip(emotions, probabilities, strict=True)},
    )
