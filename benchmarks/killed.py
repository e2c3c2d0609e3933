"""Kill a benchmark at random moments, start it again, and compare its tables with those of one left in peace.

    python -m benchmarks.killed [--kills 3]

Both are made on two small synthetic corpora. Says too how long a repetition with nothing to do takes.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from didan.records import records_by_name
from didan.synthesis import make_corpus, style

TABLES = ("results.md", "results.csv", "comparisons.csv", "selection.csv", "domain.csv")
EMOTIONS = ("anger", "neutral", "sadness")


def command(folder: Path, out: Path) -> list[str]:
    corpora = [f"--corpus={folder / name / 'corpus.csv'}" for name in ("alpha", "beta")]
    methods = [f"--method={name}" for name in ("source-only", "didan", "target-only", "svm-linear-corpus")]
    return [
        *(sys.executable, "-m", "didan", "benchmark", *corpora, *methods, "--features=spectrogram"),
        *("--features=pooled", "--seeds=1", "--set=optimisation.steps=20", "--workers=2"),
        *(f"--cache={folder / 'cache'}", f"--out={out}"),
    ]


def n_records(out: Path) -> int:
    return len(records_by_name(out))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for number, name in enumerate(("alpha", "beta")):
            make_corpus(folder / name, style(name), n_speakers=4, n_per_emotion=3, emotions=EMOTIONS, seed=number)
        begun = time.perf_counter()
        subprocess.run(command(folder, folder / "peace"), check=True, stderr=subprocess.DEVNULL)
        whole = time.perf_counter() - begun
        print(f"in peace: {n_records(folder / 'peace')} records in {whole:.0f} s")
        for _ in range(arguments.kills):
            process = subprocess.Popen(
                command(folder, folder / "killed"), stderr=subprocess.DEVNULL, start_new_session=True
            )
            # Somewhere between two records, or while the first features are being looked up.
            enough = n_records(folder / "killed") + random.randint(0, 2)
            while n_records(folder / "killed") < enough and process.poll() is None:
                time.sleep(0.05)
            time.sleep(random.uniform(0, 5))
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            print(f"killed with {n_records(folder / 'killed')} records")
        subprocess.run(command(folder, folder / "killed"), check=True, stderr=subprocess.DEVNULL)
        different = [
            name
            for name in TABLES
            if (folder / "peace" / name).read_bytes() != (folder / "killed" / name).read_bytes()
        ]
        print(f"restarted: {n_records(folder / 'killed')} records; differing tables: {different or 'none'}")
        begun = time.perf_counter()
        subprocess.run(command(folder, folder / "killed"), check=True, stderr=subprocess.DEVNULL)
        print(f"once more, with nothing to do: {time.perf_counter() - begun:.1f} s")
        sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
