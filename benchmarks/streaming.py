"""What a stream costs: how soon a window is told, how much faster than the sound it is, and its memory.

    python -m benchmarks.streaming [--hours 3] [--record results/live/streaming.json]

`didan predict --stream` is sent sound through a pipe, up to the last sample of a window and no further, and the
time until its line is there is measured; then hours of sound as fast as it takes them.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import numpy as np
from results.live import streaming_table

from benchmarks.record import kept, record_parser
from benchmarks.serving import memory
from benchmarks.small_model import make_small_model
from didan.audio import RATE, read_audio

WINDOW, HOP = 3.0, 0.9
"""Seconds, whole frames of 30 ms."""

LINES = 200
"""Windows whose latency is measured."""


def started(model: Path) -> "subprocess.Popen[bytes]":
    """A process that reads a stream."""
    arguments = ["predict", str(model), "--stream", "--window", str(WINDOW), "--hop", str(HOP)]
    return subprocess.Popen(
        [sys.executable, "-m", "didan", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )


def latencies(model: Path, sound: bytes) -> list[float]:
    """Seconds from the last sample of each window to its line; the first, with the start of Python, left out."""
    process = started(model)
    assert process.stdin is not None
    assert process.stdout is not None
    found, sent = [], 0
    for number in range(LINES):
        complete = 2 * round((WINDOW + number * HOP) * RATE)
        _write(process.stdin, sound[sent:complete])
        begun = time.perf_counter()
        line = process.stdout.readline()
        found.append(time.perf_counter() - begun)
        assert abs(json.loads(line)["end"] - (WINDOW + number * HOP)) < 1e-3
        sent = complete
    process.communicate()
    return found[1:]


def flat_out(model: Path, minute: bytes, minutes: int) -> tuple[float, float, float]:
    """How many times faster than the sound it is, and MB after three minutes of it and at its end."""
    process = started(model)
    assert process.stdin is not None
    assert process.stdout is not None
    held: list[float] = []
    begun = time.perf_counter()

    def send() -> None:
        assert process.stdin is not None
        for _ in range(minutes):
            _write(process.stdin, minute)
        process.stdin.close()

    sender = threading.Thread(target=send)
    sender.start()
    early = 0.0
    for line in process.stdout:
        end = json.loads(line)["end"]
        if not early and end > 180:
            early = memory(process.pid)
        if end > 60 * minutes - 2 * WINDOW and not held:
            held.append(memory(process.pid))
    took = time.perf_counter() - begun
    sender.join()
    process.wait()
    return 60 * minutes / took, early, held[0]


def _write(pipe: object, content: bytes) -> None:
    """All of it: a pipe takes what it has room for."""
    rest = memoryview(content)
    while len(rest):
        rest = rest[pipe.write(rest) :]  # type: ignore[attr-defined]


def main() -> None:
    parser = record_parser(__doc__)
    parser.add_argument("--hours", type=float, default=3.0)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = make_small_model(folder)
        spoken = np.concatenate([read_audio(file) for file in target.table["file"]])
        sound = (np.clip(np.resize(spoken, 60 * RATE), -1, 1) * 32767).astype("<i2").tobytes()
        for place in (folder / "model.onnx", folder / "model"):
            soon = latencies(place, 4 * sound)
            faster, *held = flat_out(place, sound, round(60 * arguments.hours))
            rows.append(
                {
                    "model": "onnx" if place.suffix else "torch",
                    "median": median(soon),
                    "worst": max(soon),
                    "times_real_time": faster,
                    "mb": held,
                }
            )
    found = {"rows": rows, "window": WINDOW, "hop": HOP, "hours": arguments.hours}
    print(streaming_table(kept(found, arguments.record)))


if __name__ == "__main__":
    main()
