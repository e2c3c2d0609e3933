"""Training: a task and a configuration become a model."""

import hashlib
import resource
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import Tensor

from didan.corpora import Corpus, Recordings
from didan.corpora.emotions import class_indices
from didan.corpora.leakage import identical_files
from didan.errors import DidanWarning
from didan.features import FeatureSet, PackedFeatures, SpectrogramSettings, default_cache, join, load_features
from didan.hardware import hardware, versions
from didan.methods import MethodSettings, described, expected_shares, find_method
from didan.model.config import Config, make_config
from didan.model.trained import Model, Reference
from didan.networks import network_outputs
from didan.training.batches import hold_out
from didan.training.calibration import UNCALIBRATED, fit_temperature
from didan.training.loop import Progress, fit_network
from didan.training.task import Task, make_task
from didan.training.workspace import Workspace, unfinished

SELECTION = "last step; settings fixed beforehand, without target labels"


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
    carry: bool = False,
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
        carry: whether the model is to carry the features of the source along, so that it can be adapted anew where
            the source's recordings are not.
        cache: folder for features; the user's cache folder if None.
        progress: called after every utterance and step.

    Returns:
        The model.

    Raises:
        UserError: see :func:`didan.training.task.make_task`, :func:`didan.features.extract` and
            :func:`didan.methods.expected_shares`; ``out`` is in use or cannot be written; what lies in
            ``OUT.unfinished`` was begun with other settings or data.
        KeyboardInterrupt: the user interrupted; with ``out``, ``resume`` continues.
    """
    config = _choose(config or make_config(), method, seed)
    task = make_task([source] if isinstance(source, Corpus) else list(source), target, emotions)
    expected_shares(config.method_settings.told(), task.emotions)  # a mistake is known before features are made
    with unfinished(out, resume) as workspace:
        data = prepare(task, config, cache or default_cache(), progress)
        held_out = hold_out(data.labels, config.optimisation.validation, config.seed)
        if workspace is not None:
            workspace.claim(data.identity(config))
        model = fit_model(data, config, held_out, None, workspace, progress)
        if carry:
            packed = PackedFeatures.pack([data.source.raw(index) for index in range(len(data.source))])
            model.reference = replace(model.reference, features=packed)
        if workspace is not None:
            model.save(workspace.out)
    return model


def _choose(config: Config, method: str | None, seed: int | None) -> Config:
    if method is not None and method != config.method:
        settings = find_method(method).settings()
        config = config.model_copy(update={"method": method, "method_settings": settings})
    return config if seed is None else config.model_copy(update={"seed": seed})


@dataclass(frozen=True)
class TrainingData:
    """A task with its features."""

    task: Task
    source: FeatureSet
    labels: npt.NDArray[np.integer]
    target: FeatureSet

    def identity(self, config: Config, initial: Mapping[str, Tensor] | None = None) -> dict[str, Any]:
        """What a resumed training must have in common with the one that began."""

        def digest(features: FeatureSet) -> str:
            return hashlib.blake2b("".join(features.contents["file"]).encode(), digest_size=8).hexdigest()

        weights = b"".join(tensor.numpy().tobytes() for tensor in (initial or {}).values())
        return {
            "settings": config.model_dump(mode="json"),
            "weights": hashlib.blake2b(weights, digest_size=8).hexdigest(),
            "emotions": list(self.task.emotions),
            "source": digest(self.source),
            "target": digest(self.target),
        }


def prepare(task: Task, config: Config, cache: Path, progress: Progress | None) -> TrainingData:
    """Load the features of a task's sources and target, and see what they have in common."""

    def features(recordings: Recordings) -> FeatureSet:
        def hook(done: int, total: int) -> None:
            if progress:
                progress(f"features of {recordings.name}", done, total)

        return load_features(recordings, config.frontend, config.normalisation, cache, hook)

    return put_together(
        task, join([features(corpus.unlabelled()) for corpus in task.sources]), features(task.target)
    )


def put_together(task: Task, source: FeatureSet, target: FeatureSet) -> TrainingData:
    """A task with its features; warns of recordings that source and target have in common."""
    copies = identical_files(source.contents, target.contents, [str(f) for f in task.target.table["file"]])
    if copies:
        warnings.warn(
            f"{len(copies)} target recordings are in the source too (first: {copies[0]}); "
            "results on them say nothing about adaptation",
            DidanWarning,
            stacklevel=2,
        )
    task = replace(task, leakage=replace(task.leakage, identical_files=copies))
    return TrainingData(task, source, class_indices(task.source_table, task.emotions), target)


def fit_model(
    data: TrainingData,
    config: Config,
    held_out: npt.NDArray[np.bool_],
    initial: Mapping[str, Tensor] | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> Model:
    """Fit a network to a task and make a model of it.

    Args:
        data: the task with its features.
        config: all settings.
        held_out: source utterances not to train on, shape (n,), for calibration and label-free criteria.
        initial: weights to begin with; drawn with the seed if None.
        workspace: where to keep what is needed to resume.
        progress: called after every step.
    """
    begun = time.perf_counter()
    network, history = fit_network(
        data.source,
        data.labels,
        data.target,
        data.task.emotions,
        config,
        _frames_per_crop(config),
        held_out,
        initial,
        workspace,
        progress,
    )
    embeddings = network_outputs(network, data.source, data.source.lengths()).embeddings
    reference = Reference(_reference_table(data, held_out), embeddings)
    seconds = time.perf_counter() - begun
    return Model(
        config,
        data.task.emotions,
        network,
        data.target.overall(),
        reference,
        _temperature(embeddings["output"].numpy(), data.labels, held_out, config),
        history,
        _record(data, config, seconds),
    )


def _temperature(
    scores: npt.NDArray[np.float32],
    labels: npt.NDArray[np.integer],
    held_out: npt.NDArray[np.bool_],
    config: Config,
) -> float:
    if not held_out.any():
        return UNCALIBRATED[config.optimisation.loss]
    return fit_temperature(scores[held_out], labels[held_out])


def _frames_per_crop(config: Config) -> int:
    if isinstance(config.frontend, SpectrogramSettings):
        return max(round(config.optimisation.crop / config.frontend.hop), 1)
    return 1


def _reference_table(data: TrainingData, held_out: npt.NDArray[np.bool_]) -> pd.DataFrame:
    table = data.task.source_table[["file", "start", "end", "corpus", "speaker", "emotion"]]
    return table.assign(
        source=np.repeat(range(len(data.task.sources)), [len(corpus) for corpus in data.task.sources]),
        digest=data.source.contents["file"],
        audio=data.source.contents["audio"],
        validation=held_out,
    )


def _selection(settings: MethodSettings) -> str:
    told = settings.told()
    return f"{SELECTION}; told of the target: {described(told)}" if told else SELECTION


def _record(data: TrainingData, config: Config, seconds: float) -> dict[str, Any]:
    return {
        "sources": [corpus.name for corpus in data.task.sources],
        "target": data.task.target.name,
        "n_source": len(data.source),
        "n_target": len(data.target),
        "selection": _selection(config.method_settings),
        "leakage": data.task.leakage.as_dict(),
        "seconds": round(seconds, 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "versions": versions("didan", "torch", "lightning", "numpy"),
        "hardware": hardware(),
    }
