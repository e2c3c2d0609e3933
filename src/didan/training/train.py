"""Training: a task and a configuration become a model."""

import time
from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from didan.corpora import Corpus, Recordings
from didan.corpora.corpus import CHANNEL
from didan.errors import OnDamaged, UserError
from didan.features import (
    PackedFeatures,
    PretrainedSettings,
    default_cache,
    encoders_of,
    from_anywhere,
    readable,
)
from didan.features.extraction import AnyRecordings
from didan.hardware import accelerator, deterministic, hardware, peak_memory, versions
from didan.methods import assumed_prior, find_method, prior_in_words
from didan.model.config import Config, make_config, refuse_without_frames
from didan.model.directory import save
from didan.model.trained import SourceIndex, TrainedModel
from didan.networks import Network, ScoreLink, WhisperSettings
from didan.training.calibration import BETWEEN_CORPORA, fit_temperature
from didan.training.data import TrainingData, load_data, ungrouped_if_moody
from didan.training.loop import fit_network
from didan.training.pair import DomainPair, hold_out
from didan.training.processes import ALONE, Processes
from didan.training.sources import source_features
from didan.training.task import Task, make_task
from didan.training.workspace import Workspace, unfinished
from didan.typing import Floats, Labels, Mask, Progress

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
    include_source_features: bool = False,
    include_encoder: bool = False,
    cache: str | Path | None = None,
    ray: str | None = None,
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
    processes: Processes = ALONE,
) -> TrainedModel:
    """Train a recogniser on labelled sources and adapt it to a target without labels.

    The model is the one after the last step; nothing is chosen by looking at target labels.

    Args:
        source: one labelled corpus, or several.
        target: recordings without labels; a labelled corpus loses its labels before training sees it.
        method: a name from ``didan.methods.METHODS``, with its default settings; ``config``'s if None.
        config: all settings; defaults if None.
        seed: replaces the configuration's.
        emotions: fewer emotions than source and target share, if wanted.
        out: model directory to write. While training lasts, what is needed to resume is beside it in
            ``OUT.unfinished``.
        resume: continue from there, if there is anything; the result is that of an uninterrupted run.
        include_source_features: put the features of the source into the model, so that it can be adapted where the
            source's recordings are not.
        include_encoder: put the frontend's pretrained encoders into the model directory, so that it is complete.
        cache: folder for features; the user's cache folder if None.
        ray: address of a Ray cluster to make features on, see :func:`didan.features.extract`.
        progress: called after every utterance and step.
        on_damaged: called with the reason for an utterance that cannot be read or is silent, which is then left
            out; if None such utterances are an error.
        processes: that train the model together, each called with the same, see
            :func:`didan.training.processes.joined`; the first writes.

    Returns:
        The model.

    Raises:
        UserError: see :func:`didan.training.task.make_task`, :func:`didan.features.extract` and
            :func:`didan.methods.assumed_prior`; ``out`` is in use or cannot be written; what is in
            ``OUT.unfinished`` was begun with other settings or data; processes have other data than the first,
            or are more than a batch has utterances.
        KeyboardInterrupt: the user interrupted; with ``out``, ``resume`` continues.
    """
    config = _choose(config or make_config(), method, seed)
    refuse_without_frames(config)
    # What kind of network it is stays with the model, whichever method it is adapted by later.
    network = config.network.model_copy(update={"hierarchical": config.hierarchical})
    config = config.model_copy(update={"frontend": from_anywhere(config.frontend), "network": network})
    sources = [source] if isinstance(source, Corpus) else list(source)
    task = make_task(sources, target, emotions, group=config.normalisation.group)
    assumed_prior(config.class_prior, task.emotions)  # a mistake should surface before features are made
    if not config.needs_source:
        raise UserError(
            f"method {config.method} with method_settings.pretraining=0 begins with a trained network: use didan "
            "adapt, or let it train on the source for a share of the steps"
        )
    if processes.count > config.optimisation.batch_size:
        raise UserError(
            f"{processes.count} processes cannot share a batch of {config.optimisation.batch_size} utterances; "
            "start fewer, or raise optimisation.batch_size"
        )
    cache = Path(cache or default_cache())
    with unfinished(out if processes.first else None, resume) as workspace:
        with processes.first_ahead():
            task = _readable(task, config, cache, ray, progress, on_damaged)
            data, config = ungrouped_if_moody(load_data(task, config, cache, ray=ray, progress=progress), config)
            if workspace is not None:
                workspace.claim(data.identity(config))
        processes.refuse_other(data.identity(config))
        held_out = hold_out(data.labels, config.optimisation.validation, config.seed)
        model = fit_model(data, config, held_out, workspace=workspace, progress=progress, processes=processes)
        if include_source_features:
            packed = PackedFeatures.pack(data.source.raw)
            carried = data.carried.packed() if data.carried is not None and len(sources) == 1 else None
            model.source_index = replace(model.source_index, features=packed, carried=carried)
        model.includes_encoder = include_encoder
        if workspace is not None:
            save(model, workspace.out)
    return model


def _readable(
    task: Task,
    config: Config,
    cache: Path,
    ray: str | None,
    progress: Progress | None,
    on_damaged: OnDamaged | None,
) -> Task:
    """A task without the utterances that cannot be used."""

    def usable(recordings: AnyRecordings) -> AnyRecordings:
        return readable(recordings, config.frontend, cache, ray=ray, progress=progress, on_damaged=on_damaged)

    return replace(task, sources=tuple(map(usable, task.sources)), target=usable(task.target))


def _choose(config: Config, method: str | None, seed: int | None) -> Config:
    update: dict[str, Any] = {}
    if method is not None and method != config.method:
        chosen = find_method(method)
        update = {"method": method, "method_settings": chosen.settings(), "pseudo_labels": chosen.pseudo_labels}
    if seed is not None:
        update["seed"] = seed
    return config.model_copy(update=update)


