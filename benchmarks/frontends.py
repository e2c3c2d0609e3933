"""What each frontend costs: time per utterance, times real time, parameters, memory; on one core.

    python -m benchmarks.frontends [--encoder ID ...] [CORPUS ...]

CORPUS is NAME=PATH, a table or a folder of audio; without any, a synthetic corpus is made. ``--encoder`` names
pretrained encoders, a directory or an id of the hub, and may be repeated. All frontends take the same samples from
memory, in turn and in one run, so that the ratios hold on a noisy machine; memory is what a process of its own
takes beyond an empty one.
"""

import argparse
import multiprocessing
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

import didan
from benchmarks.pairs import clock_seconds
from didan.audio import RATE, read_audio
from didan.corpora import Corpus
from didan.errors import UserError
from didan.features import (
    Frontend,
    FrontendSettings,
    FunctionalsSettings,
    PretrainedSettings,
    SpectrogramSettings,
    build_frontend,
    extract_features,
)
from didan.synthesis import make_corpus, style
from didan.typing import Samples

SAMPLE = 40
ROUNDS = 3
LONG = 120
"""Seconds of the recording by which memory is measured."""


def candidates(encoders: Sequence[str]) -> dict[str, FrontendSettings]:
    """All frontends to measure, by name."""
    found: dict[str, FrontendSettings] = {
        "functionals": FunctionalsSettings(),
        "eGeMAPS (openSMILE)": FunctionalsSettings(parts=("egemaps",)),
        "spectrogram": SpectrogramSettings(),
    }
    for encoder in encoders:
        found[f"pretrained, {Path(encoder).name}"] = PretrainedSettings(model=encoder).found()
    return found


def _features_of(frontend: Frontend, clips: Sequence[Samples]) -> None:
    for clip in clips:
        extract_features(frontend, clip)


def n_parameters(frontend: object) -> int:
    """What was learnt: weights of an encoder."""
    return (
        sum(weights.numel() for weights in frontend.parameters()) if isinstance(frontend, torch.nn.Module) else 0
    )


def peak_memory(settings: FrontendSettings | None, length: int) -> int:
    """MB at most in a process of its own, which computes the features of a recording; of an empty one if None."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_peak, (settings, length))


def _peak(settings: FrontendSettings | None, length: int) -> int:
    torch.set_num_threads(1)
    if settings is not None:
        samples = np.random.default_rng(0).normal(0, 0.1, length * RATE).astype(np.float32)
        extract_features(build_frontend(settings), samples)
    # Not getrusage, whose peak a new process inherits from the one that started it.
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")]
    return round(int(line.split()[1]) / 1024)


def measure(frontends: dict[str, FrontendSettings], clips: Sequence[Samples]) -> None:
    """Print a row for each frontend."""
    built = {name: build_frontend(settings) for name, settings in frontends.items()}
    for frontend in built.values():
        extract_features(frontend, clips[0])
    times = dict.fromkeys(built, float("inf"))
    for _ in range(ROUNDS):
        for name, frontend in built.items():
            times[name] = min(times[name], clock_seconds(partial(_features_of, frontend, clips)))
    length = sum(map(len, clips)) / RATE
    empty = peak_memory(None, 0)
    print(f"{len(clips)} utterances of {length / len(clips):.2f} s on average, one core")
    print(
        "| frontend | ms per utterance | times real time | of the functionals' time | features | parameters | MB |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, taken in times.items():
        memory = peak_memory(frontends[name], LONG) - empty
        print(
            f"| {name} | {1000 * taken / len(clips):.1f} | {length / taken:.0f} "
            f"| {taken / times['functionals']:.2f} "
            f"| {built[name].n_bands} | {n_parameters(built[name]) / 1e6:.1f} million | {memory} |"
        )
    print(f"MB: at the peak, for a recording of {LONG} s, beyond an empty process")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="*", metavar="CORPUS")
    parser.add_argument("--encoder", action="append", default=[])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        targets = [didan.read_target(argument) for argument in arguments.corpora] or [
            make_corpus(
                Path(name) / "alpha",
                style("alpha"),
                n_speakers=4,
                n_per_emotion=4,
                emotions=("anger", "neutral", "sadness"),
                seed=0,
            )
        ]
        utterances = [
            one
            for target in targets
            for one in (target.unlabelled() if isinstance(target, Corpus) else target).utterances()
        ]
        chosen = np.random.default_rng(0).choice(len(utterances), min(SAMPLE, len(utterances)), replace=False)
        clips = [read_audio(*utterances[row][:3]) for row in sorted(chosen)]
        try:
            measure(candidates(arguments.encoder), clips)
        except UserError as error:
            raise SystemExit(f"{parser.prog}: {error}") from None


if __name__ == "__main__":
    main()
