"""How predictions are printed: one format per file, each a function of rows or of labels."""

from collections.abc import Callable, Iterable
from enum import StrEnum

from didan.cli.formats import audacity, csv, json, jsonl, label_studio, table, textgrid
from didan.cli.formats.label_files import LabelFile
from didan.cli.formats.labels import Labels
from didan.cli.formats.rows import Rows


class Format(StrEnum):
    """Names of formats."""

    table = "table"
    csv = "csv"
    json = "json"
    jsonl = "jsonl"
    audacity = "audacity"
    textgrid = "textgrid"
    label_studio = "label-studio"


ROWS: dict[Format, Callable[[Rows], None]] = {
    Format.table: table.write,
    Format.csv: csv.write,
    Format.json: json.write,
    Format.jsonl: jsonl.write,
}
"""Formats of rows, which are printed."""

LABEL_FILES = {
    Format.audacity: LabelFile(".txt", audacity.text),
    Format.textgrid: LabelFile(".TextGrid", textgrid.text),
}
"""Formats of labels with a file per recording."""


def write_tasks(labels: Iterable[Labels]) -> None:
    """Print the labels of all recordings as one array of tasks."""
    json.write_array(map(label_studio.task, labels))
