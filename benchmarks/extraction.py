"""How long features take: beside openSMILE and librosa on one core, and on all cores beside one.

    python -m benchmarks.extraction [CORPUS ...]

CORPUS is NAME=PATH, a table or a folder of audio; without any, a synthetic corpus is made. Everything reads the
same files, in turn and in one run, so that the ratios hold on a noisy machine. openSMILE's 88 functionals of
eGeMAPSv02 are timed if it is installed, on samples in memory as ours; librosa's spectrograms with loading, as ours
with loading and the store.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import librosa
import numpy as np
import torch

import didan
from benchmarks.pairs import clock_seconds
from didan.audio import RATE, read_audio
from didan.corpora import Corpus, Recordings
from didan.extras import require
from didan.features import FunctionalsSettings, SpectrogramSettings, build_frontend, extract, extract_features
from didan.parallel import processors
from didan.synthesis import make_corpus, style
from didan.typing import Samples

SAMPLE = 100
ROUNDS = 3


def librosa_spectrogram(samples: Samples, settings: SpectrogramSettings) -> object:
    """The same spectrogram by librosa."""
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=RATE,
        n_fft=round(settings.window * RATE),
        hop_length=round(settings.hop * RATE),
        n_mels=settings.bands,
        fmin=settings.low,
        fmax=settings.high,
    )
    return librosa.power_to_db(power, top_db=settings.floor)


def alternately(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The shortest time of each way, taken in turn."""
    for work in ways.values():
        work()
    times = [{name: clock_seconds(work) for name, work in ways.items()} for _ in range(ROUNDS)]
    return {name: min(one[name] for one in times) for name in ways}


def functionals_on_one_core(clips: Sequence[Samples]) -> None:
    """Print the time of functionals per utterance beside openSMILE's."""
    frontend = build_frontend(FunctionalsSettings())
    ways: dict[str, Callable[[], object]] = {"didan": lambda: [extract_features(frontend, clip) for clip in clips]}
    opensmile = require("opensmile", "functionals", "the comparison")
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    ways["openSMILE"] = lambda: [smile.process_signal(clip, RATE) for clip in clips]
    best = alternately(ways)
    length = sum(map(len, clips)) / RATE / len(clips)
    print(f"functionals, one core, {length:.2f} s of speech:", end=" ")
    print(", ".join(f"{name} {1000 * value / len(clips):.1f} ms" for name, value in best.items()), end="; ")
    print(f"ours takes {best['didan'] / best['openSMILE']:.2f} of openSMILE's time (0.33 wanted)")


def spectrograms_on_one_core(recordings: Recordings, folder: Path) -> None:
    """Print the time of spectrograms, with loading and the store, beside librosa's."""
    settings, files = SpectrogramSettings(), [str(file) for file in recordings.table["file"]]
    caches = iter(range(1000))
    best = alternately(
        {
            "didan": lambda: extract(recordings, settings, folder / f"spectrograms-{next(caches)}", workers=1),
            "librosa": lambda: [librosa_spectrogram(librosa.load(file, sr=RATE)[0], settings) for file in files],
        }
    )
    print(f"spectrograms, one core: {best['didan'] / best['librosa']:.2f} of librosa's time")


def all_cores(corpora: Sequence[Recordings], folder: Path) -> None:
    """Print how much faster all cores are than one, and the store than either."""

    def run(workers: int, cache: str) -> float:
        return clock_seconds(
            lambda: [extract(one, FunctionalsSettings(), folder / cache, workers=workers) for one in corpora]
        )

    one, several = run(1, "one"), run(processors(), "all")
    again = run(processors(), "all")
    n = sum(map(len, corpora))
    print(f"functionals of {n} files: {one:.1f} s on one core, {several:.1f} s on {processors()}:", end=" ")
    print(f"{one / several:.2f} times faster (1.8 wanted on two); found again in the store: {again:.1f} s")


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        targets: list[Corpus | Recordings] = [didan.read_target(argument) for argument in sys.argv[1:]]
        if not targets:
            emotions = ("anger", "neutral", "sadness")
            targets.append(
                make_corpus(
                    folder / "alpha", style("alpha"), n_speakers=10, n_per_emotion=40, emotions=emotions, seed=0
                )
            )
        corpora = [one.unlabelled() if isinstance(one, Corpus) else one for one in targets]
        files = [str(file) for one in corpora for file in one.table["file"]]
        chosen = sorted(np.random.default_rng(0).choice(files, min(SAMPLE, len(files)), replace=False))
        functionals_on_one_core([read_audio(file) for file in chosen])
        table = corpora[0].table
        spectrograms_on_one_core(Recordings("sample", table[: min(SAMPLE, len(table))]), folder)
        all_cores(corpora, folder)


if __name__ == "__main__":
    main()
