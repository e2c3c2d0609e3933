import pytest

from didan.cli.corpora import corpora
from didan.corpora.known import known_readers
from didan.errors import UserError


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    corpora()
    shown = capsys.readouterr().out
    for name, reader in known_readers().items():
        assert name in shown
        assert str(reader.n_utterances) in shown


def test_one(capsys: pytest.CaptureFixture[str]) -> None:
    corpora("ravdess")
    shown = capsys.readouterr().out
    for fact in (
        "English",
        "1440",
        "neutral 96",
        "CC BY-NC-SA 4.0",
        "Zenodo",
        "calm is not neutral",
        "ravdess=PATH",
    ):
        assert fact in shown


def test_unknown() -> None:
    with pytest.raises(UserError, match="did you mean 'casia'"):
        corpora("casai")
