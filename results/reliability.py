"""Tables of what did not break, from the records of ``benchmarks.killed`` and ``benchmarks.fuzz``."""

from typing import Any

_CONTENTS = {
    "audio": "recordings",
    "table": "tables of utterances",
    "config": "settings",
    "audformat": "audformat databases",
    "model": "model directories",
    "onnx": "exported models",
    "encoder": "encoders, as downloaded",
    "records": "records of runs",
}


def killed_table(record: dict[str, Any]) -> str:
    """Commands that were killed and continued: a row per command."""
    lines = [
        "| command | killed | to its end | files | other, or left over | its processes end within |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in record["commands"].items():
        lines.append(
            f"| `didan {name}` | {row['kills']} times | {row['ended']} times | {row['files']} "
            f"| {', '.join(row['differences']) or 'none'} | {row['slowest_s_to_notice']:.1f} s |"
        )
    return "\n".join(lines)


def fuzz_table(record: dict[str, Any]) -> str:
    """Damaged files: a row per kind."""
    lines = [
        "| damaged | read | refused | faults | slowest | most memory |",
        "|---|---|---|---|---|---|",
    ]
    for kind, row in record["kinds"].items():
        lines.append(
            f"| {_CONTENTS[kind]} | {row['read']:,} | {row['refused']:,} | {row['fault']:,} "
            f"| {row['slowest_s']:.1f} s | {row['most_mb']} MB |"
        )
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return "\n".join([*lines, "", f"`{record['command']}`. {versions}."])
