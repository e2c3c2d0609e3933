"""The loop: a network fitted to labelled source batches and aligned with target batches."""

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import lightning.pytorch as pl
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn

from didan.methods import AlignmentSettings, Setting, find_method
from didan.model.config import Config
from didan.networks import build_network
from didan.training.batches import Batches, Utterances
from didan.training.module import Adaptation, ramp
from didan.training.workspace import Workspace

Progress = Callable[[str, int, int], None]
"""A hook told what is being done, and how many of how many parts of it are over."""

_SECONDS_BETWEEN_CHECKPOINTS = 10.0


def fit_network(
    source: Utterances,
    labels: npt.NDArray[np.integer],
    target: Utterances,
    emotions: tuple[str, ...],
    config: Config,
    n_frames: int,
    held_out: npt.NDArray[np.bool_] | None = None,
    initial: Mapping[str, Tensor] | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> tuple[nn.Module, pd.DataFrame]:
    """Train a network, the last step's, with the method and settings of a configuration.

    Args:
        source: features of the source utterances.
        labels: class index of each, shape (n,).
        target: features of the target utterances.
        emotions: what the indices mean.
        config: all settings.
        n_frames: frames of an utterance seen per step.
        held_out: source utterances not to train on, shape (n,); none if None.
        initial: weights to begin with; drawn with the seed if None.
        workspace: where to keep what is needed to resume.
        progress: called after every step.

    Returns:
        The network, ready to predict, and its history, one row per step.

    Raises:
        KeyboardInterrupt: the user interrupted.
    """
    settings = config.optimisation
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(config.seed)
        network = build_network(
            config.network_name, source[0].shape[1], len(emotions), config.network.dropout, config.network.weights
        )
        if initial is not None:
            network.load_state_dict(initial)
        widths: dict[str, int] = network.widths  # type: ignore[assignment]
        known = Setting(torch.from_numpy(labels), emotions, widths, settings.loss)
        term = find_method(config.method).build(config.method_settings, known)
        batches = Batches(
            source,
            labels,
            target if term is not None else None,
            settings.batch_size,
            n_frames,
            config.seed,
            range(settings.steps),
            held_out,
        )
        adaptation = Adaptation(network, term, _schedule(config), settings, batches, config.seed)
        _run(adaptation, settings.steps, workspace, progress)
    return network.cpu().eval(), pd.DataFrame(adaptation.history)


def _schedule(config: Config) -> Callable[[float], float]:
    aligned = config.method_settings
    if not isinstance(aligned, AlignmentSettings):
        return lambda progress: 0.0
    return lambda progress: aligned.trade_off * ramp(progress, aligned.ramp)


def _run(adaptation: Adaptation, steps: int, workspace: Workspace | None, progress: Progress | None) -> None:
    checkpoint = workspace.checkpoint if workspace is not None and workspace.checkpoint.exists() else None
    with _quiet_lightning():
        trainer = pl.Trainer(
            max_steps=steps,
            # Not "auto", which takes Apple's: there is no float64 on it, which solvers and marginals need.
            accelerator="cuda" if torch.cuda.is_available() else "cpu",
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            reload_dataloaders_every_n_epochs=1,
            callbacks=[_Rounds(workspace, progress)],
        )
        try:
            trainer.fit(adaptation, ckpt_path=checkpoint, weights_only=True)
        except SystemExit as exit_:  # Lightning turns Ctrl-C into an exit
            raise KeyboardInterrupt from exit_
    if trainer.interrupted:
        raise KeyboardInterrupt
    if trainer.global_step < steps:
        raise RuntimeError(f"training stopped at step {trainer.global_step} of {steps}")


class _Rounds(pl.Callback):
    """Reports every step, and saves a checkpoint after a round once the last one is old enough."""

    def __init__(self, workspace: Workspace | None, progress: Progress | None) -> None:
        self.workspace, self.progress = workspace, progress
        self.saved = float("-inf")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any, **kwargs: Any
    ) -> None:
        if self.progress:
            self.progress("training", trainer.global_step, int(trainer.max_steps))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        now = time.monotonic()
        if self.workspace is not None and now - self.saved > _SECONDS_BETWEEN_CHECKPOINTS:
            self.workspace.save(trainer)
            self.saved = now


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Without Lightning's hints about loggers, workers and hardware, which a user can do nothing about here."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
