"""What is asked together is answered as it is alone."""

import threading
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from didan.audio import RATE
from didan.corpora import Corpus
from didan.errors import AudioError, UserError
from didan.inference.onnx import OnnxRecogniser
from didan.inference.predict import Prediction, predict, utterance_alone
from didan.inference.recogniser import Recogniser
from didan.model.trained import TrainedModel
from didan.service.worker import BusyError, Question, Worker
from didan.typing import Samples
from models import as_exported
from speech.talk import conversation, silence


@pytest.fixture(scope="module")
def exported(untrained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> OnnxRecogniser:
    return as_exported(untrained, tmp_path_factory.mktemp("onnx"))


class Gate:
    """A recogniser that waits before it prepares anything, so that questions come together."""

    def __init__(self, recogniser: Recogniser[Any]) -> None:
        self.recogniser, self.opened, self.reached = recogniser, threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.recogniser, name)

    def prepare(self, samples: Samples) -> Any:
        self.reached.set()
        assert self.opened.wait(30)
        return self.recogniser.prepare(samples)


def together(questions: list[Question], gate: Gate) -> tuple[list[Any], list[int]]:
    """Answers to all but the first question, which wait while that one is answered, and the sizes of batches."""
    sizes: list[int] = []
    worker = Worker(100, sizes.append)
    try:
        first = worker.ask(questions[0])
        assert gate.reached.wait(30)
        others = [worker.ask(question) for question in questions[1:]]
        gate.opened.set()
        assert first.result(60)
        return [future.exception(60) or future.result() for future in others], sizes
    finally:
        worker.close()


def alone(recogniser: Recogniser[Any], question: Question) -> list[Prediction]:
    utterances = utterance_alone(recogniser, question.file)
    return list(predict(recogniser, utterances, window=question.window, hop=question.hop))


@pytest.fixture
def files(target: Corpus, tmp_path: Path) -> list[Path]:
    """Short ones, a long one, silence."""
    long, _ = conversation([0.7] * 16)
    soundfile.write(tmp_path / "long.wav", long, RATE)
    soundfile.write(tmp_path / "silence.wav", silence(2), RATE)
    return [*map(Path, target.table["file"][:12]), tmp_path / "long.wav", tmp_path / "silence.wav"]


@pytest.mark.parametrize("window", [None, 0.6])
@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_an_answer_does_not_depend_on_the_others(
    kind: str, window: float | None, files: list[Path], untrained: TrainedModel, exported: OnnxRecogniser
) -> None:
    gate = Gate(untrained if kind == "torch" else exported)
    questions = [Question(gate, file, window) for file in (files[0], *files)]
    answers, sizes = together(questions, gate)
    assert sizes == [1, len(files)]
    for question, answer in zip(questions[1:], answers, strict=True):
        expected = alone(gate.recogniser, question)
        assert [replace(one, row=0, probabilities=None) for one in answer] == [
            replace(one, probabilities=None) for one in expected
        ]
        for one, other in zip(answer, expected, strict=True):
            if kind == "torch":
                assert one.probabilities == other.probabilities
            else:
                assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)
    emotions = {one.emotion for answer in answers for one in answer}
    assert len(emotions) == 4  # each, and none


@pytest.mark.parametrize("group", ["file", "folder"])
def test_groups_of_their_own_do_not_depend_on_the_others(
    group: str, files: list[Path], untrained: TrainedModel, tmp_path: Path
) -> None:
    normalisation = untrained.config.normalisation.model_copy(update={"group": group})
    model = replace(untrained, config=untrained.config.model_copy(update={"normalisation": normalisation}))
    moved = []
    for number, file in enumerate(files[:4]):  # each upload has a folder
        (tmp_path / str(number)).mkdir()
        moved.append(Path(tmp_path / str(number) / "a.wav"))
        moved[-1].write_bytes(file.read_bytes())
    gate = Gate(model)
    questions = [Question(gate, file) for file in (moved[0], *moved)]
    answers, _ = together(questions, gate)
    for question, answer in zip(questions[1:], answers, strict=True):
        assert [replace(one, row=0) for one in answer] == alone(model, question)


