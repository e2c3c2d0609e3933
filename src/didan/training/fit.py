"""Training: a task and a configuration become a model."""

import hashlib
import logging
import platform
import resource
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from didan.corpora import Corpus, Recordings
from didan.corpora.task import Task, identical_files, make_task
from didan.errors import DidanWarning
from didan.frontends import FeatureSet, SpectrogramSettings, default_cache, extract, join, normalised
from didan.methods import AlignmentSettings, Setting, find_method
from didan.model import Model, Reference, network_outputs
from didan.networks import build_network
from didan.training.batches import Batches, hold_out
from didan.training.config import Config, make_config
from didan.training.module import Adaptation, ramp
from didan.training.workspace import Workspace

Progress = Callable[[str, int, int], None]
"""A hook told what is being done, and how many of how many parts of it are over."""

SELECTION = "last step; settings fixed beforehand, without target labels"

_SECONDS_BETWEEN_CHECKPOINTS = 10.0


def train(
    source: Corpus | Sequence[Corpus],
    target: Corpus | Recordings,
    method: str | None = None,
    *,
    config: Config | None = None,
    seed: int | None = None,
    emotions: Sequence[str] | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Model:
    """Train a recogniser on labelled sources and adapt it to a target without labels.

    The model is the one after the last step; nothing is chosen by looking at target labels.

    Args:
        source: one labelled corpus, or several.
        target: recordings without labels; a labelled corpus loses its labels before training sees it.
        method: a name from ``didan.methods.METHODS``, with its default settings; ``config``'s if None.
        config: all settings; defaults if None.
        seed: replaces the configuration's.
        emotions: fewer emotions than source and target share, if wanted.
        out: model directory to write. While training lasts, what is needed to resume lies beside it in
            ``OUT.unfinished``.
        resume: continue what lies there, if anything does; the result is that of an uninterrupted run.
        cache: folder for features; the user's cache folder if None.
        progress: called after every utterance and step.

    Returns:
        The model.

    Raises:
        UserError: see :func:`didan.corpora.task.make_task` and :func:`didan.frontends.extract`; ``out`` is in
            use or cannot be written; what lies in ``OUT.unfinished`` was begun with other settings or data.
        KeyboardInterrupt: the user interrupted; with ``out``, ``resume`` continues.
    """
    config = _choose(config or make_config(), method, seed)
    task = make_task([source] if isinstance(source, Corpus) else list(source), target, emotions)
    workspace = Workspace(Path(out), resume) if out is not None else None
    try:
        data = _prepare(task, config, cache or default_cache(), progress)
        if workspace is not None:
            workspace.claim(data.identity(config))
        model = _fit(data, config, workspace, progress)
        if workspace is not None:
            model.save(workspace.out)
    except BaseException:
        if workspace is not None:
            workspace.leave()
        raise
    if workspace is not None:
        workspace.clear()
    return model


def _choose(config: Config, method: str | None, seed: int | None) -> Config:
    if method is not None and method != config.method:
        settings = find_method(method).settings()
        config = config.model_copy(update={"method": method, "method_settings": settings})
    return config if seed is None else config.model_copy(update={"seed": seed})


@dataclass(frozen=True)
class _Data:
    """A task with its features."""

    task: Task
    source: FeatureSet
    labels: npt.NDArray[np.integer]
    target: FeatureSet

    def identity(self, config: Config) -> dict[str, Any]:
        """What a resumed training must have in common with the one that began."""

        def digest(features: FeatureSet) -> str:
            return hashlib.blake2b("".join(features.contents["file"]).encode(), digest_size=8).hexdigest()

        return {
            "settings": config.model_dump(mode="json"),
            "emotions": list(self.task.emotions),
            "source": digest(self.source),
            "target": digest(self.target),
        }


def _prepare(task: Task, config: Config, cache: Path, progress: Progress | None) -> _Data:
    def features(recordings: Recordings) -> FeatureSet:
        def hook(done: int, total: int) -> None:
            if progress:
                progress(f"features of {recordings.name}", done, total)

        extracted = extract(recordings, config.frontend, cache, progress=hook)
        return normalised(recordings, extracted.files, extracted.contents, config.normalisation)

    source = join([features(corpus.unlabelled()) for corpus in task.sources])
    target = features(task.target)
    class_of = {emotion: index for index, emotion in enumerate(task.emotions)}
    labels = task.source_table["emotion"].map(class_of).to_numpy(dtype=np.int64, copy=True)
    copies = identical_files(source.contents, target.contents, [str(f) for f in task.target.table["file"]])
    if copies:
        warnings.warn(
            f"{len(copies)} target recordings are in the source too (first: {copies[0]}); "
            "results on them say nothing about adaptation",
            DidanWarning,
            stacklevel=2,
        )
    return _Data(replace(task, leakage=replace(task.leakage, identical_files=copies)), source, labels, target)


def _fit(data: _Data, config: Config, workspace: Workspace | None, progress: Progress | None) -> Model:
    begun = time.perf_counter()
    n_bands, n_emotions = data.source.raw(0).shape[1], len(data.task.emotions)
    settings = config.optimisation
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(config.seed)
        network = build_network(
            config.network_name, n_bands, n_emotions, config.network.dropout, config.network.weights
        )
        widths: dict[str, int] = network.widths  # type: ignore[assignment]
        known = Setting(torch.from_numpy(data.labels), data.task.emotions, widths, settings.loss)
        term = find_method(config.method).build(config.method_settings, known)
        held_out = hold_out(data.labels, settings.validation, config.seed)
        batches = Batches(
            data.source,
            data.labels,
            data.target if term is not None else None,
            settings.batch_size,
            _frames_per_crop(config),
            config.seed,
            range(settings.steps),
            held_out,
        )
        adaptation = Adaptation(network, term, _schedule(config), settings, batches, config.seed)
        _run(adaptation, settings.steps, workspace, progress)
    network = network.cpu().eval()
    reference = Reference(_reference_table(data, held_out), network_outputs(network, data.source).embeddings)
    seconds = time.perf_counter() - begun
    return Model(
        config,
        data.task.emotions,
        network,
        data.target.overall(),
        reference,
        pd.DataFrame(adaptation.history),
        _record(data, config, seconds),
    )


def _schedule(config: Config) -> Callable[[float], float]:
    aligned = config.method_settings
    if not isinstance(aligned, AlignmentSettings):
        return lambda progress: 0.0
    return lambda progress: aligned.trade_off * ramp(progress, aligned.ramp)


def _frames_per_crop(config: Config) -> int:
    if isinstance(config.frontend, SpectrogramSettings):
        return max(round(config.optimisation.crop / config.frontend.hop), 1)
    return 1


def _run(adaptation: Adaptation, steps: int, workspace: Workspace | None, progress: Progress | None) -> None:
    checkpoint = workspace.checkpoint if workspace is not None and workspace.checkpoint.exists() else None
    with _quiet_lightning():
        trainer = pl.Trainer(
            max_steps=steps,
            accelerator="auto",
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


def _reference_table(data: _Data, held_out: npt.NDArray[np.bool_]) -> pd.DataFrame:
    table = data.task.source_table[["file", "start", "end", "corpus", "speaker", "emotion"]]
    return table.assign(
        digest=data.source.contents["file"], audio=data.source.contents["audio"], validation=held_out
    )


def _record(data: _Data, config: Config, seconds: float) -> dict[str, Any]:
    return {
        "sources": [corpus.name for corpus in data.task.sources],
        "target": data.task.target.name,
        "n_source": len(data.source),
        "n_target": len(data.target),
        "selection": SELECTION,
        "leakage": data.task.leakage.as_dict(),
        "seconds": round(seconds, 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "versions": {name: version(name) for name in ("didan", "torch", "lightning", "numpy")},
        "hardware": {
            "processor": platform.processor() or platform.machine(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
    }
