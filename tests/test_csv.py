"""Beside the csv module of Python."""

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from didan.csv import read_csv

FIELDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\ufeff"), min_size=1, max_size=8)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(FIELDS, min_size=3, max_size=3), max_size=5), separator=st.sampled_from(",;\t"))
def test_text_is_read_as_it_was_written(rows: list[list[str]], separator: str, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    with file.open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines, delimiter=separator).writerows([["a", "b", "c"], *rows])
    table = read_csv(file, lambda column: True, separator)
    assert list(table.columns) == ["a", "b", "c"]
    assert table.to_numpy().tolist() == rows


def test_names_are_no_numbers_and_no_gaps(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("\ufeffspeaker,start\n03,03\nNA,1.5\n,\n", encoding="utf-8")
    table = read_csv(file, {"speaker"}.__contains__)
    assert table["speaker"].fillna("none").tolist() == ["03", "NA", "none"]
    assert table["start"].fillna(-1).tolist() == [3.0, 1.5, -1]


def test_spaces_after_separators_are_nothing_where_asked_in_the_header_too(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("file, speaker\na.wav, 03\n", encoding="utf-8")
    assert read_csv(file, {"speaker"}.__contains__, skipinitialspace=True)["speaker"].tolist() == ["03"]
    assert list(read_csv(file, {"speaker"}.__contains__).columns) == ["file", " speaker"]


@pytest.mark.parametrize("before", ["", "\n", "  \n\n"])
def test_rows_wider_than_the_header_are_refused_however_wide(tmp_path: Path, before: str) -> None:
    file = tmp_path / "table.csv"
    # As an index of pandas this took gigabytes.
    file.write_text(f"a,b\n{before}" + "x," * 100_000 + "\n" + "x,y\n" * 100, encoding="utf-8")
    with pytest.raises(ValueError, match="more fields than its header"):
        read_csv(file, lambda column: False)
    file.write_text("a,b\nx,y\nx,y,z\n", encoding="utf-8")
    with pytest.raises(ValueError, match="saw 3"):
        read_csv(file, lambda column: False)
    file.write_text(f"{before}a,b\nx,y\n", encoding="utf-8")
    assert len(read_csv(file, lambda column: False)) == 1


def test_what_is_no_table_is_a_value_error(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    for content in (b"", b"\xff\xfe\x00", b"a,b\n" + b"x" * 200_000 + b",1\n"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"\w"):
            read_csv(file, lambda column: False)
