"""Runs on a cluster of which a node dies half-way."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from didan.benchmark.cluster import on_cluster
from didan.benchmark.run import Run
from didan.errors import UserError
from ray_cluster import free_port, kill, two_nodes, wait_until

pytest.importorskip("ray", reason="Ray is not installed")

N_RUNS = 6


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


def test_nothing_is_lost_when_a_node_dies(tmp_path: Path) -> None:
    import ray

    cloudpickle: Any = ray.cloudpickle
    for module in (sys.modules[__name__], sys.modules[wait_until.__module__]):
        cloudpickle.register_pickle_by_value(module)  # workers cannot import a test
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

    outcomes = []
    with two_nodes(tmp_path) as (address, second):
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


def test_no_cluster_at_the_address_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="no Ray cluster answers there"):
        list(on_cluster(partial(slow_work, folder=Path()), [], f"127.0.0.1:{free_port()}"))
