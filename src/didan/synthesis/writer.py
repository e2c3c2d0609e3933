"""A synthetic corpus on disk: audio files and the table that describes them."""

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from didan.audio import RATE
from didan.corpora.corpus import Corpus
from didan.errors import UserError
from didan.synthesis.prosody import check_emotion
from didan.synthesis.speaker import Speaker
from didan.synthesis.styles import CorpusStyle
from didan.synthesis.utterance import synthesise

TABLE = "corpus.csv"
"""Name of the table in the corpus' folder: file (relative to the folder), emotion, speaker."""


def make_corpus(
    folder: Path,
    style: CorpusStyle,
    *,
    n_speakers: int,
    n_per_emotion: int,
    emotions: tuple[str, ...],
    seed: int,
) -> Corpus:
    """Write a synthetic corpus to disk.

    Files are 16-bit WAV at 16 kHz, ``<folder>/<speaker>/<emotion>_<number>.wav``, beside the table
    ``<folder>/corpus.csv``. Each depends on the style, the seed and its own speaker, emotion and number only,
    so a larger corpus contains the smaller one, byte for byte. The folder appears when all is written.

    Give two corpora different seeds: with the same one their speakers and sentences are drawn alike.

    Args:
        folder: where to; missing or empty.
        style: what the corpus is like.
        n_speakers: number of speakers; every second one is a woman, or as the style's population says.
        n_per_emotion: utterances of each speaker in each emotion.
        emotions: keys of ``EXPRESSIONS``.
        seed: not negative.

    Returns:
        The corpus, its files as absolute paths.

    Raises:
        UserError: the folder holds something, an emotion is unknown or named twice, or a number is too small.
    """
    folder = folder.absolute()
    _check(folder, n_speakers, n_per_emotion, emotions, seed)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        unfinished = Path(beside) / folder.name
        rows = []
        for speaker in _speakers(style, n_speakers, seed):
            (unfinished / speaker.name).mkdir(parents=True)
            for emotion in emotions:
                for number in range(1, n_per_emotion + 1):
                    file = f"{speaker.name}/{emotion}_{number:03d}.wav"
                    samples = synthesise(emotion, speaker, style, _rng(seed, speaker.name, emotion, number))
                    soundfile.write(unfinished / file, samples, RATE, subtype="PCM_16")
                    rows.append((file, emotion, speaker.name))
        table = pd.DataFrame(rows, columns=["file", "emotion", "speaker"])
        table.to_csv(unfinished / TABLE, index=False, lineterminator="\n")
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    table["file"] = [str(folder / file) for file in table["file"]]
    table.insert(1, "start", float("nan"))
    table.insert(2, "end", float("nan"))
    return Corpus(style.name, table[["file", "start", "end", "speaker", "emotion"]], "synthetic")


def _check(folder: Path, n_speakers: int, n_per_emotion: int, emotions: tuple[str, ...], seed: int) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a folder for the synthetic corpus")
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; name a new folder for the synthetic corpus, or delete it")
    if not emotions:
        raise UserError("a synthetic corpus needs at least one emotion")
    for emotion in emotions:
        check_emotion(emotion)
    if len(set(emotions)) < len(emotions):
        raise UserError(f"an emotion is named twice: {', '.join(emotions)}")
    for name, value in (("speakers", n_speakers), ("utterances per emotion", n_per_emotion)):
        if value < 1:
            raise UserError(f"the number of {name} is at least 1, not {value}")
    if seed < 0:
        raise UserError(f"the seed is at least 0, not {seed}")


def _speakers(style: CorpusStyle, n_speakers: int, seed: int) -> Iterator[Speaker]:
    for number in range(n_speakers):
        name = f"{style.name}-{number + 1:02d}"
        yield style.population.draw(name, number, np.random.default_rng([seed, number]))


def _rng(seed: int, speaker: str, emotion: str, number: int) -> np.random.Generator:
    """The randomness of one utterance; names enter as checksums, which do not change from run to run."""
    return np.random.default_rng([seed, zlib.crc32(speaker.encode()), zlib.crc32(emotion.encode()), number])
