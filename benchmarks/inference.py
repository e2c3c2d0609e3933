"""What prediction costs: its start, its speed on one processor, and its memory on long recordings.

    python -m benchmarks.inference

Every figure is a ratio of two commands run in turn on the same machine: starting with the exported model beside
starting with torch, audio beside the time it takes, three hours beside three minutes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import soundfile

from benchmarks.small_model import make_small_model
from didan.audio import RATE, read_audio

SHORT, LONG = 3 * 60, 3 * 3600
"""Seconds of the two recordings."""

_TIMED = r"""
import json, os, re, sys, time
from pathlib import Path
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from didan.inference.predict import predict, utterances_in
from didan.inference.recogniser import load_recogniser
recogniser = load_recogniser(Path(sys.argv[1]))
list(predict(recogniser, utterances_in([Path(sys.argv[2])])))
begun = time.perf_counter()
found = list(predict(recogniser, utterances_in([Path(sys.argv[3])]), window=float(sys.argv[4]) or None))
seconds = time.perf_counter() - begun
# Not getrusage: what that says begins with the memory of the process that started this one.
peak = int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"seconds": seconds, "peak": peak, "rows": len(found)}))
"""


def start(model: Path, clip: Path) -> float:
    """Seconds of a whole ``didan predict`` of one clip."""
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "didan", "predict", str(model), str(clip)], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - begun


def timed(model: Path, clip: Path, recording: Path, window: float) -> dict[str, float]:
    """Seconds, without the start, and peak memory in MB of predicting a recording on one processor."""
    command = [sys.executable, "-c", _TIMED, str(model), str(clip), str(recording), str(window)]
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def long_recording(file: Path, clips: Sequence[Path], seconds: int) -> None:
    """A recording of speech with pauses."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(file, "w", RATE, 1) as out:
        written = 0
        while written < seconds * RATE:
            clip = clips[int(rng.integers(len(clips)))]
            part = np.concatenate([read_audio(clip), np.zeros(RATE, np.float32)])
            part = part[: seconds * RATE - written]
            out.write(part)
            written += len(part)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = make_small_model(folder)
        clips = [Path(file) for file in target.table["file"]]
        models = {"torch": folder / "model", "onnx": folder / "model.onnx"}

        starts: dict[str, list[float]] = {kind: [] for kind in models}
        for _ in range(5):
            for kind, place in models.items():
                starts[kind].append(start(place, clips[0]))
        medians = {kind: median(times) for kind, times in starts.items()}
        print(f"start: torch {medians['torch']:.2f} s, exported {medians['onnx']:.2f} s,", end=" ")
        print(f"ratio {medians['onnx'] / medians['torch']:.2f} (at most 0.33 wanted)")

        for seconds in (SHORT, LONG):
            long_recording(folder / f"{seconds}.wav", clips, seconds)
        for window in (0.0, 4.0):
            for kind, place in models.items():
                short, long = (
                    timed(place, clips[0], folder / f"{seconds}.wav", window) for seconds in (SHORT, LONG)
                )
                how = f"windows of {window:g} s, half overlapping" if window else "cut at pauses"
                print(
                    f"{kind}, {how}: {LONG / long['seconds']:.0f} times real time on one processor (300 wanted),"
                )
                print(
                    f"    {short['peak']:.0f} MB for 3 minutes, {long['peak']:.0f} MB for 3 hours, "
                    f"ratio {long['peak'] / short['peak']:.3f} (at most 1.1 wanted)"
                )


if __name__ == "__main__":
    main()
