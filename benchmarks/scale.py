"""What grows with a target of 10,000, 100,000 and 1,000,000 utterances.

    python -m benchmarks.scale [--sizes 10000,100000,1000000] [--steps 100] [--record FILE]

There is no audio: the store holds made-up vectors as wide as the functionals. Each size has a process of its own,
which opens the store, takes the statistics that normalise, and trains as `didan train` does by default. Memory is
that of the process alone, without pages of the store that the system keeps at hand and may take back at any time.
Seconds are the processor's, so that they hold on a busy machine.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import kept, record_parser
from didan.features import (
    Domain,
    FeatureSet,
    FeatureStore,
    FunctionalsSettings,
    build_frontend,
    mood_of_groups,
    voice_bands,
)
from didan.model.config import make_config
from didan.training.data import told_apart
from didan.training.loop import fit_network
from didan.training.pair import DomainPair
from didan.typing import Features

EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness")
N_SOURCE, PER_SPEAKER, CHUNK = 1000, 100, 10_000
WIDTH = len(build_frontend(FunctionalsSettings()).feature_names)
SETTINGS = FunctionalsSettings()


def made_up(n: int, seed: int) -> Iterator[tuple[list[str], Features]]:
    """Names and vectors of so many utterances, some at a time: by emotion, by voice, and by chance."""
    rng = np.random.default_rng(seed)
    emotions = np.random.default_rng(0).normal(size=(len(EMOTIONS), WIDTH)) / 2
    for first in range(0, n, CHUNK):
        numbers = np.arange(first, min(first + CHUNK, n))
        vectors = rng.normal(size=(len(numbers), WIDTH)) + emotions[numbers % len(EMOTIONS)]
        vectors[:, list(voice_bands(SETTINGS))] += 6.0 * rng.integers(2, size=(len(numbers), 1))
        yield [f"{seed}-{number}" for number in numbers], vectors.astype(np.float32)


def write(folder: Path, n: int, seed: int) -> float:
    """Put them into a store; seconds of it."""
    store, seconds = FeatureStore(folder, SETTINGS), 0.0
    for names, vectors in made_up(n, seed):
        begun = time.process_time()
        store.write(dict(zip(names, vectors[:, None], strict=True)))
        seconds += time.process_time() - begun
    return seconds


def opened(folder: Path, n: int, seed: int) -> FeatureSet:
    """The features of a domain of that many utterances, of speakers with a hundred each."""
    store = FeatureStore(folder, SETTINGS)
    names = [f"{seed}-{number}" for number in range(n)]
    places = store.find(names)
    return FeatureSet(
        raw=store.read([places[name] for name in names]),
        domains=(Domain(groups=[number // PER_SPEAKER for number in range(n)], shrinkage=20.0),),
        contents=pd.DataFrame({"file": names, "audio": names}),
    )


def memory() -> float:
    """Megabytes that are this process' own now."""
    return int(re.search(r"RssAnon:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1024  # type: ignore[index]


def measured(folder: Path, n: int, steps: int) -> dict[str, Any]:
    """What one size costs."""
    config = make_config(assignments=[f"optimisation.steps={steps}"])
    labels = np.arange(N_SOURCE) % len(EMOTIONS)
    source = opened(folder, N_SOURCE, 1)
    before = memory()
    clock = [time.process_time()]
    target = opened(folder, n, 2)
    clock.append(time.process_time())
    of_index = memory() - before
    source, target = told_apart(source, target, config.frontend, config.normalisation, adapts=True)
    mood_of_groups(source, labels, target)
    clock.append(time.process_time())
    assert len(target.statistics) == n
    clock.append(time.process_time())
    pair = DomainPair(
        source=source,
        labels=labels,
        domains=np.zeros(N_SOURCE, dtype=np.int64),
        target=target,
        emotions=EMOTIONS,
        held_out=np.zeros(N_SOURCE, dtype=bool),
    )
    ends: list[float] = []
    kept: list[float] = []

    def step(stage: str, done: int, total: int) -> None:
        ends.append(time.process_time())
        kept.append(memory())

    fit_network(pair, config, progress=step)
    each = np.diff(ends)
    half = len(each) // 2
    return {
        "utterances": n,
        "seconds_open": clock[1] - clock[0],
        "seconds_voices_moods": clock[2] - clock[1],
        "seconds_statistics": clock[3] - clock[2],
        "seconds_first_step": ends[0] - clock[3],
        "ms_step": 1000 * float(np.mean(each[half:])),
        "ms_step_median": 1000 * median(each),
        "mb_index": of_index,
        "mb_training": max(kept),
        "mb_growth": max(kept[half:]) - max(kept[:half]),
    }


def main() -> None:
    parser = record_parser(__doc__)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)  # the process of one size
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    if arguments.one:
        print(json.dumps(measured(arguments.one, sizes[0], arguments.steps)))
        return
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write(folder, N_SOURCE, 1)
        seconds = write(folder, max(sizes), 2)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        n_files = sum(1 for file in folder.rglob("*") if file.is_file())
        print(f"{max(sizes)} utterances written in {seconds:.1f} s: {size / 1e9:.2f} GB in {n_files} files")
        for n in sizes:
            command = [sys.executable, "-m", "benchmarks.scale", f"--one={folder}", f"--sizes={n}"]
            done = subprocess.run(
                [*command, f"--steps={arguments.steps}"], check=True, stdout=subprocess.PIPE, text=True
            )
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            print("  ".join(f"{key} {value:.4g}" for key, value in rows[-1].items()), flush=True)
    written = {"utterances": max(sizes), "seconds": seconds, "bytes": size, "files": n_files}
    found = {"width": WIDTH, "written": written, "steps": arguments.steps, "sizes": rows}
    kept(found, arguments.record)


if __name__ == "__main__":
    main()
