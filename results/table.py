"""Make the README's table of results from the run records.

python -m results.table            # rewrites the part of README.md between the two markers
python -m results.table --check    # only says whether it is up to date
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from results.run import RECORDS

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- results: made by `python -m results.table` -->", "<!-- end of results -->"
ROWS = {
    "svm-linear": "eGeMAPS functionals, linear SVM",
    "svm-rbf": "eGeMAPS functionals, RBF SVM",
    "source-only": "spectrogram network, source-only",
    "didan": "spectrogram network, DIDAN",
}


def read_records(folder: Path) -> list[dict[str, Any]]:
    """All records, in the order of their names."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]


def make_table(records: list[dict[str, Any]]) -> str:
    """The results as Markdown: a row per method, a column per pair of corpora."""
    by_cell: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        by_cell[record["method"], f"{record['source']} → {record['target']}"].append(record)
    pairs = sorted({pair for _, pair in by_cell})
    methods = [method for method in ROWS if any((method, pair) in by_cell for pair in pairs)]
    lines = [
        f"| UAR in % | {' | '.join(pairs)} | mean |",
        f"|---|{'---|' * (len(pairs) + 1)}",
    ]
    averages = {}
    for method in methods:
        cells = [_cell(by_cell[method, pair]) for pair in pairs]
        means = [100 * np.mean([run["uar"] for run in by_cell[method, pair]]) for pair in pairs]
        averages[ROWS[method]] = float(np.mean(means))
        lines.append(f"| {ROWS[method]} | {' | '.join(cells)} | {averages[ROWS[method]]:.1f} |")
    lines.append(f"| chance | {' | '.join(_chance(by_cell, methods, pair) for pair in pairs)} | |")
    seeds = sorted({len(by_cell[m, p]) for m in methods if not m.startswith("svm") for p in pairs})
    gains = _gains(by_cell, pairs)
    return "\n".join(
        [
            *lines,
            "",
            "Mean ± standard deviation over "
            f"{' or '.join(map(str, seeds))} seeds; in brackets the 95 % interval of one run (the first seed) "
            "from resampling the target's speakers. Features of every method are normalised per corpus. All "
            "settings are defaults fixed beforehand, the model is the one after the last step, and target labels "
            "were read to keep the shared emotions and to evaluate. "
            f"{gains} Highest mean: {max(averages, key=lambda row: averages[row])}.",
        ]
    )


def _cell(runs: list[dict[str, Any]]) -> str:
    if not runs:
        return "–"
    first = min(runs, key=lambda run: run["seed"] or 0)
    low, high = (100 * end for end in first["uar_ci95"])
    values = [100 * run["uar"] for run in runs]
    spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{spread} ({low:.0f}–{high:.0f})"


def _chance(by_cell: dict[tuple[str, str], list[dict[str, Any]]], methods: list[str], pair: str) -> str:
    n_emotions = {len(run["emotions"]) for method in methods for run in by_cell[method, pair]}
    return " or ".join(f"{100 / n:.1f}" for n in sorted(n_emotions))


def _gains(by_cell: dict[tuple[str, str], list[dict[str, Any]]], pairs: list[str]) -> str:
    differences = []
    for pair in pairs:
        plain = {run["seed"]: run["uar"] for run in by_cell["source-only", pair]}
        differences += [
            100 * (run["uar"] - plain[run["seed"]]) for run in by_cell["didan", pair] if run["seed"] in plain
        ]
    if not differences:
        return ""
    better = sum(difference > 0 for difference in differences)
    return (
        f"DIDAN less source-only, seed by seed: {np.mean(differences):+.1f} points in the mean, "
        f"better in {better} of {len(differences)} paired runs."
    )


def main() -> None:
    """Rewrite or check the README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    new = f"{before}{BEGIN}\n\n{make_table(read_records(RECORDS))}\n\n{END}{after}"
    if arguments.check:
        sys.exit(0 if new == text else "README.md: the table is not the one of the records")
    README.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
