"""The loop: a network fitted to labelled source batches and aligned with target batches."""

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import lightning.pytorch as pl
import pandas as pd
import torch

from didan.features import SpectrogramSettings, augment
from didan.hardware import accelerator
from didan.methods import (
    AlignmentSettings,
    MethodContext,
    SourceFreeSettings,
    assumed_prior,
    assumed_priors,
    find_method,
)
from didan.model.config import Config
from didan.networks import Network, ScoreLink, build_network, suitable_threads
from didan.training.batches import Batches
from didan.training.module import Adaptation, Learning, Weights, ramp
from didan.training.pair import DomainPair
from didan.training.processes import ALONE, Processes
from didan.training.workspace import Workspace
from didan.typing import Progress

_SECONDS_BETWEEN_CHECKPOINTS = 10.0


def fit_network(
    pair: DomainPair,
    config: Config,
    *,
    network: Network | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    processes: Processes = ALONE,
) -> tuple[Network, pd.DataFrame]:
    """Train a network, the last step's, with the method and settings of a configuration.

    Args:
        pair: source and target.
        config: all settings.
        network: what to train, which is changed; one built for the configuration if None.
        workspace: where to keep what is needed to resume.
        progress: called after every step.
        processes: that train the network together; the first has the workspace.

    Returns:
        The network, ready to predict, and its history, one row per step.

    Raises:
        KeyboardInterrupt: the user interrupted.
    """
    settings = config.optimisation
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(config.seed)
        if network is None:
            network = build_network(
                config.frontend.kind,
                pair.n_bands,
                len(pair.emotions),
                config.network.dropout,
                config.network.whisper,
                members=config.network.members,
                hierarchical=config.hierarchical,
            )
        network.train()  # one that has predicted before is not in training, and Lightning leaves it so
        learning = Learning.of(network, settings)
        context = MethodContext(
            emotions=pair.emotions,
            widths=network.widths,
            link=ScoreLink(settings.loss),
            class_prior=assumed_prior(config.class_prior, pair.emotions),
            source_domains=torch.from_numpy(pair.domains),
            n_target=len(pair.target),
        )
        term = find_method(config.method).build(config.method_settings, context)
        priors = assumed_priors(config.class_prior, pair.emotions)
        augmentation = None
        if config.augmentation.does_anything and isinstance(config.frontend, SpectrogramSettings):
            augmentation = partial(augment, frontend=config.frontend, settings=config.augmentation)
        batches = Batches(
            pair,
            batch_size=settings.batch_size,
            n_frames=config.crop_frames,
            seed=config.seed,
            steps=range(settings.steps),
            with_target=config.adapts,
            augmentation=augmentation,
            from_step=0 if augmentation is not None else learning.first,
        )
        adaptation = Adaptation(network, term, _schedule(config), priors, config, batches, learning, processes)
        with suitable_threads(batches.from_step < settings.steps):
            _run(adaptation, settings.steps, workspace, progress)
    return network.cpu().eval(), pd.DataFrame(adaptation.history)


def _schedule(config: Config) -> Callable[[float], Weights]:
    aligned = config.method_settings
    if not isinstance(aligned, AlignmentSettings):
        return lambda progress: Weights(1.0, 0.0)
    if not isinstance(aligned, SourceFreeSettings):
        return lambda progress: Weights(1.0, aligned.trade_off * ramp(progress, aligned.ramp))

    def source_free(progress: float) -> Weights:
        if progress < aligned.pretraining:
            return Weights(1.0, 0.0)
        progress = (progress - aligned.pretraining) / (1 - aligned.pretraining)
        return Weights(0.0, aligned.trade_off * ramp(progress, aligned.ramp), aligned.rate)

    return source_free


def _run(adaptation: Adaptation, steps: int, workspace: Workspace | None, progress: Progress | None) -> None:
    checkpoint = workspace.checkpoint if workspace is not None and workspace.checkpoint.exists() else None
    with _quiet_lightning(), adaptation.processes.file_of_first(checkpoint) as checkpoint:
        trainer = pl.Trainer(
            max_steps=steps,
            accelerator=accelerator(),
            devices=[torch.cuda.current_device()] if torch.cuda.is_available() else 1,
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
