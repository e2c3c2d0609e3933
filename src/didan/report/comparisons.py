"""Methods compared in pairs: differences in UAR, their intervals, and tests adjusted within families.

A family is all that is asked at once: every method against one reference, or all pairs, with the same features.
Methods that were trained on target labels are no part of any. See :mod:`didan.evaluation.statistics` for the test.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from didan.evaluation.statistics import Floats, holm, interval, sign_flip_p
from didan.report.results import Benchmark, Cell


@dataclass(frozen=True)
class Comparison:
    """A method less another one, on the tasks that both have.

    Attributes:
        method: the one.
        reference: the other.
        difference: in UAR, mean over the tasks, in [-1, 1].
        interval: of it, by resampling the speakers of each target; None where speakers are unknown.
        p: of the sign-flip test over speakers; None where speakers are unknown.
        p_holm: adjusted within the family.
        n_tasks: how many tasks were compared.
        n_better: on how many of them the method has the higher UAR.
        n_speakers: over whom the test was made.
    """

    method: str
    reference: str
    difference: float
    interval: tuple[float, float] | None
    p: float | None
    p_holm: float | None
    n_tasks: int
    n_better: int
    n_speakers: int

    @property
    def significant(self) -> bool:
        """Whether the adjusted p-value is below 5 %."""
        return self.p_holm is not None and self.p_holm < 0.05


def compare(cells: Sequence[Cell], others: Sequence[Cell]) -> Comparison | None:
    """Compare two methods on the tasks that both have.

    Where the speakers of only some targets are known, tasks of the other targets are left out.

    Args:
        cells: of the one method.
        others: of the reference.

    Returns:
        The comparison without an adjusted p-value, or None if no task is common.
    """
    by_task = {cell.task: cell for cell in others}
    pairs = [(cell, by_task[cell.task]) for cell in cells if cell.task in by_task]
    tested = [(one, *less) for one, other in pairs if (less := one.less(other)) is not None]
    if tested:
        pairs = [pair for pair in pairs if pair[0].less(pair[1]) is not None]
    if not pairs:
        return None
    differences = [one.uar - other.uar for one, other in pairs]
    found = Comparison(
        pairs[0][0].method,
        pairs[0][1].method,
        float(np.mean(differences)),
        None,
        None,
        None,
        len(pairs),
        sum(difference > 0 for difference in differences),
        0,
    )
    if not tested:
        return found
    # A speaker who is in several tasks is one draw: contributions add up (the test does not mind scale).
    by_target: dict[str, Floats] = {}
    for one, shares, _ in tested:
        by_target[one.target] = by_target.get(one.target, 0) + shares
    per_speaker = np.concatenate([by_target[target] for target in sorted(by_target)])
    resampled = np.mean([values for _, _, values in tested], axis=0)
    return replace(found, interval=interval(resampled), p=sign_flip_p(per_speaker), n_speakers=len(per_speaker))


def adjusted(family: Iterable[Comparison | None]) -> list[Comparison]:
    """The comparisons of a family that could be made, with p-values adjusted by Holm's method."""
    made = [comparison for comparison in family if comparison is not None]
    tested = [comparison for comparison in made if comparison.p is not None]
    p_holm = dict(zip(map(id, tested), holm([c.p for c in tested if c.p is not None]), strict=True))
    return [replace(comparison, p_holm=p_holm.get(id(comparison))) for comparison in made]


def against(benchmark: Benchmark, features: str, reference: str, task: str | None = None) -> list[Comparison]:
    """Every method against a reference, with the same features.

    Args:
        benchmark: the cells.
        features: what the methods were given.
        reference: method subtracted from the others.
        task: on this task alone; on all tasks if None.

    Returns:
        Those over most tasks first, and among them the largest difference; empty where the reference is missing.
    """
    cells = {
        method: [cell for cell in benchmark.cells[features][method].values() if task in (None, cell.task)]
        for method in benchmark.contenders(features)
    }
    others = cells.pop(reference, [])
    family = adjusted(compare(own, others) for own in cells.values())
    return sorted(family, key=lambda found: (-found.n_tasks, -found.difference, found.method))


def all_pairs(benchmark: Benchmark, features: str) -> list[Comparison]:
    """Every method against every other one, with the same features."""
    cells = benchmark.cells[features]
    pairs = itertools.combinations(benchmark.contenders(features), 2)
    return adjusted(compare(list(cells[other].values()), list(cells[one].values())) for one, other in pairs)


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
            for found in comparisons:
                low, high = found.interval or (np.nan, np.nan)
                rows.append(
                    {
                        "features": features,
                        "family": family,
                        "method": found.method,
                        "reference": found.reference,
                        "difference": 100 * found.difference,
                        "low": 100 * low,
                        "high": 100 * high,
                        "p": found.p,
                        "p_holm": found.p_holm,
                        "tasks": found.n_tasks,
                        "tasks_better": found.n_better,
                        "speakers": found.n_speakers,
                    }
                )
    columns = "features family method reference difference low high p p_holm tasks tasks_better speakers"
    return pd.DataFrame(rows, columns=columns.split())