def test_each_gets_its_own_error(files: list[Path], untrained: TrainedModel, tmp_path: Path) -> None:
    bad, cut = tmp_path / "bad.wav", tmp_path / "cut.wav"
    bad.write_text("no audio")
    cut.write_bytes(files[0].read_bytes()[:4000])
    gate = Gate(untrained)
    chosen = [files[0], bad, files[1], cut, files[2], tmp_path / "gone.wav"]
    answers, sizes = together([Question(gate, file) for file in (files[0], *chosen)], gate)
    assert sizes == [1, 6]
    for file, answer in zip(chosen, answers, strict=True):
        if file in files:
            assert [replace(one, row=0) for one in answer] == alone(untrained, Question(untrained, file))
        else:
            assert isinstance(answer, AudioError)
            assert str(answer).startswith(f"{file}: ")


class Spoilt(Gate):
    """One that gives up on long recordings."""

    def prepare(self, samples: Samples) -> Any:
        if len(samples) > 3 * RATE:
            raise UserError("too long for me")
        return super().prepare(samples)


def test_what_spoils_it_for_one_leaves_the_others(
    files: list[Path], untrained: TrainedModel, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "a.wav", np.concatenate([soundfile.read(file)[0] for file in files[:9]]), RATE)
    gate = Spoilt(untrained)
    chosen = [files[0], tmp_path / "a.wav", files[1]]
    (one, spoilt, other), _ = together([Question(gate, file) for file in (files[0], *chosen)], gate)
    assert isinstance(spoilt, UserError)
    assert str(spoilt) == "too long for me"
    for file, answer in ((files[0], one), (files[1], other)):
        assert [replace(own, row=0) for own in answer] == alone(untrained, Question(untrained, file))


def test_different_questions_are_not_answered_together(files: list[Path], untrained: TrainedModel) -> None:
    gate, other = Gate(untrained), replace(untrained, temperature=0.05)
    ways: list[tuple[Any, float | None]] = [(gate, None), (gate, 0.6), (other, None), (gate, None), (other, 0.6)]
    questions = [Question(gate, files[0]), *(Question(who, files[1], window) for who, window in ways)]
    answers, sizes = together(questions, gate)
    assert sizes == [1, 2, 1, 1, 1]
    for (who, window), answer in zip(ways, answers, strict=True):
        expected = alone(other if who is other else untrained, Question(untrained, files[1], window))
        assert [replace(own, row=0) for own in answer] == expected


def test_no_more_wait_than_may(files: list[Path], untrained: TrainedModel) -> None:
    gate = Gate(untrained)
    worker = Worker(2)
    first = worker.ask(Question(gate, files[0]))
    assert gate.reached.wait(30)
    waiting = [worker.ask(Question(gate, files[0])) for _ in range(2)]
    with pytest.raises(BusyError):
        worker.ask(Question(gate, files[0]))
    assert (worker.n_waiting, worker.is_full) == (2, True)
    gate.opened.set()
    assert first.result(30)
    assert all(one.result(30) for one in waiting)
    assert not worker.is_full
    worker.close()


def test_who_has_gone_is_not_answered(files: list[Path], untrained: TrainedModel, tmp_path: Path) -> None:
    gate = Gate(untrained)
    worker = Worker(10)
    first = worker.ask(Question(gate, files[0]))
    assert gate.reached.wait(30)
    gone, after = worker.ask(Question(gate, tmp_path / "deleted.wav")), worker.ask(Question(gate, files[1]))
    assert gone.cancel()
    gate.opened.set()
    assert first.result(30)
    assert after.result(30)
    worker.close()


def test_at_the_end_nobody_waits_for_ever(files: list[Path], untrained: TrainedModel) -> None:
    gate = Gate(untrained)
    worker = Worker(10)
    first = worker.ask(Question(gate, files[0]))
    assert gate.reached.wait(30)
    left = worker.ask(Question(gate, files[0]))
    threading.Timer(0.2, gate.opened.set).start()
    worker.close()
    assert first.result(0)
    with pytest.raises(CancelledError):
        left.result(0)
    assert not worker.is_alive
    with pytest.raises(BusyError):
        worker.ask(Question(gate, files[0]))
