"""A model is found by its folder, by the name of one that ships, or by its id on the hub."""

from collections.abc import Callable
from pathlib import Path

import pytest

from didan.errors import UserError
from didan.model import find
from didan.model.directory import save
from didan.model.find import SHIPPED, find_model, summary
from didan.model.trained import TrainedModel


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str | None]]:
    """What the hub was asked for, in place of the hub."""
    requests: list[tuple[str, str | None]] = []

    def snapshot(what: str, name: str, revision: str | None, patterns: tuple[str, ...], **more: str) -> Path:
        assert what == "model"
        assert all(not pattern.endswith((".bin", ".pt", ".pkl", ".py", "*")) for pattern in patterns)
        requests.append((name, revision))
        return tmp_path / "hub"

    monkeypatch.setattr(find, "snapshot", snapshot)
    return requests


def test_a_folder_wins_over_a_name(
    untrained: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model("base") == SHIPPED["base"]
    save(untrained, tmp_path / "base")
    assert find_model("base") == Path("base")


def test_an_id_is_asked_of_the_hub(
    asked: list[tuple[str, str | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model("somebody/calls-de") == tmp_path / "hub"
    find_model("somebody/calls-de@v1.2")
    assert asked == [("somebody/calls-de", None), ("somebody/calls-de", "v1.2")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bse", r"does not exist; give .*did you mean 'base'"),
        ("models/mine", "does not exist"),  # beside others: mistyped, and nobody else's business
        ("./somebody/calls", "does not exist"),
        ("/no/such/folder", "does not exist"),
        ("models", "holds no model"),
        ("models/file", "is a file"),
        ("models/m.onnx", "exported model"),
    ],
)
def test_what_is_no_model_is_not_asked_of_the_hub(
    asked: list[tuple[str, str | None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for file in ("file", "m.onnx"):
        (tmp_path / "models" / file).touch()
    with pytest.raises(UserError, match=message):
        find_model(name)
    assert asked == []


def test_without_a_network_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"model somebody/no-such-model is not on this machine.*give its folder"):
        find_model("somebody/no-such-model")


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_text("[1, 2"),
        lambda file: file.write_text("record: 3"),
        lambda file: file.write_bytes(b"\xff\xfe"),
        lambda file: file.unlink(),
    ],
)
def test_what_is_no_model_has_no_summary(
    untrained: TrainedModel, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    save(untrained, tmp_path / "m")
    found = summary(tmp_path / "m")
    assert found is not None
    assert found.emotions == untrained.emotions
    damage(tmp_path / "m" / "config.yaml")
    assert summary(tmp_path / "m") is None
