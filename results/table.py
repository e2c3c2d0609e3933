"""Make the README's table of results from the benchmark's records.

python -m results.table            # rewrites the part of README.md between the two markers
python -m results.table --check    # only says whether it is up to date
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from didan.benchmark import read_records
from didan.benchmark.cells import BASELINES, Benchmark, Cell
from didan.benchmark.comparisons import against
from didan.benchmark.tables import summary

RESULTS = Path(__file__).parent / "benchmark"
README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- results: made by `python -m results.table` -->", "<!-- end of results -->"
COLUMNS = {
    "spectrogram": "log-mel spectrograms",
    "functionals": "eGeMAPS functionals",
    "pooled": "pooled spectrograms",
}


def make_table(benchmark: Benchmark) -> str:
    """Mean UAR over all tasks as Markdown: a row per method, a column per kind of features."""
    columns = [kind for kind in COLUMNS if kind in benchmark.features]
    methods = list(dict.fromkeys(method for kind in columns for method in benchmark.cells[kind]))
    methods.sort(key=lambda method: method in benchmark.oracles)
    lines = [
        f"| mean UAR over {len(benchmark.tasks)} tasks, in % | {' | '.join(COLUMNS[kind] for kind in columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for method in methods:
        name = f"{method} (oracle: trained on target labels)" if method in benchmark.oracles else method
        cells = [_mean(benchmark.on_all_tasks(kind, method)) for kind in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    chance = np.mean([100 / len(cell.runs[0]["emotions"]) for cell in _one_method(benchmark)])
    lines.append(f"| chance | {' | '.join(f'{chance:.1f}' for _ in columns)} |")
    selections = sorted({run["selection"] for run in benchmark.records if not run["oracle"]})
    seeds = {kind: max(len(cell.runs) for cell in _cells(benchmark, kind)) for kind in columns}
    counted = ", ".join(f"{COLUMNS[kind]} {n}" for kind, n in seeds.items())
    return "\n".join(
        [
            *lines,
            "",
            f"Mean ± standard deviation over seeds ({counted}; methods without randomness have one). "
            f"Model selection: {'; '.join(selections)}.",
            *(f"\n{COLUMNS[kind]}: {line}" for kind in columns for line in _tests(benchmark, kind)),
        ]
    )


def _tests(benchmark: Benchmark, kind: str) -> list[str]:
    """What the paired tests say against the baseline."""
    lines = [summary(against(benchmark, kind, name)) for name in benchmark.references(kind) if name in BASELINES]
    return [f"{line[0].lower()}{line[1:]}" for line in lines]


def _mean(cells: list[Cell]) -> str:
    """Mean over tasks and seeds, and the spread over seeds of the mean over tasks."""
    if not cells:
        return "–"
    seeds = sorted(set.intersection(*(set(cell.uars) for cell in cells)))
    means = [100 * np.mean([cell.uars[seed] for cell in cells]) for seed in seeds]
    spread = f" ± {np.std(means, ddof=1):.1f}" if len(means) > 1 else ""
    return f"{np.mean(means):.1f}{spread}"


def _cells(benchmark: Benchmark, kind: str) -> list[Cell]:
    return [cell for by_task in benchmark.cells[kind].values() for cell in by_task.values()]


def _one_method(benchmark: Benchmark) -> list[Cell]:
    """The cells of some method that has all tasks."""
    return max(
        (list(by_task.values()) for kind in benchmark.features for by_task in benchmark.cells[kind].values()),
        key=len,
    )


def main() -> None:
    """Rewrite or check the README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    new = f"{before}{BEGIN}\n\n{make_table(Benchmark(read_records(RESULTS)))}\n\n{END}{after}"
    if arguments.check:
        sys.exit(0 if new == text else "README.md: the table is not the one of the records")
    README.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
