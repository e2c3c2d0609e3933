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
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from didan.benchmark.cluster import on_cluster
from didan.benchmark.run import Run
from didan.errors import UserError

pytest.importorskip("ray", reason="Ray is not installed")

RAY = str(Path(sys.executable).with_name("ray"))
N_RUNS = 6


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


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Address of the head, and the second node."""
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


def slow_work(run: Run, folder: Path) -> dict[str, Any]:
    """Leave a mark with the node's name; all but the first wait until they may go on."""
    import ray

    with (folder / f"{run.seed}").open("a") as file:
        file.write(ray.get_runtime_context().get_node_id() + "\n")
    if run.seed == N_RUNS - 1:
        raise UserError("this one cannot be done")
    if run.seed > 0:
        wait_until((folder.parent / "go").exists, 300)
    return {"seed": run.seed}


def test_nothing_is_lost_when_a_node_dies(cluster: tuple[str, subprocess.Popen[bytes]], tmp_path: Path) -> None:
    import ray

    address, second = cluster
    cloudpickle: Any = ray.cloudpickle
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test
    marks = tmp_path / "marks"
    marks.mkdir()
    runs = [
        Run(
            sources=("a",),
            target="b",
            features="spectrogram",
            name="didan",
            method="didan",
            seed=seed,
            settings={},
        )
        for seed in range(N_RUNS)
    ]
    wait_for_nodes(address, 2)

    outcomes = []
    for outcome in on_cluster(partial(slow_work, folder=marks), runs, address):
        outcomes.append(outcome)
        if len(outcomes) == 1:
            # One run under way on each node; the second node's is interrupted.
            wait_until(lambda: len(list(marks.iterdir())) == 3, 300)
            kill(second)
            (tmp_path / "go").touch()
    by_seed = {outcome.run.seed: outcome for outcome in outcomes}
    assert sorted(by_seed) == list(range(N_RUNS))
    assert len(outcomes) == N_RUNS
    for seed in range(N_RUNS - 1):
        assert by_seed[seed].record == {"seed": seed}
    assert by_seed[N_RUNS - 1].error == "this one cannot be done"
    nodes = {name for file in marks.iterdir() for name in file.read_text().split()}
    assert len(nodes) == 2, "both nodes took part"
    assert any(len(file.read_text().split()) > 1 for file in marks.iterdir()), "a run was begun again"


def wait_for_nodes(address: str, number: int) -> None:
    ray: Any = importlib.import_module("ray")
    ray.init(address, logging_level="ERROR")
    try:
        wait_until(lambda: sum(node["Alive"] for node in ray.nodes()) == number, 300)
    finally:
        ray.shutdown()


def test_no_cluster_at_the_address_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="no Ray cluster answers there"):
        list(on_cluster(partial(slow_work, folder=Path()), [], f"127.0.0.1:{free_port()}"))
