"""The record of a measurement: what was found, with what versions, in one JSON file."""

import argparse
from pathlib import Path
from typing import Any

from didan.files import as_json, written_whole
from didan.hardware import hardware, versions

Record = dict[str, Any]


def record_parser(description: str | None) -> argparse.ArgumentParser:
    """For a measurement that can be kept."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--record", type=Path, help="JSON to write")
    return made


def kept(found: Record, file: Path | None, *packages: str) -> Record:
    """The record of what was found, with hardware and versions; written if there is a file."""
    record = {**found, "hardware": hardware(), "versions": versions("didan", "torch", *packages)}
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(file) as partial:
            partial.write_text(as_json(record, indent=1) + "\n", encoding="utf-8")
    return record
