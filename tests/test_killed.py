"""Commands are killed, and go on as if nothing had happened: `python -m benchmarks.killed`, a few kills of it."""

import random
import shutil
from pathlib import Path

import pytest
from benchmarks.killed import differences, tell

from didan.corpora import Corpus
from helpers import table_of


@pytest.fixture(scope="module")
def corpora(tiny_corpora: tuple[Corpus, Corpus], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    for name, corpus in zip(("alpha", "beta"), tiny_corpora, strict=True):
        shutil.copytree(Path(table_of(corpus)).parent, folder / name)
    return folder


@pytest.mark.parametrize("name", ["features", "train"])
def test_killed_it_leaves_what_it_would_have_left(name: str, corpora: Path, tmp_path: Path) -> None:
    told = tell(name, corpora, tmp_path, 1, random.Random(name))
    assert told["differences"] == []
    assert told["kills"] == 1


def test_what_differs_is_seen() -> None:
    peace = {"model/a": b"1", "model/b": b"2", "cache/c": b"3"}
    assert differences(peace, {"model/a": b"1", "model/b": b"", "cache/c": b"", "cache/.d.partial": b""}) == [
        "orphan cache/.d.partial",
        "model/b",
    ]
    assert differences(peace, {}) == ["no cache/c", "no model/a", "no model/b"]
