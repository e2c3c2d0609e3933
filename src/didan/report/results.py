"""Run records put together: all seeds of one method on one task with the same features are one cell."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from didan.errors import UserError
from didan.evaluation.statistics import Floats, interval, resampled_uar, speaker_draws, speaker_shares

Record = Mapping[str, Any]

PROPOSED = "didan"
BASELINES = ("source-only", "svm-linear-corpus")
"""Methods without adaptation; the others are held against the first of them with the same features."""

_LEADERS = (*BASELINES, PROPOSED)


@dataclass(frozen=True, eq=False)
class Cell:
    """One method on one task.

    Attributes:
        features: what it was given, such as ``spectrogram``; only methods with the same are compared.
        method: its name.
        task: see :func:`task_name`.
        runs: its records, by seed.
        speakers: all speakers of the target, in an order common to all cells of that target.
        missing: seeds that the method has on another task and not on this one.
    """

    features: str
    method: str
    task: str
    runs: tuple[Record, ...]
    speakers: tuple[str, ...]
    missing: int

    @property
    def target(self) -> str:
        """Name of the target corpus."""
        return str(self.runs[0]["task"]["target"])

    @property
    def uars(self) -> dict[int, float]:
        """UAR by seed."""
        return {run["seed"]: run["uar"] for run in self.runs}

    @property
    def uar(self) -> float:
        """Mean over the seeds."""
        return float(np.mean(list(self.uars.values())))

    @cached_property
    def hits_and_counts(self) -> tuple[Floats, Floats] | None:
        """Means over the seeds, each of shape (speakers, emotions); None unless two speakers are known."""
        if len(self.speakers) < 2 or not all(run["speakers"] for run in self.runs):
            return None
        nothing = [0] * len(self.runs[0]["emotions"])
        hits, counts = (
            np.array([[r["speakers"].get(s, {key: nothing})[key] for s in self.speakers] for r in self.runs])
            for key in ("hits", "counts")
        )
        return hits.mean(axis=0), counts.mean(axis=0)

    @cached_property
    def shares(self) -> Floats | None:
        """What every speaker contributes to UAR, shape (speakers,)."""
        return None if self.hits_and_counts is None else speaker_shares(*self.hits_and_counts)

    @cached_property
    def resampled(self) -> Floats | None:
        """UAR of every resample of the speakers."""
        if self.hits_and_counts is None:
            return None
        return resampled_uar(*self.hits_and_counts, speaker_draws(self.target, len(self.speakers)))

    @property
    def interval(self) -> tuple[float, float]:
        """Of UAR, by resampling speakers; where they are unknown the mean of the intervals of the runs."""
        if self.resampled is not None:
            return interval(self.resampled)
        low, high = np.mean([run["uar_ci95"] for run in self.runs], axis=0)
        return float(low), float(high)

    def less(self, other: "Cell") -> tuple[Floats, Floats] | None:
        """What every speaker, and every resample, contributes to the difference from another method's UAR."""
        if self.shares is None or self.resampled is None or other.shares is None or other.resampled is None:
            return None
        return self.shares - other.shares, self.resampled - other.resampled

    def mean_of(self, *keys: str) -> float:
        """Mean over the seeds of an entry of the record; NaN where no run has it."""
        found = []
        for run in self.runs:
            value: Any = run
            for key in keys:
                value = value.get(key) if isinstance(value, Mapping) else None
            if value is not None and np.isfinite(value):
                found.append(value)
        return float(np.mean(found)) if found else float("nan")


class Benchmark:
    """The cells of some records.

    Attributes:
        records: in a canonical order.
        tasks: names.
        features: all there are.
        cells: by features, then method, then task.
        oracles: methods that were trained on target labels, which are upper bounds and no contenders.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.records = sorted(records, key=_key)
        if not self.records:
            raise UserError("there are no run records to report on")
        for one, other in zip(self.records, self.records[1:], strict=False):
            if _key(one) == _key(other):
                raise UserError(f"two records of the same run: {run_name(one)}; delete one of them")
        self.tasks = list(dict.fromkeys(task_name(run) for run in sorted(self.records, key=_task_key)))
        self.oracles = {run["method"] for run in self.records if run["oracle"]}
        speakers: dict[str, set[str]] = defaultdict(set)
        grouped: dict[tuple[str, str], dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
        for run in self.records:
            speakers[run["task"]["target"]].update(run["speakers"])
            grouped[run["features"], run["method"]][task_name(run)].append(run)
        self.features = sorted({features for features, _ in grouped})
        self.cells: dict[str, dict[str, dict[str, Cell]]] = {features: {} for features in self.features}
        for (features, method), parts in sorted(grouped.items(), key=lambda item: self._rank(*item[0])):
            seeds = {run["seed"] for runs in parts.values() for run in runs}
            self.cells[features][method] = {
                task: Cell(
                    features,
                    method,
                    task,
                    tuple(parts[task]),
                    tuple(sorted(speakers[parts[task][0]["task"]["target"]])),
                    len(seeds) - len(parts[task]),
                )
                for task in self.tasks
                if task in parts
            }

    def _rank(self, features: str, method: str) -> tuple[str, bool, int, str]:
        """Baselines come first, then DIDAN, then the others by name; oracles are last."""
        return (
            features,
            method in self.oracles,
            _LEADERS.index(method) if method in _LEADERS else len(_LEADERS),
            method,
        )

    def contenders(self, features: str) -> list[str]:
        """Methods that saw no target label."""
        return [method for method in self.cells[features] if method not in self.oracles]

    def references(self, features: str) -> tuple[str, ...]:
        """What methods are held against: the baseline, if there is one, and DIDAN, if it is there."""
        contenders = self.contenders(features)
        baselines = [method for method in BASELINES if method in contenders]
        return (*baselines[:1], *(method for method in (PROPOSED,) if method in contenders))

    def on_all_tasks(self, features: str, method: str) -> list[Cell]:
        """A method's cells if it has all tasks, else none: means over different tasks do not compare."""
        cells = list(self.cells[features].get(method, {}).values())
        return cells if len(cells) == len(self.tasks) else []

    def best(self, features: str) -> str | None:
        """The contender of the highest mean over all tasks, a choice that reads target labels."""
        means = {
            method: float(np.mean([cell.uar for cell in cells]))
            for method in self.contenders(features)
            if (cells := self.on_all_tasks(features, method))
        }
        return max(means, key=lambda method: means[method]) if means else None


def task_name(record: Record) -> str:
    """A task in words.

    >>> task_name({"task": {"sources": ["emodb", "casia"], "target": "ravdess"}})
    'emodb + casia → ravdess'
    """
    return f"{' + '.join(record['task']['sources'])} → {record['task']['target']}"


def run_name(record: Record) -> str:
    """A run in words."""
    return f"{record['method']} on {task_name(record)} with {record['features']}, seed {record['seed']}"


def _task_key(record: Record) -> tuple[list[str], str]:
    return list(record["task"]["sources"]), record["task"]["target"]


def _key(record: Record) -> tuple[str, str, list[str], str, int]:
    return record["features"], record["method"], *_task_key(record), record["seed"]
