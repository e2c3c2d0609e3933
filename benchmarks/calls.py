"""Is anger found in calls, with every seed?

    python -m benchmarks.calls --corpus emodb=/data/emodb --corpus casia=/data/casia \\
        --corpus ravdess=/data/ravdess --out results/calls/functionals.jsonl

Every pair of corpora. Of the target's utterances calls are made: 30 to 90 s of two speakers in turn with pauses,
by telephone with noise 15 dB below the speech, each at its own level. One of the two, the agent, is neutral. The
other is mostly so; in two of five calls she is angry for a while, in the others she shows now and then another
emotion. Models are trained by ``didan train`` with the folder of calls as the target, and predict as
``didan predict --window 3 --hop 1`` does. Alarms are scored against what is when: the area under the curve and
the average precision of the probability of anger, among all frames of turns and, by the highest of a call, among
calls. ``loudness`` takes the level of the same windows over the median of the call in its place.

The first draw of calls is learnt with all seeds, the others with one. Records are appended; the same command
continues, and ``--part 0/2`` and ``--part 1/2`` share the work.
"""

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from itertools import count, product
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score

from benchmarks.conditions import DRAWS, FREQUENT, Line, level_of
from benchmarks.study import continue_study, read_corpora
from benchmarks.targets import METHODS, calibration_error, methods_parser
from didan.audio import RATE, read_audio, stream_audio
from didan.corpora import Corpus, read_target
from didan.inference.predict import predict, utterance_alone
from didan.model.config import make_config
from didan.model.trained import TrainedModel
from didan.speech import sliding_windows
from didan.speech.utterances import find_utterances
from didan.training.train import train
from didan.typing import Features, Samples

ALARM = "anger"
CALLS = 60
WINDOW, HOP = 3.0, 1.0
FRAMES = 100
"""Frames per second in which alarms are scored."""

_LINE = Line("ULAW", 15.0)
_LENGTH = (30.0, 90.0)  # seconds
_PAUSE = (0.2, 1.5)
_LEVEL = (-6.0, 6.0)  # dB: telephones and mouths are not equally close
_ANGRY = 0.4  # of the calls
_BEGINS = (1, 4)  # after so many turns of the caller
_ANGER = (3, 7)  # turns of an angry caller, one after the other
_OTHER = 0.1  # of the turns of another caller


@dataclass(frozen=True)
class Turn:
    """An utterance in a call.

    Attributes:
        file: the call.
        start: first second.
        end: last second.
        speaker: who speaks.
        emotion: as labelled in the corpus.
    """

    file: str
    start: float
    end: float
    speaker: str
    emotion: str


def make_calls(corpus: Corpus, draw: int, folder: Path, n: int = CALLS) -> pd.DataFrame:
    """Write calls of a corpus's utterances, unless they are there already.

    Args:
        corpus: has neutral and angry utterances and at least two speakers.
        draw: which of several drawings.
        folder: for the audio; the turns are written beside it.
        n: how many calls.

    Returns:
        The turns, with the columns of :class:`Turn`.
    """
    listing = folder.with_suffix(".csv")
    if listing.exists():
        return pd.read_csv(listing)
    rng = np.random.default_rng([draw, crc32(corpus.name.encode())])
    said: dict[str, dict[str, list[int]]] = {}
    for row, speaker, emotion in zip(
        corpus.table.index, corpus.table["speaker"], corpus.table["emotion"], strict=True
    ):
        said.setdefault(str(speaker), {}).setdefault(str(emotion), []).append(int(row))
    said = {speaker: own for speaker, own in sorted(said.items()) if FREQUENT in own}
    turns: list[Turn] = []
    for number in range(n):
        is_angry = number < round(_ANGRY * n)
        caller = str(rng.choice([speaker for speaker, own in said.items() if ALARM in own or not is_angry]))
        agent = str(rng.choice([speaker for speaker in said if speaker != caller]))
        file, samples, now, length = folder / f"{number:03d}.wav", [], 0.0, rng.uniform(*_LENGTH)
        for speaker, emotion in _moods(caller, agent, list(said[caller]), is_angry, rng):
            row = rng.choice(said[speaker][emotion])
            speech = read_audio(*corpus.table.loc[row, ["file", "start", "end"]])
            pause = np.zeros(round(rng.uniform(*_PAUSE) * RATE), dtype=np.float32)
            start = now + len(pause) / RATE
            now = start + len(speech) / RATE
            samples += [pause, speech]
            turns.append(Turn(str(file), start, now, speaker, emotion))
            if now >= length:
                break
        levels = [level_of(speech) for speech in samples[1::2]]
        gain = rng.uniform(*_LEVEL)
        joined = np.concatenate(samples) * np.float32(10 ** (gain / 20))
        _LINE.carry(joined, float(np.median(levels)) + gain, rng, file)
    table = pd.DataFrame(map(asdict, turns))
    table.to_csv(listing, index=False)
    return table


