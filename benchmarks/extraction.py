"""How long features take, beside librosa doing the same spectrogram.

    python -m benchmarks.extraction [CORPUS ...]

CORPUS is NAME=PATH, a table or a folder of audio; without any, a synthetic corpus is made. Both read the same
files, in turn, and ours writes its store as well; ours uses all processors, librosa one.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np

import didan
from didan.audio import RATE
from didan.corpora import Corpus, Recordings
from didan.features import SpectrogramSettings, extract
from didan.synthesis import make_corpus, style

SAMPLE = 300
"""Files of each corpus that librosa is timed on; its time grows in proportion."""


def librosa_seconds(files: list[str], settings: SpectrogramSettings) -> float:
    """Seconds that librosa takes to load the files and make the same spectrograms."""
    begun = time.perf_counter()
    for file in files:
        samples, _ = librosa.load(file, sr=RATE)
        power = librosa.feature.melspectrogram(
            y=samples,
            sr=RATE,
            n_fft=round(settings.window * RATE),
            hop_length=round(settings.hop * RATE),
            n_mels=settings.bands,
            fmin=settings.low,
            fmax=settings.high,
        )
        librosa.power_to_db(power, top_db=settings.floor)
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    settings = SpectrogramSettings()
    with tempfile.TemporaryDirectory() as folder:
        corpora: list[Corpus | Recordings] = [didan.read_target(argument) for argument in sys.argv[1:]]
        if not corpora:
            emotions = ("anger", "neutral", "sadness")
            corpora.append(
                make_corpus(
                    Path(folder) / "alpha",
                    style("alpha"),
                    n_speakers=5,
                    n_per_emotion=20,
                    emotions=emotions,
                    seed=0,
                )
            )
        files = [str(file) for corpus in corpora for file in corpus.table["file"]]
        sample = list(np.random.default_rng(0).choice(files, min(SAMPLE, len(files)), replace=False))
        librosa_seconds(sample[:5], settings)  # it compiles and imports on first use
        before = librosa_seconds(sample, settings)
        begun = time.perf_counter()
        for corpus in corpora:
            recordings = corpus.unlabelled() if isinstance(corpus, Corpus) else corpus
            extract(recordings, settings, Path(folder) / "cache")
        ours = time.perf_counter() - begun
        begun = time.perf_counter()
        for corpus in corpora:
            recordings = corpus.unlabelled() if isinstance(corpus, Corpus) else corpus
            extract(recordings, settings, Path(folder) / "cache")
        again = time.perf_counter() - begun
        theirs = (before + librosa_seconds(sample, settings)) / 2 * len(files) / len(sample)
    print(f"{len(files)} files, {len(os.sched_getaffinity(0))} processors")
    print(f"features: {ours:.1f} s (at most 120 wanted for EmoDB, CASIA and RAVDESS together)")
    print(f"librosa, one processor: {theirs:.1f} s; ours takes {ours / theirs:.2f} of it")
    print(f"found again in the store: {again:.1f} s, {again / ours:.3f} of the first time")


if __name__ == "__main__":
    main()
