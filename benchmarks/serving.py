"""What a service does under load: requests per second, latency and memory, on loopback.

    python -m benchmarks.serving [--record results/live/serving.json]

One client asks in turn, then 50 at once, twice, of an exported model and of one in torch. Every request is a clip
of about a second, sent as a file in a form. The clients share the processors of the machine with the service.
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
from results.live import serving_table

from benchmarks.record import kept, record_parser
from benchmarks.small_model import make_small_model

CLIENTS = 50
SECONDS = 20.0


@contextmanager
def service(model: Path) -> Iterator[tuple[int, str]]:
    """The number of a process that serves a model, and its address."""
    command = [sys.executable, "-m", "didan", "serve", "--api", str(model), "--port", "0"]
    process = subprocess.Popen([*command, "--max-waiting", str(2 * CLIENTS)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        yield process.pid, process.stderr.readline().partition(" ")[0]
    finally:
        process.terminate()
        process.communicate()


def memory(pid: int) -> float:
    """MB that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmRSS:\s*(\d+)", status)[0]) / 1024


async def load(address: str, clips: Sequence[bytes], clients: int, seconds: float) -> tuple[list[float], float]:
    """Latency in seconds of every request that so many clients make in turn, and how long all of it took."""
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def ask(number: int, client: httpx.AsyncClient) -> None:
        while time.perf_counter() < end:
            clip = clips[number % len(clips)]
            number += clients
            begun = time.perf_counter()
            answer = await client.post(f"{address}/v1/predict", files={"file": ("a.wav", clip)})
            answer.raise_for_status()
            latencies.append(time.perf_counter() - begun)

    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as client:
        begun = time.perf_counter()
        await asyncio.gather(*(ask(number, client) for number in range(clients)))
        return latencies, time.perf_counter() - begun


def under_load(folder: Path) -> list[dict[str, Any]]:
    """Latency and memory of both kinds of models, by number of clients."""
    clips = [Path(file).read_bytes() for file in make_small_model(folder).table["file"]]
    rows = []
    for place in (folder / "model.onnx", folder / "model"):
        with service(place) as (pid, address):
            asyncio.run(load(address, clips, 1, 1.0))  # what is made on first use
            for clients in (1, CLIENTS, CLIENTS):
                before = memory(pid)
                latencies, took = asyncio.run(load(address, clips, clients, SECONDS))
                rows.append(
                    {
                        "model": "onnx" if place.suffix else "torch",
                        "clients": clients,
                        "requests": len(latencies),
                        "seconds": took,
                        "median": median(latencies),
                        "percentile_99": quantiles(latencies, n=100)[98],
                        "mb": [before, memory(pid)],
                    }
                )
    return rows


def main() -> None:
    arguments = record_parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = {"rows": under_load(Path(name)), "processors": os.cpu_count()}
    print(serving_table(kept(found, arguments.record)))


if __name__ == "__main__":
    main()
