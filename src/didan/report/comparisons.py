"""Methods compared in pairs: differences in UAR, their intervals, and tests adjusted within families.

A family is all that is asked at once: every method against one reference, or all pairs, with the same features.
Methods that were trained on target labels belong to none. See :mod:`didan.evaluation.statistics` for the test.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from didan.evaluation.statistics import holm, sign_flip_p
from didan.metrics import Reals, interval
from didan.report.results import Benchmark, MethodResult


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A method minus a reference, on the tasks that both have.

    Attributes:
        method: its name.
        reference: name of the method subtracted from it.
        difference: in UAR, mean over the tasks, in [-1, 1].
        interval: of it, from resampling the speakers of each target; None where speakers are unknown.
        p: of the sign-flip test over speakers; None where speakers are unknown.
        p_holm: adjusted within the family.
        n_tasks: how many tasks were compared.
        n_better: on how many of them the method has the higher UAR.
        n_speakers: number of speakers tested.
    """

    method: str
    reference: str
    difference: float
    interval: tuple[float, float] | None = None
    p: float | None = None
    p_holm: float | None = None
    n_tasks: int
    n_better: int
    n_speakers: int = 0

    @property
    def significant(self) -> bool:
        """Whether the adjusted p-value is below 5 %."""
        return self.p_holm is not None and self.p_holm < 0.05


def compare(results: Sequence[MethodResult], references: Sequence[MethodResult]) -> Comparison | None:
    """Compare two methods on the tasks that both have.

    Where the speakers of only some targets are known, tasks of the other targets are left out.

    Args:
        results: of the method.
        references: results of the reference.

    Returns:
        The comparison without an adjusted p-value, or None if no task is common.
    """
    by_task = {result.task: result for result in references}
    pairs = [(result, by_task[result.task]) for result in results if result.task in by_task]
    tested = [
        (result, reference, *difference)
        for result, reference in pairs
        if (difference := result.minus(reference)) is not None
    ]
    if tested:
        pairs = [(result, reference) for result, reference, *_ in tested]
    if not pairs:
        return None
    differences = [result.uar - reference.uar for result, reference in pairs]
    comparison = Comparison(
        method=pairs[0][0].method,
        reference=pairs[0][1].method,
        difference=float(np.mean(differences)),
        n_tasks=len(pairs),
        n_better=sum(difference > 0 for difference in differences),
    )
    if not tested:
        return comparison
    # A speaker who is in several tasks is one draw: contributions add up (the test does not mind scale).
    by_target: dict[str, Reals] = {}
    for result, _, contributions, _ in tested:
        by_target[result.target] = by_target.get(result.target, 0) + contributions
    per_speaker = np.concatenate([by_target[target] for target in sorted(by_target)])
    resampled = np.mean([values for *_, values in tested], axis=0)
    return replace(
        comparison, interval=interval(resampled), p=sign_flip_p(per_speaker), n_speakers=len(per_speaker)
    )


def adjusted(family: Iterable[Comparison | None]) -> list[Comparison]:
    """The comparisons of a family that could be made, with p-values adjusted by Holm's method."""
    made = [comparison for comparison in family if comparison is not None]
    tested = [comparison for comparison in made if comparison.p is not None]
    p_holm = dict(zip(map(id, tested), holm([c.p for c in tested if c.p is not None]), strict=True))
    return [replace(comparison, p_holm=p_holm.get(id(comparison))) for comparison in made]


def against(benchmark: Benchmark, features: str, reference: str, task: str | None = None) -> list[Comparison]:
    """Every method against a reference, with the same features.

    Args:
        benchmark: the results.
        features: input of the methods.
        reference: method subtracted from the others.
        task: on this task alone; on all tasks if None.

    Returns:
        Those over most tasks first, and among them the largest difference; empty where the reference is missing.
    """
    results = {
        method: [result for result in benchmark.results[features][method].values() if task in (None, result.task)]
        for method in benchmark.contenders(features)
    }
    references = results.pop(reference, [])
    family = adjusted(compare(own, references) for own in results.values())
    return sorted(family, key=lambda comparison: (-comparison.n_tasks, -comparison.difference, comparison.method))


def all_pairs(benchmark: Benchmark, features: str) -> list[Comparison]:
    """Every method against every other one, with the same features."""
    results = benchmark.results[features]
    pairs = itertools.combinations(benchmark.contenders(features), 2)
    return adjusted(
        compare(list(results[method].values()), list(results[reference].values())) for reference, method in pairs
    )


def comparisons_frame(benchmark: Benchmark) -> pd.DataFrame:
    """All families, one comparison per row; differences in points of UAR.

    Families are ``against X`` over all tasks, ``against X on TASK``, and ``all pairs``.
    """
    rows = []
    for features in benchmark.features:
        references = benchmark.references(features)
        families = {f"against {r}": against(benchmark, features, r) for r in references}
        for reference, task in itertools.product(references, benchmark.tasks):
            families[f"against {reference} on {task}"] = against(benchmark, features, reference, task)
        families["all pairs"] = all_pairs(benchmark, features)
        for family, comparisons in families.items():
            for comparison in comparisons:
                low, high = comparison.interval or (np.nan, np.nan)
                rows.append(
                    {
                        "features": features,
                        "family": family,
                        "method": comparison.method,
                        "reference": comparison.reference,
                        "difference": 100 * comparison.difference,
                        "low": 100 * low,
                        "high": 100 * high,
                        "p": comparison.p,
                        "p_holm": comparison.p_holm,
                        "tasks": comparison.n_tasks,
                        "tasks_better": comparison.n_better,
                        "speakers": comparison.n_speakers,
                    }
                )
    columns = "features family method reference difference low high p p_holm tasks tasks_better speakers"
    return pd.DataFrame(rows, columns=columns.split())
