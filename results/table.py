"""Make the tables of results in README and documentation from the records of benchmarks.

python -m results.table            # rewrites what is between the two markers of each page
python -m results.table --check    # only says whether it is up to date
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from didan.benchmark import read_records
from didan.benchmark.cells import BASELINES, Benchmark
from didan.benchmark.comparisons import against
from didan.benchmark.frames import MEAN, results_frame
from didan.benchmark.tables import summary

RESULTS = Path(__file__).parent / "benchmark"
ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = {README: RESULTS, ROOT / "docs" / "experiments" / "claim.md": Path(__file__).parent / "per-speaker"}
BEGIN, END = "<!-- results: made by `python -m results.table` -->", "<!-- end of results -->"
COLUMNS = {
    "spectrogram": "log-mel spectrograms",
    "functionals": "functionals",
    "pooled": "pooled spectrograms",
}


def make_table(benchmark: Benchmark) -> str:
    """Mean UAR over all tasks as Markdown: a row per method, a column per kind of features."""
    columns = [kind for kind in COLUMNS if kind in benchmark.features]
    methods = list(dict.fromkeys(method for kind in columns for method in benchmark.cells[kind]))
    methods.sort(key=lambda method: method in benchmark.oracles)
    frame = results_frame(benchmark)
    means = {(row["features"], row["method"]): _text(row) for _, row in frame[frame["task"] == MEAN].iterrows()}
    lines = [
        f"| mean UAR over {len(benchmark.tasks)} tasks, in % | {' | '.join(COLUMNS[kind] for kind in columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for method in methods:
        name = f"{method} (oracle: trained on target labels)" if method in benchmark.oracles else method
        cells = [means.get((kind, method), "–") for kind in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    chance = frame.groupby("task")["chance"].first().mean()
    lines.append(f"| chance | {' | '.join(f'{chance:.1f}' for _ in columns)} |")
    said = {run["selection"] for run in benchmark.records if not run["oracle"]}
    # Networks name the step as well; what they say after that is what methods without steps say.
    selections = sorted(one for one in said if not any(one in other and one != other for other in said))
    seeds = frame.groupby("features")["seeds"].max()
    counted = ", ".join(f"{COLUMNS[kind]} {seeds[kind]:.0f}" for kind in columns)
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


def _text(mean: "pd.Series[float]") -> str:
    """Mean over tasks and seeds, and the spread over seeds of the mean over tasks."""
    spread = f" ± {mean['uar_sd']:.1f}" if np.isfinite(mean["uar_sd"]) else ""
    return f"{mean['uar']:.1f}{spread}"


def main() -> None:
    """Rewrite or check the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    for page, folder in PAGES.items():
        text = page.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        new = f"{before}{BEGIN}\n\n{make_table(Benchmark(read_records(folder)))}\n\n{END}{after}"
        if not arguments.check:
            page.write_text(new, encoding="utf-8")
        elif new != text:
            sys.exit(f"{page.name}: the table is not the one of the records")


if __name__ == "__main__":
    main()
