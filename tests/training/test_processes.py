"""Two processes that torchrun starts learn what one learns.

Both compute with 64 bits here: with 32, rounding grows within some dozens of steps to more than what is asserted.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from didan.corpora import Corpus
from didan.errors import UserError
from didan.model.config import make_config
from didan.model.directory import load
from didan.model.trained import TrainedModel
from didan.training.module import REFRESH
from didan.training.processes import Processes
from didan.training.train import train
from helpers import table_of

CLOSE = 1e-5

LEARNING = ("--set", "optimisation.backbone_rate=0.3", "--set", "optimisation.backbone_from=0.1")

CHANGED = """
from functools import partial
from itertools import count

import didan.training.loop as loop
from didan.cli import main
from didan.networks.network import Ensemble
from didan.training.processes import Processes

build, forward = loop.build_network, Ensemble.forward
loop.build_network = lambda *settings, **named: build(*settings, **named).double()
Ensemble.forward = lambda self, x: forward(self, x.to(self.output.weight))
loop.pl.Trainer = partial(loop.pl.Trainer, precision="64-true")

steps, whole, add_gradients = count(1), Processes.whole, Processes.add_gradients


def failing(self, **weights):
    if next(steps) == 35 and self.number == 1:
        raise MemoryError("no more")
    add_gradients(self, **weights)


{change}
if __name__ == "__main__":
    main()
"""


class Trainer:
    """Trains on the tiny corpora until vectors have been made anew, once, while the backbone learns."""

    def __init__(self, corpora: tuple[Corpus, Corpus], cache: Path, folder: Path) -> None:
        source, target = map(table_of, corpora)
        self.folder, self.together = folder, folder / "together"
        self.command = ["train", "--source", source, "--target", target, "--cache", str(cache)]
        self.command += ["--frontend", "spectrogram", "--set", f"optimisation.steps={REFRESH + 10}"]
        self.command += ["--set", "optimisation.batch_size=9"]  # which two do not share evenly
        self.command += ["--set", "pseudo_labels.weight=1", "--set", "pseudo_labels.every=10"]

    def in_one(self, alone: Path, *settings: str) -> TrainedModel:
        """What one process learns."""
        done = self._run([sys.executable, self._script("")], settings, alone)
        assert done.returncode == 0, done.stderr
        return load(alone)

    def in_two(self, *settings: str, change: str = "") -> subprocess.CompletedProcess[str]:
        """Let two processes learn, after a change to what they do."""
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        return self._run([*torchrun, self._script(change)], settings, self.together)

    def _script(self, change: str) -> str:
        script = self.folder / "script.py"
        script.write_text(CHANGED.format(change=change), encoding="utf-8")
        return str(script)

    def _run(self, program: list[str], settings: Sequence[str], out: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *self.command, *settings, "--out", str(out)],
            capture_output=True,
            text=True,
            timeout=600,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )


@pytest.fixture
def trainer(tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path: Path) -> Trainer:
    return Trainer(tiny_corpora, session_cache, tmp_path)


@pytest.fixture(scope="module")
def alone(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> TrainedModel:
    """What one process learns where the backbone does."""
    folder = tmp_path_factory.mktemp("alone")
    return Trainer(tiny_corpora, session_cache, folder).in_one(folder / "model", *LEARNING)


def weights_apart(one: TrainedModel, other: TrainedModel) -> dict[str, float]:
    """How far apart weights are, each tensor's root mean square.

    Except what has no effect: attention weighs keys against one another, so what is added to all is nothing to it.
    The gradient there is 0 but for rounding, and Adam makes steps of that.
    """
    theirs, apart = other.network.state_dict(), {}
    for name, weights in one.network.state_dict().items():
        difference = weights - theirs[name]
        if name.endswith("in_proj_bias"):  # of queries, keys and values
            queries, _, values = difference.chunk(3)
            difference = torch.cat([queries, values])
        apart[name] = float(difference.square().mean().sqrt())
    return apart


def assert_same(one: TrainedModel, other: TrainedModel) -> None:
    assert list(one.history) == list(other.history)
    np.testing.assert_allclose(one.history, other.history, rtol=CLOSE, atol=CLOSE)
    assert max(weights_apart(one, other).values()) < CLOSE


def test_two_processes_learn_what_one_learns(trainer: Trainer, alone: TrainedModel) -> None:
    made = trainer.in_two(*LEARNING)
    assert made.returncode == 0, made.stderr
    assert made.stderr.count("didan evaluate") == made.stderr.count("method ") == 1  # the first alone speaks
    assert_same(load(trainer.together), alone)
    assert sorted(path.name for path in trainer.folder.iterdir()) == ["script.py", "together"]


@pytest.mark.parametrize("method", ["hda", "dann"])
def test_and_where_frames_are_aligned_or_the_method_learns(method: str, trainer: Trainer) -> None:
    settings = ("--method", method, *(() if method == "hda" else LEARNING))
    made = trainer.in_two(*settings)
    assert made.returncode == 0, made.stderr
    assert_same(load(trainer.together), trainer.in_one(trainer.folder / "alone", *settings))


def test_each_with_its_own_gradients_does_not(trainer: Trainer, alone: TrainedModel) -> None:
    made = trainer.in_two(*LEARNING, change="Processes.add_gradients = lambda self, of_share, of_whole: None")
    assert made.returncode == 0, made.stderr
    assert max(weights_apart(load(trainer.together), alone).values()) > 100 * CLOSE


def test_where_one_fails_all_end_and_can_be_resumed(trainer: Trainer, alone: TrainedModel) -> None:
    often = "loop._SECONDS_BETWEEN_CHECKPOINTS = 0\n"
    failed = trainer.in_two(*LEARNING, change=f"{often}Processes.add_gradients = failing")
    assert failed.returncode != 0
    assert "MemoryError: no more" in failed.stderr
    assert "didan: another process of this training has ended" in failed.stderr
    assert not trainer.together.exists()
    resumed = trainer.in_two(*LEARNING, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert_same(load(trainer.together), alone)


def test_processes_with_other_data_are_refused(trainer: Trainer) -> None:
    change = """
import os
import sys

if os.environ["RANK"] == "1":
    sys.argv += ["--seed", "1"]
"""
    refused = trainer.in_two(*LEARNING, change=change)
    assert refused.returncode != 0
    assert "process 1 has other settings than the first" in refused.stderr
    assert sorted(path.name for path in trainer.folder.iterdir()) == ["script.py"]


def test_more_processes_than_utterances_of_a_batch_are_refused(tiny_corpora: tuple[Corpus, Corpus]) -> None:
    source, target = tiny_corpora
    config = make_config("didan", assignments=["optimisation.batch_size=2"])
    with pytest.raises(UserError, match="3 processes cannot share a batch of 2 utterances"):
        train(source, target, config=config, processes=Processes(0, 3))
