"""Conditions under which recognisers are used, derived from acted corpora.

    python -m benchmarks.conditions --corpus emodb=/data/emodb --corpus casia=/data/casia --out conditions

=============  ==========================================================================================
even           the corpus as it is
half, mostly   half, or four in five, of the utterances are neutral; of the others there are equally many
missing        two emotions, not neutral, do not occur
moody          speakers become callers of 5 to 15 utterances, each of one emotion; moody-80: of four in five
few-N          only N utterances to adapt to, drawn at random; the whole corpus is still evaluated
telephone      8 kHz and a codec; by draw G.711, GSM, G.711 again, each with noise 15, 15 or 5 dB below the
               speech, the last in a room
=============  ==========================================================================================

Each is drawn several times. Labels decide what is drawn, and nothing else: who adapts sees none. Tables are
written, and for the telephone audio, which :func:`didan.corpora.read_corpus` reads like any other.
"""

import argparse
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import numpy as np
import pandas as pd
import soundfile
from scipy.signal import resample_poly

from didan.audio import RATE, read_audio
from didan.corpora import Corpus, read_corpus
from didan.errors import UserError
from didan.synthesis.recording import Microphone, Noise, Room, record
from didan.typing import Samples

FREQUENT = "neutral"
DRAWS = 3
_CALLER = (5, 15)  # utterances
_FEWEST = 3  # utterances of an emotion, however rare
_TELEPHONE_RATE = 8000


@dataclass(frozen=True)
class Target:
    """A corpus under a condition.

    Attributes:
        heard: what may be adapted to, without its labels.
        evaluated: what is predicted and scored.
    """

    heard: Corpus
    evaluated: Corpus


@dataclass(frozen=True)
class Line:
    """What lies between a mouth and a recorder.

    Attributes:
        codec: a subtype of libsndfile.
        snr: of the median utterance, in dB.
        room: where the telephone is, or None.
    """

    codec: str
    snr: float
    room: Room | None = None

    def carry(self, speech: Samples, level: float, rng: np.random.Generator, file: Path) -> None:
        """Write what arrives of speech at 16 kHz, the level of a typical utterance being ``level`` dB."""
        microphone, noise = Microphone(300.0, 3400.0), Noise(self.snr, -3.0)
        arrived = record(speech, level, self.room or Room(0.01, -60.0), noise, microphone, rng)
        narrow = resample_poly(arrived, _TELEPHONE_RATE, RATE)
        file.parent.mkdir(parents=True, exist_ok=True)
        # GSM codes blocks of 320 samples in a WAV file.
        padded = np.pad(narrow, (0, -len(narrow) % 320))
        soundfile.write(file, np.clip(padded, -1, 1), _TELEPHONE_RATE, subtype=self.codec)


LINES = (Line("ULAW", 15.0), Line("GSM610", 15.0), Line("ULAW", 5.0, Room(0.5, -3.0)))
"""By draw."""


def neutral_heavy(corpus: Corpus, draw: int, *, share: float) -> Target:
    """All neutral utterances, and so many of the others, of each emotion equally many, that they are ``share``.

    Raises:
        UserError: the corpus has no neutral utterance.
    """
    if FREQUENT not in corpus.emotions:
        raise UserError(f"{corpus.name} has no {FREQUENT} utterance, which this condition makes frequent")
    rng = _generator(corpus, draw)
    emotion = corpus.table["emotion"]
    others = [other for other in corpus.emotions if other != FREQUENT]
    each = max(round((emotion == FREQUENT).sum() * (1 - share) / share / len(others)), _FEWEST)
    kept = np.flatnonzero(emotion == FREQUENT).tolist()
    for other in others:
        rows = np.flatnonzero(emotion == other)
        kept += rng.choice(rows, min(each, len(rows)), replace=False).tolist()
    return _both(corpus.rows(sorted(kept)))


def missing(corpus: Corpus, draw: int) -> Target:
    """Without two of the emotions, neutral excepted."""
    others = [emotion for emotion in corpus.emotions if emotion != FREQUENT]
    gone = _generator(corpus, draw).choice(others, min(2, len(others) - 1), replace=False)
    return _both(corpus.only(tuple(emotion for emotion in corpus.emotions if emotion not in gone)))


def few(corpus: Corpus, draw: int, *, n: int) -> Target:
    """The corpus, of which ``n`` utterances may be adapted to."""
    rows = _generator(corpus, draw).choice(len(corpus), min(n, len(corpus)), replace=False)
    return Target(heard=corpus.rows(sorted(rows.tolist())), evaluated=corpus)


def moody(corpus: Corpus, draw: int, *, share: float) -> Target:
    """The corpus, with callers in place of speakers; see :func:`callers`."""
    speakers = callers(corpus.table, share, draw)
    return _both(replace(corpus, table=corpus.table.assign(speaker=speakers)))


