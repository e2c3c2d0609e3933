"""Tables of speeds, from the records that ``python -m benchmarks.all`` and ``benchmarks.gpu`` write."""

from typing import Any


def speed_table(content: dict[str, Any]) -> str:
    """How long work takes in units of what it is compared with: a row per comparison."""
    return _table(
        content,
        f"Median of {_pairs(content)} pairs, measured alternately; time that the process had a processor, by the "
        "clock where threads, processes or whole commands are compared.",
    )


def gpu_table(content: dict[str, Any]) -> str:
    """The same of a GPU."""
    return _table(
        content,
        f"{content['hardware']['gpu']} beside {content['processors']} processors. Median of {_pairs(content)} "
        "pairs, measured alternately, by the clock.",
    )


def _pairs(content: dict[str, Any]) -> str:
    return " or ".join(map(str, sorted({row["pairs"] for row in content["rows"].values()})))


def _table(content: dict[str, Any], how: str) -> str:
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
    versions = ", ".join(f"{package} {version}" for package, version in content["versions"].items())
    return "\n".join([*lines, "", f"{how} {versions}."])