def _moods(
    caller: str, agent: str, emotions: Sequence[str], is_angry: bool, rng: np.random.Generator
) -> Iterator[tuple[str, str]]:
    """Who speaks in turn, and how, without end."""
    others = [emotion for emotion in emotions if emotion not in (FREQUENT, ALARM)]
    begins, stretch = (int(rng.integers(low, high + 1)) for low, high in (_BEGINS, _ANGER))
    for turn in count():
        if is_angry and begins <= turn < begins + stretch:
            yield caller, ALARM
        elif not is_angry and others and rng.random() < _OTHER:
            yield caller, str(rng.choice(others))
        else:
            yield caller, FREQUENT
        yield agent, FREQUENT


@dataclass(kw_only=True)
class Remembering(TrainedModel):
    """A model that prepares the same audio once: ten seeds hear the same windows.

    Attributes:
        prepared: what has been prepared, by the samples.
    """

    prepared: dict[bytes, Features]

    @classmethod
    def of(cls, model: TrainedModel, prepared: dict[bytes, Features]) -> "Remembering":
        """That model, with what has been prepared before."""
        return cls(**{field.name: getattr(model, field.name) for field in fields(model)}, prepared=prepared)

    def prepare(self, samples: Samples) -> Features:
        """As the model does, or did."""
        key = blake2b(samples.tobytes(), digest_size=16).digest()
        if key not in self.prepared:
            self.prepared[key] = super().prepare(samples)
        return self.prepared[key]


def over_time(spans: Sequence[tuple[float, float]], values: npt.ArrayLike, n: int) -> npt.NDArray[np.float64]:
    """What windows say of each frame: the mean of those that cover it, 0 where none does.

    Args:
        spans: first and last second of each window.
        values: of each window, shape (windows, k).
        n: frames.

    Returns:
        Shape (n, k).

    >>> over_time([(0.0, 0.02), (0.01, 0.03)], [[1.0], [3.0]], 4).ravel().tolist()
    [1.0, 2.0, 3.0, 0.0]
    """
    values = np.asarray(values, dtype=np.float64)
    total, covering = np.zeros((n, values.shape[1])), np.zeros((n, 1))
    for (start, end), value in zip(spans, values, strict=True):
        frames = slice(round(start * FRAMES), round(end * FRAMES))
        total[frames] += value
        covering[frames] += 1
    return total / np.maximum(covering, 1)


def loudness(file: str, n: int) -> npt.NDArray[np.float64]:
    """Level of a call's windows over their median, in dB, over time, shape (n,)."""
    windows = list(sliding_windows(stream_audio(file), WINDOW, HOP))
    levels = np.array([level_of(one.samples) for one in windows])
    return over_time([(one.start, one.end) for one in windows], (levels - np.median(levels))[:, None], n)[:, 0]


def probabilities(
    model: TrainedModel, file: str, n: int, prepared: dict[bytes, Features]
) -> npt.NDArray[np.float64]:
    """What ``didan predict`` says of a call, over time, shape (n, emotions)."""
    utterances = utterance_alone(model, Path(file))
    windows = [
        one
        for one in predict(Remembering.of(model, prepared), utterances, window=WINDOW, hop=HOP)
        if one.probabilities is not None
    ]
    values = np.array([list((one.probabilities or {}).values()) for one in windows]).reshape(
        -1, len(model.emotions)
    )
    return over_time([(one.start, one.end) for one in windows], values, n)


