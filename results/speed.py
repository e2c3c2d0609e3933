"""The table of speeds, from the record that ``python -m benchmarks.all`` writes."""

import json
from pathlib import Path


def speed_table(record: Path) -> str:
    """How long work takes in units of what it is compared with: a row per comparison."""
    content = json.loads(record.read_text(encoding="utf-8"))
    lines = [
        "| work | against | its time | lowest and highest | wanted | of the machine's limit |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in content["rows"].items():
        wanted = "–" if row["wanted"] is None else f"{row['wanted']:.2f}"
        limit = f"{100 * row['limit']:.0f} %" if "limit" in row else "–"
        lines.append(
            f"| {name} | {row['against']} | {row['median']:.2f} | {row['low']:.2f} to {row['high']:.2f} "
            f"| {wanted} | {limit} |"
        )
    pairs = sorted({row["pairs"] for row in content["rows"].values()})
    versions = ", ".join(f"{package} {version}" for package, version in content["versions"].items())
    return "\n".join(
        [
            *lines,
            "",
            f"Median of {' or '.join(map(str, pairs))} pairs, measured alternately; time that the process had a "
            f"processor, by the clock where two threads are compared. {versions}.",
        ]
    )
