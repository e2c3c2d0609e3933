"""The table that plans features of 100,000 hours, from the record of ``python -m benchmarks.hours``."""

from typing import Any

HOURS = 100_000
CORES = 16
"""Of a machine."""


def hours_table(content: dict[str, Any]) -> str:
    """What features of so many hours cost: a row per kind."""
    columns = ("features", "an hour of speech", "core-hours", f"machines of {CORES} cores for a day", "disk")
    lines = [
        f"| {' | '.join(columns)} |",
        "|---|---|---|---|---|",
    ]
    for kind, row in content["an_hour"].items():
        core_hours = HOURS * row["seconds"] / 3600
        lines.append(
            f"| {kind} | {row['seconds']:.0f} s of one core, {row['bytes'] / 1e6:.1f} MB | {core_hours:,.0f} "
            f"| {core_hours / (24 * CORES):.1f} | {HOURS * row['bytes'] / 1e12:.2f} TB |"
        )
    versions = ", ".join(f"{package} {version}" for package, version in content["versions"].items())
    return "\n".join(
        [
            *lines,
            "",
            f"All but the second column for {HOURS:,} hours. Processor time of one thread, from 16-bit WAV files "
            f"to the store, utterances of {content['utterance']:.1f} s on average. {versions}.",
        ]
    )
