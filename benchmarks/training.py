"""What a training step costs: beside others' and skada's, and on two threads beside a busy process.

Features are random, of the size of functionals or of spectrograms. A step is measured as the difference of a long
and a short training, so that neither setting up nor what comes after counts.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import pandas as pd
import torch

from benchmarks.pairs import Work, clock_seconds, processor_seconds
from didan.extras import require
from didan.features import Domain, FeatureSet
from didan.model.config import make_config
from didan.training.loop import fit_network
from didan.training.pair import DomainPair

UTTERANCES, WIDTH, BATCH = 640, 552, 64
FRAMES, BANDS = 200, 64
EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness")
SHORT, LONG = 10, 40
"""Steps; multiples of an epoch of so many utterances."""


def vectors() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source and target vectors, shape (n, WIDTH), and the source's labels."""
    rng = np.random.default_rng(0)
    source, target = (rng.standard_normal((UTTERANCES, WIDTH)).astype(np.float32) for _ in range(2))
    return source, target, np.arange(UTTERANCES) % len(EMOTIONS)


def spectrograms(n: int = 2 * BATCH) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of source and target, shape (n, FRAMES, BANDS), and the source's labels."""
    rng = np.random.default_rng(0)
    source, target = (rng.standard_normal((n, FRAMES, BANDS), dtype=np.float32) for _ in range(2))
    return source, target, np.arange(n) % len(EMOTIONS)


def pair(source: np.ndarray, target: np.ndarray, labels: np.ndarray) -> DomainPair:
    """Domains of utterances of some frames each."""

    def domain(raw: np.ndarray) -> FeatureSet:
        own = Domain(groups=[None] * len(raw), shrinkage=0)
        return FeatureSet(raw=raw, domains=(own,), contents=pd.DataFrame())

    return DomainPair(
        source=domain(source),
        labels=labels,
        domains=np.zeros(len(labels), dtype=np.int64),
        target=domain(target),
        emotions=EMOTIONS,
        held_out=np.zeros(len(labels), dtype=bool),
    )


def didan_steps(method: str, settings: tuple[str, ...] = ()) -> Callable[[int], object]:
    """Trains so many steps with a method's defaults on functionals, batches of 64 + 64."""
    source, target, labels = vectors()
    return _steps(pair(source[:, None], target[:, None], labels), "functionals", method, settings)


def spectrogram_steps(method: str, settings: tuple[str, ...] = ()) -> Callable[[int], object]:
    """The same on spectrograms, with a backbone that learns from the first step."""
    learns = ("optimisation.backbone_rate=0.3", "optimisation.backbone_from=0")
    return _steps(pair(*spectrograms()), "spectrogram", method, (*learns, *settings))


def _steps(domains: DomainPair, frontend: str, method: str, settings: tuple[str, ...]) -> Callable[[int], object]:
    def train(steps: int) -> object:
        own = (f"optimisation.steps={steps}", f"optimisation.batch_size={BATCH}")
        return fit_network(domains, make_config(method, frontend, assignments=[*own, *settings]))

    return train


def skada_steps(method: str) -> Callable[[int], object]:
    """Trains so many steps of skada's ``DAN`` or ``DeepCoral``, through skorch: the same network and batches."""
    deep = require("skada.deep", "benchmark", "the comparison")
    source, target, labels = vectors()
    X = np.concatenate([source, target])
    y, domain = np.concatenate([labels, -np.ones_like(labels)]), np.repeat([1, -2], UTTERANCES)

    def train(steps: int) -> object:
        network = torch.nn.Sequential(
            *(torch.nn.Dropout(0.5), torch.nn.Linear(WIDTH, 64), torch.nn.ReLU()),
            *(torch.nn.Dropout(0.5), torch.nn.Linear(64, 64), torch.nn.ReLU()),
            *(torch.nn.Dropout(0.5), torch.nn.Linear(64, len(EMOTIONS))),
        )
        rival = getattr(deep, method)(
            network,
            layer_name="5",
            batch_size=BATCH,  # of each domain
            max_epochs=steps * BATCH // UTTERANCES,
            optimizer=torch.optim.AdamW,
            lr=1e-3,
            train_split=None,
            verbose=0,
        )
        return rival.fit(X, y, sample_domain=domain)

    return train


def a_step(
    train: Callable[[int], object], seconds: Callable[[Work], float] = processor_seconds, steps: int = LONG
) -> float:
    """Seconds of one step, given how many the long training has."""
    return (seconds(partial(train, steps)) - seconds(partial(train, SHORT))) / (steps - SHORT)


def on_threads(train: Callable[[int], object], threads: int) -> float:
    """Seconds by the clock of one step, on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)

    try:
        return a_step(train, clock_seconds)
    finally:
        torch.set_num_threads(before)


@contextmanager
def busy_process() -> Iterator[None]:
    """Something else takes a processor meanwhile."""
    other = multiprocessing.get_context("spawn").Process(target=_busy, daemon=True)
    other.start()
    try:
        yield
    finally:
        other.terminate()
        other.join()


def _busy() -> None:
    while True:
        sum(range(10**6))
