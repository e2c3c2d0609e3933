"""Records as single files, packed, and half-way between."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from didan import records as module
from didan.errors import UserError
from didan.records import (
    PACKED,
    Record,
    forget_failure,
    pack_records,
    read_failures,
    read_records,
    record_name,
    records_by_name,
    write_failure,
    write_record,
)
from report.made_up import made_up_records


@pytest.fixture
def records() -> list[dict[str, Any]]:
    return sorted(made_up_records(extras=False), key=record_name)


def written(records: list[dict[str, Any]], folder: Path) -> Path:
    for record in records:
        write_record(record, folder)
    return folder


def single_files(folder: Path) -> list[Path]:
    return list((folder / "runs").rglob("*.json"))


def test_records_survive_packing(records: list[dict[str, Any]], tmp_path: Path) -> None:
    written(records[::-1], tmp_path)
    assert len(single_files(tmp_path)) == len(records)
    assert read_records(tmp_path) == records
    pack_records(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [PACKED]
    assert read_records(tmp_path) == records
    assert list(records_by_name(tmp_path)) == [record_name(record) for record in records]


def test_a_packed_file_is_a_line_of_json_for_each_record(records: list[dict[str, Any]], tmp_path: Path) -> None:
    pack_records(written(records, tmp_path))
    with gzip.open(tmp_path / PACKED, "rt", encoding="utf-8") as file:
        assert [json.loads(line) for line in file] == records


def test_the_same_records_give_the_same_bytes(records: list[dict[str, Any]], tmp_path: Path) -> None:
    pack_records(written(records, tmp_path / "whole"))
    parts = tmp_path / "parts"
    pack_records(written(records[::2], parts))
    pack_records(written(records[1::2], parts))
    assert (parts / PACKED).read_bytes() == (tmp_path / "whole" / PACKED).read_bytes()


def test_packing_again_changes_nothing(records: list[dict[str, Any]], tmp_path: Path) -> None:
    pack_records(written(records, tmp_path))
    before = (tmp_path / PACKED).stat()
    pack_records(tmp_path)
    assert (tmp_path / PACKED).stat() == before


def test_a_single_record_replaces_the_packed_one(records: list[dict[str, Any]], tmp_path: Path) -> None:
    pack_records(written(records, tmp_path))
    repeated = {**records[3], "uar": 0.5}
    write_record(repeated, tmp_path)
    for _ in range(2):
        assert read_records(tmp_path) == [*records[:3], repeated, *records[4:]]
        pack_records(tmp_path)


def test_interrupted_packing_loses_nothing(
    records: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(records, tmp_path)
    for step in ("fsync", "rmdir"):
        with monkeypatch.context() as patch:
            if step == "fsync":
                patch.setattr("os.fsync", interrupted)
            else:
                patch.setattr(Path, "rmdir", interrupted)
            with pytest.raises(KeyboardInterrupt):
                pack_records(tmp_path)
        assert not list(tmp_path.glob(".*"))
        assert (tmp_path / PACKED).exists() == (step != "fsync")
        assert read_records(tmp_path) == records


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_half_removed_single_files_are_packed_again(records: list[dict[str, Any]], tmp_path: Path) -> None:
    pack_records(written(records, tmp_path))
    packed = (tmp_path / PACKED).read_bytes()
    written(records[:4], tmp_path)
    pack_records(tmp_path)
    assert not (tmp_path / "runs").exists()
    assert (tmp_path / PACKED).read_bytes() == packed


def test_records_of_another_process_are_not_deleted(
    records: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(records[1:], tmp_path)

    def meanwhile(folder: Path) -> dict[str, Record]:
        packed = records_by_name(folder)
        write_record(records[0], folder)
        return packed

    monkeypatch.setattr(module, "records_by_name", meanwhile)
    pack_records(tmp_path)
    assert len(single_files(tmp_path)) == 1
    monkeypatch.undo()
    assert read_records(tmp_path) == records


def test_records_can_be_read_while_another_process_packs_them(
    records: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(records, tmp_path)
    files = single_files(tmp_path)
    pack_records(tmp_path)
    monkeypatch.setattr(module, "_single_files", lambda folder: files)
    assert read_records(tmp_path) == records
    pack_records(tmp_path)
    assert read_records(tmp_path) == records


def test_a_full_disk_leaves_the_single_files(
    records: list[dict[str, Any]], tmp_path: Path, small_disk: Any
) -> None:
    written(records, tmp_path)
    with small_disk(100), pytest.raises(UserError, match=f"cannot write .*{PACKED}"):
        pack_records(tmp_path)
    assert not (tmp_path / PACKED).exists()
    assert read_records(tmp_path) == records


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:200], "cannot be read"),
        (lambda content: b"text", "cannot be read"),
        (lambda content: gzip.compress(gzip.decompress(content) + b'{"task": '), "line 13 is no run record"),
        (lambda content: gzip.compress(b'{"uar": 1}\n'), r"line 1 is no run record \(keys are missing\)"),
    ],
)
def test_a_damaged_packed_file_is_named(
    records: list[dict[str, Any]], tmp_path: Path, damage: Any, message: str
) -> None:
    pack_records(written(records, tmp_path))
    (tmp_path / PACKED).write_bytes(damage((tmp_path / PACKED).read_bytes()))
    with pytest.raises(UserError, match=message) as caught:
        read_records(tmp_path)
    assert str(tmp_path / PACKED) in str(caught.value)
    assert "restore" in str(caught.value)


@pytest.mark.parametrize("text", ['{"task": ', "[]", '{"uar": 1}', "\xff"])
def test_a_damaged_single_file_is_named(records: list[dict[str, Any]], tmp_path: Path, text: str) -> None:
    written(records, tmp_path)
    file = single_files(tmp_path)[0]
    file.write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"is no run record .* delete it and its run is repeated") as caught:
        pack_records(tmp_path)
    assert str(file) in str(caught.value)


def test_no_records(tmp_path: Path) -> None:
    assert records_by_name(tmp_path / "nowhere") == {}
    with pytest.raises(UserError, match="holds no run records"):
        read_records(tmp_path)


def test_failures_are_kept_until_their_run_succeeds(tmp_path: Path) -> None:
    assert read_failures(tmp_path) == []
    write_failure("a-b/functionals-didan-0", "Traceback\nMemoryError: 4 GB\n", tmp_path)
    write_failure("a-b/functionals-dan-0", "", tmp_path)
    assert read_failures(tmp_path) == [
        "a-b, functionals-dan-0: no reason was left",
        "a-b, functionals-didan-0: MemoryError: 4 GB",
    ]
    forget_failure("a-b/functionals-didan-0", tmp_path)
    forget_failure("a-b/functionals-didan-1", tmp_path)
    assert read_failures(tmp_path) == ["a-b, functionals-dan-0: no reason was left"]
