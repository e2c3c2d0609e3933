"""A task with its features, normalised by voice and group."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from didan.corpora import Recordings
from didan.corpora.corpus import CHANNEL
from didan.corpora.emotions import class_indices
from didan.corpora.leakage import identical_files
from didan.errors import note
from didan.features import (
    MOODY,
    FeatureSet,
    FrontendSettings,
    NormalisationSettings,
    frame_period,
    join,
    load_features,
    mood_of_groups,
    voice_bands,
    voices_in,
)
from didan.model.config import Config
from didan.training.carried import Carried, carry
from didan.training.pair import DomainPair
from didan.training.task import Task
from didan.typing import Labels, Mask, Progress


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """A task with its features.

    Attributes:
        task: the task.
        source: features of the source.
        target: features of the target.
        carried: the source once more, as far as the target's line is narrower or noisier; None where it is not.
        mood: how much groups of the target differ in mood, None where that was not asked.
    """

    task: Task
    source: FeatureSet
    target: FeatureSet
    carried: Carried | None = None
    mood: float | None = None

    @property
    def labels(self) -> Labels:
        """Class index of each source utterance."""
        return class_indices(self.task.source_table, self.task.emotions)

    def pair(self, held_out: Mask) -> DomainPair:
        """Source and target as a network is trained on them.

        Args:
            held_out: source utterances not to train on, however they were carried, shape (n,).
        """
        source, rows = self.source, np.arange(len(self.source))
        if self.carried is not None:
            source, rows = join([source, self.carried.features]), np.concatenate([rows, self.carried.rows])
        return DomainPair(
            source=source.in_memory(),
            labels=self.labels[rows],
            domains=self.task.source_domains[rows],
            target=self.target.in_memory(),
            emotions=self.task.emotions,
            held_out=held_out[rows],
        )

    def identity(self, config: Config, initial: Mapping[str, Tensor] | None = None) -> dict[str, Any]:
        """What a resumed training must have in common with the one that began."""

        def digest(*columns: pd.Series) -> str:
            # As JSON: groups "1" and "11" are not "11" and "1", and no group is not one called "nan".
            parts = json.dumps([[None if pd.isna(part) else part for part in column] for column in columns])
            return hashlib.blake2b(parts.encode(), digest_size=8).hexdigest()

        def utterances(features: FeatureSet, table: pd.DataFrame) -> str:
            parts = [table[name] for name in ("start", "end", CHANNEL) if name in table.columns]
            return digest(features.contents["file"], *parts)

        weights = b"".join(tensor.numpy().tobytes() for tensor in (initial or {}).values())
        sides = [*(corpus.unlabelled() for corpus in self.task.sources), self.task.target]
        lines = {} if self.carried is None else self.carried.lines

        return {
            "settings": config.model_dump(mode="json"),
            "weights": hashlib.blake2b(weights, digest_size=8).hexdigest(),
            "emotions": list(self.task.emotions),
            "source": utterances(self.source, self.task.source_table),
            "target": utterances(self.target, self.task.target.table),
            "labels": digest(self.task.source_table["emotion"]),
            "groups": digest(*(side.groups for side in sides)),
            "lines": {name: line.model_dump(mode="json") for name, line in lines.items()},
        }


def load_data(
    task: Task, config: Config, cache: Path, *, ray: str | None = None, progress: Progress | None = None
) -> TrainingData:
    """Load the features of a task's sources and target, and see what they have in common.

    Args:
        task: of utterances that are :func:`didan.features.readable`, which makes their features.
        config: all settings.
        cache: folder for features.
        ray: address of a cluster to make those of carried utterances on, see :func:`carry`.
        progress: called after every one of these.
    """

    def features(recordings: Recordings) -> FeatureSet:
        return load_features(recordings, config.frontend, config.normalisation, cache)

    source = join([features(corpus.unlabelled()) for corpus in task.sources])
    sides = told_apart(source, features(task.target), config.frontend, config.normalisation, adapts=config.adapts)
    data = combine(task, *sides)
    recordings = [corpus.unlabelled() for corpus in task.sources]
    return replace(
        data, carried=carry(recordings, data.source, task.target, config, cache, ray=ray, progress=progress)
    )


def told_apart(
    source: FeatureSet,
    target: FeatureSet,
    frontend: FrontendSettings,
    settings: NormalisationSettings,
    *,
    adapts: bool,
) -> tuple[FeatureSet, FeatureSet]:
    """Source and target, each normalised by kind of voice, as far as settings and features allow.

    The kinds are those of both; without adaptation those of the source, since then training sees no target.
    """
    bands = voice_bands(frontend) if settings.voices else ()
    if bands:  # one vector per utterance, which are read here and need not be again
        source, target = source.in_memory(), target.in_memory()
    voices = voices_in([source, target] if adapts else [source], bands)
    return source.told_apart(voices), target.told_apart(voices)


def leave_moods(
    source: FeatureSet, target: FeatureSet, labels: Labels, settings: NormalisationSettings
) -> tuple[FeatureSet, FeatureSet, float | None]:
    """Source and target without groups, where those of the target differ in mood; and what was found, None where
    that is not asked.
    """
    if not settings.moods or settings.group == "none":
        return source, target, None
    found = mood_of_groups(source, labels, target)
    return (source, target, found) if found < MOODY else (source.ungrouped(), target.ungrouped(), found)


def ungrouped_if_moody(data: TrainingData, config: Config) -> tuple[TrainingData, Config]:
    """The same without groups, in the settings too, where those of the target differ in mood."""
    settings = config.normalisation
    if frame_period(config.frontend) is not None:
        return data, config
    source, target, found = leave_moods(data.source, data.target, data.labels, settings)
    data = replace(data, source=source, target=target, mood=found)
    if found is None or found < MOODY:
        return data, config
    if data.carried is not None:
        data = replace(data, carried=replace(data.carried, features=data.carried.features.ungrouped()))
    note(
        f"the groups of {data.task.target.name} (by {settings.group}) differ in mood and not in voice alone "
        f"({found:.2f}, where 0 is not at all): no group is normalised by its own statistics, which would take "
        "the mood away; normalisation.moods=false does it all the same"
    )
    return data, config.model_copy(update={"normalisation": settings.model_copy(update={"group": "none"})})


def combine(task: Task, source: FeatureSet, target: FeatureSet) -> TrainingData:
    """A task with its features; warns of recordings that source and target have in common."""
    copies = identical_files(source.contents, target.contents, [str(f) for f in task.target.table["file"]])
    if copies:
        note(
            f"{len(copies)} target recordings are in the source too (first: {copies[0]}); "
            "results on them say nothing about adaptation"
        )
    task = replace(task, leakage=replace(task.leakage, identical_files=copies))
    return TrainingData(task=task, source=source, target=target)
