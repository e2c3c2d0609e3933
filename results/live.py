"""Tables of what live use costs, from the records of ``benchmarks.serving`` and ``benchmarks.streaming``."""

from typing import Any


def serving_table(record: dict[str, Any]) -> str:
    """A service under load: a row per model and number of clients, in the order in which they asked."""
    columns = "model, clients, requests, per s, of one client, median ms, 99th percentile ms, MB before and after"
    lines = [
        f"| {columns.replace(', ', ' | ')} |",
        "|---|---|---|---|---|---|---|---|",
    ]
    alone: dict[str, float] = {}
    for row in record["rows"]:
        rate = row["requests"] / row["seconds"]
        first = alone.setdefault(row["model"], rate)
        before, after = row["mb"]
        lines.append(
            f"| {row['model']} | {row['clients']} | {row['requests']:,} | {rate:.0f} | {rate / first:.1f} × "
            f"| {1000 * row['median']:.0f} | {1000 * row['percentile_99']:.0f} | {before:.0f}, {after:.0f} |"
        )
    shared = f"{record['processors']} processors, which service and clients share"
    return "\n".join([*lines, "", f"Clips of about a second; {shared}. {_versions(record)}"])


def streaming_table(record: dict[str, Any]) -> str:
    """A stream: a row per model."""
    hours = f"{record['hours']:g} h"
    lines = [
        f"| model | latency, median ms | worst ms | times real time | MB after 3 minutes, after {hours} |",
        "|---|---|---|---|---|",
    ]
    for row in record["rows"]:
        early, late = row["mb"]
        lines.append(
            f"| {row['model']} | {1000 * row['median']:.0f} | {1000 * row['worst']:.0f} "
            f"| {row['times_real_time']:.0f} | {early:.0f}, {late:.0f} |"
        )
    windows = f"Windows of {record['window']:g} s, {record['hop']:g} s apart"
    return "\n".join([*lines, "", f"{windows}. {_versions(record)}"])


def _versions(record: dict[str, Any]) -> str:
    return ", ".join(f"{package} {version}" for package, version in record["versions"].items()) + "."
