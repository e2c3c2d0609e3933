"""The README's table is made of the records; nothing in it is typed."""

import json

import numpy as np
import pytest
from results.run import RECORDS
from results.table import BEGIN, END, README, make_table, read_records


def test_the_readme_shows_the_records() -> None:
    text = README.read_text(encoding="utf-8")
    table = text.partition(BEGIN)[2].partition(END)[0].strip()
    assert table == make_table(read_records(RECORDS))


def test_figures_are_means_over_seeds() -> None:
    records = [
        {
            "source": "a",
            "target": "b",
            "method": method,
            "seed": seed,
            "uar": uar,
            "uar_ci95": [0.1, 0.9],
            "emotions": ["x", "y"],
        }
        for method, values in (("source-only", (0.4, 0.6)), ("didan", (0.5, 0.5)))
        for seed, uar in enumerate(values)
    ]
    table = make_table(records)
    assert f"50.0 ± {100 * np.std([0.4, 0.6], ddof=1):.1f} (10–90)" in table
    assert "+0.0 points in the mean, better in 1 of 2 paired runs" in table


@pytest.mark.parametrize("file", sorted(RECORDS.glob("*.json")), ids=lambda file: file.stem)
def test_a_record_is_consistent(file) -> None:  # type: ignore[no-untyped-def]
    record = json.loads(file.read_text())
    confusion = np.array(record["confusion"])
    assert confusion.sum() == record["n"]
    recalls = confusion.diagonal() / confusion.sum(axis=1)
    assert record["uar"] == pytest.approx(recalls.mean())
    assert record["war"] == pytest.approx(confusion.trace() / record["n"])
    # Nothing of a user's disk is in it.
    assert "/" not in json.dumps(record)