def fit_model(
    data: TrainingData,
    config: Config,
    held_out: Mask,
    *,
    network: Network | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    processes: Processes = ALONE,
) -> TrainedModel:
    """Fit a network to a task and make a model of it.

    Args:
        data: the task with its features.
        config: all settings.
        held_out: source utterances not to train on, shape (n,), for calibration and label-free criteria.
        network: what to train, which is changed; one built for the configuration if None.
        workspace: where to keep what is needed to resume.
        progress: called after every step.
        processes: that fit the network together; the first has the workspace.

    Raises:
        UserError: training diverged.
    """
    begun = time.perf_counter()
    pair = data.pair(held_out)
    with deterministic() as varying:
        network, history = fit_network(
            pair, config, network=network, workspace=workspace, progress=progress, processes=processes
        )
        network.to(accelerator())  # where passes over all utterances belong as well
        embeddings = network.run(pair.source)[: len(data.source)].embeddings
        _refuse_diverged(embeddings["output"], config, workspace)
        (normaliser,) = network.heard(pair.target).normalisers
    network.cpu()
    return TrainedModel(
        config=config,
        emotions=data.task.emotions,
        network=network,
        normaliser=normaliser,
        source_index=SourceIndex(table=_source_table(data, held_out), embeddings=embeddings),
        temperature=_temperature(embeddings["output"].numpy(), data.labels, held_out, config),
        history=history,
        record=_record(data, config, time.perf_counter() - begun, varying),
    )


def refit_model(
    model: TrainedModel,
    data: TrainingData,
    config: Config,
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> TrainedModel:
    """Fit a trained model to a target by a method that does without the source.

    The temperature of its probabilities stays as it is. What its network now makes of the source is known only if
    the model includes features of it; else the source index has no embeddings any more, and nothing can be said
    that would compare the two.

    Args:
        model: the model, which is not changed.
        data: the task, without features of the source.
        config: all settings.
        workspace: where to keep what is needed to resume.
        progress: called after every step.

    Raises:
        UserError: training diverged.
    """
    begun = time.perf_counter()
    none = np.empty(0, dtype=np.int64)
    pair = DomainPair(
        source=data.source,
        labels=none,
        domains=none,
        target=data.target.in_memory(),
        emotions=model.emotions,
        held_out=none.astype(bool),
    )
    with deterministic() as varying:
        network, history = fit_network(
            pair, config, network=deepcopy(model.network), workspace=workspace, progress=progress
        )
        network.to(accelerator())
        _refuse_diverged(network.run(pair.target).scores, config, workspace)
        (normaliser,) = network.heard(pair.target).normalisers
        included = model.source_index.features is not None
        embeddings = network.run(source_features(model, (), Path())).embeddings if included else {}
    network.cpu()
    return replace(
        model,
        config=config,
        network=network,
        normaliser=normaliser,
        source_index=replace(model.source_index, embeddings=embeddings),
        history=history,
        record=_record(data, config, time.perf_counter() - begun, varying),
    )


def _refuse_diverged(scores: Tensor, config: Config, workspace: Workspace | None) -> None:
    if not scores.isfinite().all():
        if workspace is not None:
            workspace.clear()  # to resume it would lead to the same end
        raise UserError(
            "training diverged: the scores are no numbers, and nothing is written; lower "
            f"optimisation.learning_rate (now {config.optimisation.learning_rate:g})"
        )


def _temperature(scores: Floats, labels: Labels, held_out: Mask, config: Config) -> float:
    least = BETWEEN_CORPORA * ScoreLink(config.optimisation.loss).temperature
    return max(fit_temperature(scores[held_out], labels[held_out]), least) if held_out.any() else least


def _source_table(data: TrainingData, held_out: Mask) -> pd.DataFrame:
    whole = data.task.source_table
    columns = ["file", "start", "end", CHANNEL, "corpus", "speaker", "group", "emotion"]
    return whole[[column for column in columns if column in whole.columns]].assign(
        source=np.repeat(range(len(data.task.sources)), [len(corpus) for corpus in data.task.sources]),
        digest=data.source.contents["file"],
        audio=data.source.contents["audio"],
        validation=held_out,
    )


def selection_in_words(config: Config) -> str:
    """How a model with these settings is selected, and what it assumes of the target."""
    if not (config.class_prior and config.uses_class_prior):
        return SELECTION
    return f"{SELECTION}; assumed class prior of the target: {prior_in_words(config.class_prior)}"


def _encoders(config: Config) -> list[PretrainedSettings | WhisperSettings]:
    whisper = config.network.whisper
    return [*encoders_of(config.frontend), *([] if whisper is None else [whisper])]


def _record(data: TrainingData, config: Config, seconds: float, varying: Collection[str]) -> dict[str, Any]:
    return {
        "sources": [corpus.name for corpus in data.task.sources],
        "target": data.task.target.name,
        "left_out": data.task.left_out,
        "mood": None if data.mood is None else round(data.mood, 3),
        "lines": {name: line.in_words() for name, line in data.carried.lines.items()} if data.carried else {},
        "n_groups": data.target.n_groups,
        "n_source": len(data.task.source_table),
        "n_target": len(data.target),
        "selection": selection_in_words(config),
        "leakage": data.task.leakage.as_dict(),
        "encoders": [encoder.model_dump(mode="json") for encoder in _encoders(config)],
        "seconds": round(seconds, 2),
        "peak_memory_mb": peak_memory(),
        "versions": versions("didan", "torch", "lightning", "numpy"),
        "hardware": hardware(varying),
    }
