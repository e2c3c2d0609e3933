"""What tests of the command line share."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI

from didan.corpora import Corpus
from didan.service.server import listening, server_of


def table_of(corpus: Corpus) -> str:
    """The table that lies beside a synthetic corpus."""
    return str(Path(corpus.table["file"].iloc[0]).parents[1] / "corpus.csv")


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error in which the program complains; notes are none."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("didan: ")]
    assert len(lines) == 1, lines
    return lines[0]


def lock(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let nobody read folders of that name; permissions do not stop root, who may be running the tests."""
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)


class InterruptAt:
    """A progress hook that presses Ctrl-C at a step, or while features are made."""

    def __init__(self, what: str, step: int) -> None:
        self.what, self.step = what, step

    def __call__(self, what: str, done: int, total: int) -> None:
        if what.startswith(self.what) and done == self.step:
            raise KeyboardInterrupt


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of an application while it is served on this machine."""
    with listening("127.0.0.1", 0) as at:
        server = server_of(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [at]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield f"http://127.0.0.1:{at.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join(timeout=30)
