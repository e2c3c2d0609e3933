"""Run records: a JSON object for each run of a benchmark, the one source of its tables and reports.

While a benchmark runs, every record is a file of its own, ``DIR/runs/TASK/FEATURES-METHOD-SEED.json``, so that an
interruption loses the runs in progress and no more. A complete benchmark is packed into ``DIR/records.jsonl.gz``,
a line for each record in the order of their names. The same records give the same bytes.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from didan.errors import UserError, reason
from didan.files import written_whole

Record = Mapping[str, Any]

PACKED = "records.jsonl.gz"
"""The file that holds all records of a complete benchmark."""

_RUNS = "runs"
_FAILED = "failed"


def record_name(record: Record) -> str:
    """The name of a record, which no other run of the benchmark has.

    >>> task = {"sources": ["emodb", "casia"], "target": "ravdess"}
    >>> record_name({"task": task, "features": "functionals", "method": "didan", "seed": 0})
    'emodb+casia-ravdess/functionals-didan-0'
    """
    task = record["task"]
    sources, target = "+".join(map(_quoted, task["sources"])), _quoted(task["target"])
    return f"{sources}-{target}/{record['features']}-{record['method']}-{record['seed']}"


def _quoted(corpus: str) -> str:
    """The name of a corpus without what separates names: ``x-y`` to ``z`` is not ``x`` to ``y-z``."""
    return corpus.replace("%", "%25").replace("-", "%2D").replace("+", "%2B")


def write_record(record: Record, folder: Path) -> None:
    """Write a record to a file of its own below a benchmark's folder, whole or not at all.

    Raises:
        UserError: it cannot be written.
    """
    _write(_as_text(record), folder / _RUNS / f"{record_name(record)}.json")


def records_by_name(folder: Path) -> dict[str, Record]:
    """All records of a benchmark's folder, packed and single ones, in the order of their names; there may be none.

    Raises:
        UserError: one of them cannot be read.
    """
    single = {}
    for file in _single_files(folder):
        with suppress(FileNotFoundError):  # another process has packed it since
            record = _parse(file.read_bytes(), f"{file}", "delete it and its run is repeated")
            single[record_name(record)] = record
    packed = {record_name(record): record for record in _packed(folder)}
    return dict(sorted((packed | single).items()))


def read_records(folder: Path) -> list[Record]:
    """All records of a benchmark's folder, packed and single ones, in the order of their names.

    Raises:
        UserError: there is none, or one of them cannot be read.
    """
    records = records_by_name(folder)
    if not records:
        raise UserError(f"{folder} holds no run records; give a folder that didan benchmark has written")
    return list(records.values())


def pack_records(folder: Path) -> None:
    """Move all records of a benchmark's folder into one compressed file.

    Interrupted at any moment, it leaves every record in the packed file, in a file of its own, or in both.

    Raises:
        UserError: a record cannot be read, or the disk is full.
    """
    single = _single_files(folder)
    if not single:
        return
    lines = "".join(map(_as_text, records_by_name(folder).values()))
    with written_whole(folder / PACKED) as partial, partial.open("wb") as file:
        file.write(gzip.compress(lines.encode(), mtime=0))
        file.flush()
        os.fsync(file.fileno())  # single files are deleted next, so these bytes must have reached the disk
    # Only what has been packed is deleted: another process may be adding records.
    for path in single:
        path.unlink(missing_ok=True)
    for emptied in [*{path.parent for path in single}, folder / _RUNS]:
        with suppress(OSError):  # not empty
            emptied.rmdir()


def write_failure(name: str, error: str, folder: Path) -> None:
    """Write down why a run failed, instead of its record.

    Args:
        name: of the record that it would have left.
        error: what went wrong; its last line is shown.
        folder: of the benchmark.

    Raises:
        UserError: it cannot be written.
    """
    _write(error.rstrip() + "\n", _failure(name, folder))


def forget_failure(name: str, folder: Path) -> None:
    """Delete why a run failed, now that it has succeeded."""
    _failure(name, folder).unlink(missing_ok=True)


def read_failures(folder: Path) -> list[str]:
    """Why runs of a benchmark's folder failed the last time, one line for each that has no record yet."""
    lines = []
    for file in sorted((folder / _FAILED).rglob("*.txt")):
        error = file.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no reason was left"]
        lines.append(f"{file.parent.name}, {file.stem}: {error[-1]}")
    return lines


def _failure(name: str, folder: Path) -> Path:
    return folder / _FAILED / f"{name}.txt"


def _single_files(folder: Path) -> list[Path]:
    """Files that hold one record each; hidden ones are half-written."""
    return [file for file in (folder / _RUNS).rglob("*.json") if not file.name.startswith(".")]


def _packed(folder: Path) -> Iterator[Record]:
    file = folder / PACKED
    if not file.exists():
        return
    try:
        lines = gzip.decompress(file.read_bytes()).splitlines()
    except (OSError, EOFError, zlib.error) as error:
        problem = f"{file} cannot be read ({reason(error)})"
        raise UserError(f"{problem}; restore it, or delete it to repeat its runs") from error
    for number, line in enumerate(lines, start=1):
        yield _parse(line, f"{file}, line {number}", "restore the file, or delete it to repeat its runs")


def _parse(text: bytes, where: str, remedy: str) -> Record:
    try:
        record: Record = json.loads(text)
        if not {"task", "features", "method", "seed", "uar"} <= set(record):
            raise ValueError("keys are missing")
        record_name(record)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise UserError(f"{where} is no run record ({error}); {remedy}") from error
    return record


def _as_text(record: Record) -> str:
    return json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"


def _write(text: str, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {file.parent} ({reason(error)})") from error
    with written_whole(file) as partial:
        partial.write_text(text, encoding="utf-8")
