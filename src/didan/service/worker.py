"""One thread that predicts; recordings that wait while it does are predicted together."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from didan.errors import AudioError
from didan.inference.predict import Prediction, predict, utterance_alone
from didan.inference.recogniser import Recogniser

_TOGETHER = 32


class BusyError(Exception):
    """As much is waiting as may."""


@dataclass(frozen=True)
class Question:
    """A recording, and how it is to be predicted; see :func:`didan.inference.predict.predict`."""

    recogniser: Recogniser[Any]
    file: Path
    window: float | None = None
    hop: float | None = None
    answer: "Future[list[Prediction]]" = field(default_factory=Future, compare=False)

    def goes_with(self, other: "Question") -> bool:
        """Whether both can be predicted in one call."""
        return self.recogniser is other.recogniser and (self.window, self.hop) == (other.window, other.hop)


class Worker:
    """Answers questions in the order in which they come, those that go together at once.

    Recordings without groups do not influence one another, so each gets the answer that it would have got alone.

    Args:
        most: questions that may wait.
        on_batch: called with the number of questions that are answered together.
    """

    def __init__(self, most: int, on_batch: Callable[[int], None] = lambda n: None) -> None:
        self._most, self._on_batch = most, on_batch
        self._waiting: deque[Question] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="didan-worker", daemon=True)
        self._thread.start()

    @property
    def n_waiting(self) -> int:
        """How many questions wait; those that are being answered do not."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether no further question would be taken."""
        return self.n_waiting >= self._most

    @property
    def is_alive(self) -> bool:
        """Whether there is somebody to answer."""
        return self._thread.is_alive()

    def ask(self, question: Question) -> "Future[list[Prediction]]":
        """Have a question answered, as its predictions or an exception.

        Raises:
            BusyError: too many are waiting.
        """
        with self._changed:
            if self.is_full or self._closed:
                raise BusyError
            self._waiting.append(question)
            self._changed.notify()
        return question.answer

    def close(self) -> None:
        """Answer what is being answered, and nothing more."""
        with self._changed:
            self._closed = True
            for question in self._waiting:
                question.answer.cancel()
            self._waiting.clear()
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while questions := self._take():
            self._on_batch(len(questions))
            _answer(questions)

    def _take(self) -> list[Question]:
        """The question that has waited longest, and those that go with it; none once it is closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return []
                taken = [one for one in self._waiting if one.goes_with(self._waiting[0])][:_TOGETHER]
                for question in taken:
                    self._waiting.remove(question)
            # Those whose asker has gone are answered no more.
            if wanted := [question for question in taken if question.answer.set_running_or_notify_cancel()]:
                return wanted


def _answer(questions: Sequence[Question]) -> None:
    """Answer questions that go together, whatever happens; where one spoils it for the others, one by one."""
    first = questions[0]
    damaged: list[AudioError] = []
    try:
        predictions = predict(
            first.recogniser,
            [utterance for one in questions for utterance in utterance_alone(one.recogniser, one.file)],
            window=first.window,
            hop=first.hop,
            on_damaged=damaged.append,
        )
        for row, own in groupby(predictions, key=lambda prediction: prediction.row):
            questions[row].answer.set_result(list(own))
        left = [question for question in questions if not question.answer.done()]
        for question, error in zip(left, damaged, strict=True):  # both in the order of the recordings
            question.answer.set_exception(error)
    except Exception as error:
        if len(questions) == 1:
            first.answer.set_exception(error)
            return
        for question in questions:
            if not question.answer.done():
                _answer([question])
