"""Synthetic speech, utterance by utterance, and a corpus of it on disk."""

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from didan.audio import RATE
from didan.corpora.corpus import Corpus
from didan.corpora.table import COLUMNS
from didan.errors import UserError
from didan.synthesis.prosody import check_emotion, draw_prosody
from didan.synthesis.recording import record
from didan.synthesis.styles import CorpusStyle, Speaker
from didan.synthesis.voice import speak
from didan.typing import Samples

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
    ``<folder>/corpus.csv``. Each depends only on the style, the seed and its own speaker, emotion and number,
    so a larger corpus contains the smaller one, byte for byte. The folder appears once everything is written.

    Give two corpora different seeds: with the same seed their speakers and sentences are drawn alike.

    Args:
        folder: where to write; it must be missing or empty.
        style: the style of the corpus.
        n_speakers: number of speakers; the style's population says how many are women, by default every second.
        n_per_emotion: utterances of each speaker in each emotion.
        emotions: keys of ``EXPRESSIONS``.
        seed: not negative.

    Returns:
        The corpus, its files as absolute paths.

    Raises:
        UserError: the folder is not empty, an emotion is unknown or named twice, or a number is too small.
    """
    folder = folder.absolute()
    _check(folder, n_speakers, n_per_emotion, emotions, seed)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as workspace:
        unfinished = Path(workspace) / folder.name
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
    return Corpus(style.name, table[[*COLUMNS]], "synthetic")


def synthesise(emotion: str, speaker: Speaker, style: CorpusStyle, rng: np.random.Generator) -> Samples:
    """Synthesise one recorded utterance.

    Args:
        emotion: a key of ``EXPRESSIONS``.
        speaker: the voice.
        style: the style of its corpus.
        rng: source of all randomness: text, expression and recording.

    Returns:
        Samples at 16 kHz in [-1, 1], shape (n,).

    Raises:
        UserError: the emotion is unknown.

    >>> from didan.synthesis.styles import style
    >>> rng = np.random.default_rng(0)
    >>> samples = synthesise("anger", Speaker("me", f0=120.0, tract=1.0), style("alpha"), rng)
    >>> samples.dtype, 1.0 < len(samples) / RATE < 3.0
    (dtype('float32'), True)
    """
    prosody = draw_prosody(emotion, speaker.expressiveness, style.display, rng)
    n_syllables = max(1, round(style.syllables * rng.uniform(0.8, 1.2)))
    segments = style.language.utter(n_syllables, prosody, speaker.rate, rng)
    speech = speak(segments, prosody, speaker, style.language.tone, rng)
    before, after = (style.silence * RATE * rng.uniform(0.5, 1.5, 2)).astype(int)
    gain = 10 ** ((style.level + speaker.level + prosody.level) / 20)
    padded = np.pad(speech * np.float32(gain), (before, after))
    return record(padded, style.level, style.room, style.noise, style.microphone, rng)


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
    """The randomness of one utterance. Names enter as checksums, which unlike hashes never change."""
    return np.random.default_rng([seed, zlib.crc32(speaker.encode()), zlib.crc32(emotion.encode()), number])