def telephone(corpus: Corpus, draw: int, folder: Path) -> Target:
    """The corpus through the line of that draw; audio is written to the folder, unless it is there already."""
    line, rng = LINES[draw % len(LINES)], _generator(corpus, draw)
    names = [f"{number:05d}.wav" for number in range(len(corpus))]
    if not folder.exists():
        speech = [
            read_audio(*row) for row in corpus.table[["file", "start", "end"]].itertuples(index=False, name=None)
        ]
        level = float(np.median([level_of(samples) for samples in speech]))
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as unfinished:
            for samples, name in zip(speech, names, strict=True):
                line.carry(samples, level, rng, Path(unfinished, "audio", name))
            with suppress(OSError):  # another process has written the same meanwhile
                Path(unfinished, "audio").rename(folder)
    table = corpus.table.assign(file=[str(folder / name) for name in names], start=np.nan, end=np.nan)
    return _both(replace(corpus, table=table))


CONDITIONS: dict[str, Callable[[Corpus, int], Target]] = {
    "even": lambda corpus, draw: _both(corpus),
    "half": partial(neutral_heavy, share=0.5),
    "mostly": partial(neutral_heavy, share=0.8),
    "missing": missing,
    "moody": partial(moody, share=1.0),
    "moody-80": partial(moody, share=0.8),
    **{f"few-{n}": partial(few, n=n) for n in (20, 60, 200)},
}
"""Those that are tables; :func:`telephone` makes audio."""


def callers(table: pd.DataFrame, share: float, seed: int = 0) -> "pd.Series[str]":
    """Callers in place of speakers, each mostly of one emotion.

    Of a speaker's utterances of an emotion, ``share`` go to callers of that emotion; the others go in turn to
    those of her other emotions. A caller has 5 to 15 utterances, as far as there are as many.

    Args:
        table: utterances, columns ``speaker`` and ``emotion``.
        share: in (0, 1].
        seed: of which utterances go where.

    Returns:
        The caller of each utterance, such as ``03/anger/1``.

    >>> table = pd.DataFrame({"speaker": ["a"] * 4, "emotion": ["anger", "anger", "fear", "fear"]})
    >>> list(callers(table, 1.0))
    ['a/anger/0', 'a/anger/0', 'a/fear/0', 'a/fear/0']
    >>> sorted(callers(table, 0.5))
    ['a/anger/0', 'a/anger/0', 'a/fear/0', 'a/fear/0']
    """
    rng = np.random.default_rng(seed)
    made = pd.Series("", index=table.index, dtype=object)
    for speaker, own in table.groupby("speaker", sort=True):
        emotions = sorted(own["emotion"].unique())
        moods: dict[str, list[int]] = {emotion: [] for emotion in emotions}
        for number, emotion in enumerate(emotions):
            rows = rng.permutation(own.index[own["emotion"] == emotion].to_numpy()).tolist()
            kept = round(share * len(rows)) if len(emotions) > 1 else len(rows)
            moods[emotion] += rows[:kept]
            others = [other for other in emotions if other != emotion]
            for turn, row in enumerate(rows[kept:]):
                moods[others[(number + turn) % len(others)]].append(row)
        for emotion, mood in moods.items():
            rows, number = rng.permutation(mood).tolist(), 0
            while rows:
                n = int(rng.integers(_CALLER[0], _CALLER[1] + 1))
                if len(rows) - n < _CALLER[0]:  # nobody is left with fewer than five
                    n = len(rows) if len(rows) <= _CALLER[1] else len(rows) - _CALLER[0]
                made[rows[:n]] = f"{speaker}/{emotion}/{number}"
                rows, number = rows[n:], number + 1
    return made


def derive(corpus: Corpus, condition: str, draw: int, audio: Path) -> Target:
    """A corpus under a condition.

    Args:
        corpus: with the emotions that are to be predicted.
        condition: a name of ``CONDITIONS``, or ``telephone``.
        draw: which of several drawings.
        audio: folder for audio that has to be made.
    """
    if condition == "telephone":
        # Other emotions are other files, and other processes may be reading those.
        return telephone(corpus, draw, audio / "-".join([corpus.name, condition, str(draw), *corpus.emotions]))
    return CONDITIONS[condition](corpus, draw)


def level_of(samples: Samples) -> float:
    """Mean power in dB."""
    return float(10 * np.log10(np.mean(samples**2) + 1e-12))


def _both(corpus: Corpus) -> Target:
    return Target(heard=corpus, evaluated=corpus)


def _generator(corpus: Corpus, draw: int) -> np.random.Generator:
    return np.random.default_rng([draw, crc32(corpus.name.encode())])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=DRAWS)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for corpus in map(read_corpus, arguments.corpus):
        for condition in [*CONDITIONS, "telephone"]:
            for draw in range(1 if condition == "even" else arguments.draws):
                target = derive(corpus, condition, draw, arguments.out)
                file = arguments.out / f"{corpus.name}-{condition}-{draw}.csv"
                target.heard.table[["file", "start", "end", "speaker", "emotion"]].to_csv(file, index=False)
                print(
                    f"{file}: {len(target.heard)} utterances, {target.heard.table['speaker'].nunique()} speakers"
                )


if __name__ == "__main__":
    main()
