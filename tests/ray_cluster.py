"""A real Ray cluster on this machine: a head, and a second node that dies half-way."""

import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

RAY = str(Path(sys.executable).with_name("ray"))


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def node(*arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    """A node in the foreground, in a group of its own so that it can be killed whole."""
    environment = {
        **os.environ,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_health_check_initial_delay_ms": "1000",
        "RAY_health_check_period_ms": "2000",
        "RAY_health_check_failure_threshold": "5",
    }
    with (folder / "ray.log").open("ab") as log:
        return subprocess.Popen(
            [RAY, "start", *arguments, "--num-cpus=1", "--disable-usage-stats", "--block"],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


@contextmanager
def two_nodes(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Address of the head, and the second node; both are there."""
    address = f"127.0.0.1:{free_port()}"
    short = Path("/tmp") / f"didan-ray-{os.getpid()}"  # paths of sockets must be short
    head = node(
        "--head",
        f"--port={address.rpartition(':')[2]}",
        "--node-ip-address=127.0.0.1",
        "--include-dashboard=false",
        f"--temp-dir={short}",
        folder=tmp_path,
    )
    second = None
    try:
        wait_until(lambda: connects(address), 300)
        second = node(f"--address={address}", "--node-ip-address=127.0.0.1", folder=tmp_path)
        wait_for_nodes(address, 2)
        yield address, second
    finally:
        for process in (second, head):
            if process is not None:
                kill(process)
        shutil.rmtree(short, ignore_errors=True)


def connects(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True


def wait_until(condition: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.2)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a node and everything that it has started, as a power cut would."""
    family = [process.pid]
    for pid in family:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                family += map(int, task.read_text().split())
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def wait_for_nodes(address: str, number: int) -> None:
    ray: Any = importlib.import_module("ray")
    ray.init(address, logging_level="ERROR")
    try:
        wait_until(lambda: sum(node["Alive"] for node in ray.nodes()) == number, 300)
    finally:
        ray.shutdown()