def score(turns: pd.DataFrame, alarms: dict[str, npt.NDArray[np.float64]]) -> dict[str, float]:
    """How well alarms tell anger from the rest.

    Args:
        turns: see :func:`make_calls`.
        alarms: of each call, how much each frame sounds like anger, shape (frames,).

    Returns:
        Area under the curve and average precision, among the frames of turns and, by their highest, among calls.
    """
    labels, heard = in_turns(turns, alarms)
    by_call = turns.groupby("file", sort=True)["emotion"].agg(lambda emotions: ALARM in set(emotions))
    is_angry, highest = by_call.to_numpy(dtype=bool), [alarms[str(file)].max() for file in by_call.index]
    return {
        "auc": float(roc_auc_score(labels == ALARM, heard)),
        "precision": float(average_precision_score(labels == ALARM, heard)),
        "auc_calls": float(roc_auc_score(is_angry, highest)),
        "precision_calls": float(average_precision_score(is_angry, highest)),
    }


def frames_of(turns: pd.DataFrame) -> dict[str, int]:
    """How many frames each call has."""
    ends = turns.groupby("file", sort=True)["end"].max()
    return {str(file): math.ceil(end * FRAMES) for file, end in zip(ends.index, ends.to_numpy(), strict=True)}


def in_turns(
    turns: pd.DataFrame, timelines: dict[str, npt.NDArray[np.float64]]
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]]:
    """The emotion of every frame that lies in a turn, and what timelines say of it."""
    spans = zip(turns["file"], turns["start"].to_numpy(), turns["end"].to_numpy(), strict=True)
    heard = [timelines[file][round(start * FRAMES) : round(end * FRAMES)] for file, start, end in spans]
    labels = np.repeat(turns["emotion"].to_numpy(dtype=object), [len(frames) for frames in heard])
    return labels, np.concatenate(heard)


def runs(names: list[str], seeds: int, methods: list[str]) -> Iterator[dict[str, Any]]:
    """All trainings, those on the same calls one after the other."""
    for draw, target in product(range(DRAWS), names):
        yield {"method": "loudness", "source": None, "target": target, "draw": draw, "seed": 0}
        for source in names:
            for seed, method in product(range(seeds if draw == 0 else 1), methods):
                if source != target:
                    yield {"method": method, "source": source, "target": target, "draw": draw, "seed": seed}


class Study:
    """Calls of each target and what has been prepared of them.

    Args:
        corpora: by name.
        arguments: from the command line.
    """

    def __init__(self, corpora: dict[str, Corpus], arguments: argparse.Namespace) -> None:
        self._corpora, self._arguments = corpora, arguments
        self._prepared: dict[bytes, Features] = {}
        self._calls: tuple[str, int] | None = None

    def measure(self, run: dict[str, Any]) -> dict[str, Any]:
        """Train, adapt to the folder of calls, predict them and score."""
        target, draw = run["target"], run["draw"]
        folder = self._arguments.audio / f"{target}-calls-{draw}"
        turns = make_calls(self._corpora[target], draw, folder)
        if self._calls != (target, draw):
            self._calls, self._prepared = (target, draw), {}
        frames = frames_of(turns)
        if run["method"] == "loudness":
            return {**run, **score(turns, {file: loudness(file, n) for file, n in frames.items()})}
        source = self._corpora[run["source"]]
        method, own = METHODS[run["method"]]
        config = make_config(
            method, self._arguments.frontend, run["seed"], assignments=[*own, *self._arguments.set]
        )
        shared = tuple(emotion for emotion in source.emotions if emotion in self._corpora[target].emotions)
        calls = find_utterances(read_target(str(folder)).unlabelled())
        model = train(source.only(shared), calls, config=config, cache=self._arguments.cache)
        heard = {file: probabilities(model, file, n, self._prepared) for file, n in frames.items()}
        of_alarm = model.emotions.index(ALARM)
        labels, by_frame = in_turns(turns[turns["emotion"].isin(shared)], heard)
        truth = np.array([model.emotions.index(emotion) for emotion in labels])
        return {
            **run,
            **score(turns, {file: frames[:, of_alarm] for file, frames in heard.items()}),
            "uar": float(balanced_accuracy_score(truth, by_frame.argmax(axis=1))),
            "calibration_error": calibration_error(by_frame, truth),
            "seconds": model.record["seconds"],
            "versions": model.record["versions"],
        }


def main() -> None:
    arguments = methods_parser(__doc__, seeds=10).parse_args()
    corpora = read_corpora(arguments)
    every = runs(list(corpora), arguments.seeds, arguments.methods)
    continue_study(arguments, every, Study(corpora, arguments).measure)


if __name__ == "__main__":
    main()
