"""Run records by method and task: all seeds of a method on a task, with the same features, are one result."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from didan.errors import UserError
from didan.metrics import Reals, interval, resampled_uar, speaker_contributions, speaker_draws
from didan.records import Record

PROPOSED = "didan"
BASELINES = ("source-only", "svm-linear-corpus")
"""Methods without adaptation; the others are compared with the first of them with the same features."""

_LEADERS = (*BASELINES, PROPOSED)


@dataclass(frozen=True, eq=False, kw_only=True)
class MethodResult:
    """One method on one task.

    Attributes:
        features: its input, such as ``spectrogram``; only methods with the same are compared.
        method: its name.
        task: see :func:`task_name`.
        runs: its records, by seed.
        speakers: all speakers of the target, in an order common to all results for that target.
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
    def hits_and_counts(self) -> tuple[Reals, Reals] | None:
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
    def contributions(self) -> Reals | None:
        """How much every speaker contributes to UAR, shape (speakers,)."""
        return None if self.hits_and_counts is None else speaker_contributions(*self.hits_and_counts)

    @cached_property
    def resampled(self) -> Reals | None:
        """UAR of every resample of the target's speakers, for differences and for means over tasks."""
        if self.hits_and_counts is None:
            return None
        return resampled_uar(*self.hits_and_counts, speaker_draws(self.target, len(self.speakers)))

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Of UAR, from resampling the speakers of this task; of one run, it is the record's ``uar_ci95``.

        Where fewer than two speakers are known, it is the mean of the intervals of the runs.
        """
        if self.hits_and_counts is not None:
            hits, counts = self.hits_and_counts
            present = counts.any(axis=1)
            n_present = int(present.sum())
            if n_present > 1:
                return interval(
                    resampled_uar(hits[present], counts[present], speaker_draws(self.target, n_present))
                )
        low, high = np.mean([run["uar_ci95"] for run in self.runs], axis=0)
        return float(low), float(high)

    def minus(self, other: "MethodResult") -> tuple[Reals, Reals] | None:
        """What every speaker, and every resample, contributes to the difference from another method's UAR."""
        parts = (self.contributions, other.contributions, self.resampled, other.resampled)
        own, others, own_resampled, others_resampled = parts
        if own is None or others is None or own_resampled is None or others_resampled is None:
            return None
        return own - others, own_resampled - others_resampled

    def mean_of(self, *keys: str) -> float:
        """Mean over the seeds of an entry of the record; NaN where no run has it."""
        known = []
        for run in self.runs:
            value: Any = run
            for key in keys:
                value = value.get(key) if isinstance(value, Mapping) else None
            if value is not None and np.isfinite(value):
                known.append(value)
        return float(np.mean(known)) if known else float("nan")


class Benchmark:
    """The results of a benchmark.

    Attributes:
        records: in a canonical order.
        tasks: names.
        features: all there are.
        results: by features, then method, then task.
        oracles: methods that were trained on target labels, which are upper bounds and no contenders.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.records = sorted(records, key=_key)
        if not self.records:
            raise UserError("there are no run records to report on")
        for record, following in zip(self.records, self.records[1:], strict=False):
            if _key(record) == _key(following):
                raise UserError(f"two records of the same run: {run_in_words(record)}; delete one of them")
        self.tasks = list(dict.fromkeys(task_name(run) for run in sorted(self.records, key=_task_key)))
        self.oracles = {run["method"] for run in self.records if run["oracle"]}
        speakers: dict[str, set[str]] = defaultdict(set)
        grouped: dict[tuple[str, str], dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
        for run in self.records:
            speakers[run["task"]["target"]].update(run["speakers"])
            grouped[run["features"], run["method"]][task_name(run)].append(run)
        self.features = sorted({features for features, _ in grouped})
        self.results: dict[str, dict[str, dict[str, MethodResult]]] = {features: {} for features in self.features}
        for (features, method), by_task in sorted(grouped.items(), key=lambda item: self._rank(*item[0])):
            seeds = {run["seed"] for runs in by_task.values() for run in runs}
            self.results[features][method] = {
                task: MethodResult(
                    features=features,
                    method=method,
                    task=task,
                    runs=tuple(by_task[task]),
                    speakers=tuple(sorted(speakers[by_task[task][0]["task"]["target"]])),
                    missing=len(seeds) - len(by_task[task]),
                )
                for task in self.tasks
                if task in by_task
            }

    def _rank(self, features: str, method: str) -> tuple[str, bool, int, str]:
        """Baselines come first, then DIDAN, then the others by name; oracles are last."""
        leading = _LEADERS.index(method) if method in _LEADERS else len(_LEADERS)
        return features, method in self.oracles, leading, method

    def contenders(self, features: str) -> list[str]:
        """Methods that saw no target label."""
        return [method for method in self.results[features] if method not in self.oracles]

    def references(self, features: str) -> tuple[str, ...]:
        """The methods that others are compared with: the baseline and DIDAN, as far as they are there."""
        contenders = self.contenders(features)
        baselines = [method for method in BASELINES if method in contenders]
        return (*baselines[:1], *(method for method in (PROPOSED,) if method in contenders))

    def on_all_tasks(self, features: str, method: str) -> list[MethodResult]:
        """A method's results if it has all tasks, else none: means over different tasks do not compare."""
        results = list(self.results[features].get(method, {}).values())
        return results if len(results) == len(self.tasks) else []

    def best(self, features: str) -> str | None:
        """The contender with the highest mean over all tasks, a choice that reads target labels."""
        means = {
            method: float(np.mean([result.uar for result in results]))
            for method in self.contenders(features)
            if (results := self.on_all_tasks(features, method))
        }
        return max(means, key=lambda method: means[method]) if means else None


def task_name(record: Record) -> str:
    """A task in words.

    >>> task_name({"task": {"sources": ["emodb", "casia"], "target": "ravdess"}})
    'emodb + casia → ravdess'
    """
    return f"{' + '.join(record['task']['sources'])} → {record['task']['target']}"


def settings_of(record: Record) -> Mapping[str, Any]:
    """The settings of a run; of some old records nothing is known."""
    return {**(record.get("settings") or {}), **(record.get("identity") or {}).get("settings", {})}


def run_in_words(record: Record) -> str:
    """A run in words."""
    return f"{record['method']} on {task_name(record)} with {record['features']}, seed {record['seed']}"


def _task_key(record: Record) -> tuple[list[str], str]:
    return list(record["task"]["sources"]), record["task"]["target"]


def _key(record: Record) -> tuple[str, str, list[str], str, int]:
    return record["features"], record["method"], *_task_key(record), record["seed"]
