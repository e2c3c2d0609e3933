"""Run records: one small JSON file per run, which says everything that tables and reports are made of."""

import json
from pathlib import Path
from typing import Any

from didan.errors import UserError
from didan.files import written_whole

Record = dict[str, Any]


def write_record(record: Record, file: Path) -> None:
    """Write a record, whole or not at all.

    Raises:
        UserError: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {file.parent} ({error.strerror})") from error
    with written_whole(file) as partial:
        partial.write_text(json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n", encoding="utf-8")


def read_record(file: Path) -> Record:
    """Read a record.

    Raises:
        UserError: the file is no record.
    """
    try:
        record: Record = json.loads(file.read_text(encoding="utf-8"))
        if not {"task", "method", "uar"} <= set(record):
            raise ValueError("keys are missing")
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{file} is no run record ({error}); delete it and its run is repeated") from error
    return record


def read_failures(folder: Path) -> list[str]:
    """What went wrong in a benchmark's folder the last time, one line for each run that has no record yet."""
    lines = []
    for file in sorted((folder / "failed").rglob("*.txt")):
        what = file.read_text(encoding="utf-8").strip().splitlines() or ["no reason was left"]
        lines.append(f"{file.parent.name}, {file.stem}: {what[-1]}")
    return lines


def read_records(folder: Path) -> list[Record]:
    """All records below a benchmark's folder, in the order of their names.

    Raises:
        UserError: there is none, or one of them cannot be read.
    """
    files = sorted(file for file in (folder / "runs").rglob("*.json") if not file.name.startswith("."))
    if not files:
        raise UserError(f"{folder} holds no run records; give a folder that didan benchmark has written")
    return [read_record(file) for file in files]
