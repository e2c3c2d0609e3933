"""``didan adapt`` from the command line."""

import shutil
from pathlib import Path

import pytest
import yaml

from didan.cli import run
from didan.corpora import Corpus
from helpers import complaint, table_of

FAST = ["--set", "optimisation.steps=2", "--set", "optimisation.batch_size=4"]


@pytest.fixture(scope="module")
def model(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "model"
    table = table_of(tiny_corpora[0])
    arguments = [
        "--source",
        table,
        "--target",
        table,
        "--method",
        "source-only",
        "--include-source-features",
        "--cache",
    ]
    with pytest.warns(UserWarning, match="are in the source too"):
        assert run(["train", *arguments, str(session_cache), "--out", str(folder), *FAST]) == 0
    return folder


def test_a_model_is_carried_over(
    model: Path, calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (calls / "broken.wav").write_text("no audio")
    before = {file: file.read_bytes() for file in model.iterdir()}
    cache = str(tmp_path / "cache")
    assert run(["adapt", str(model), str(calls), "--out", str(tmp_path / "new"), "--cache", cache, *FAST]) == 0
    out, err = capsys.readouterr()
    assert "broken.wav" in err
    assert "if it is mostly neutral, say how much" in err
    for word in (
        "anger",
        "before",
        "after",
        "entropy",
        "ida-residual",
        "have another emotion",
        "only 36 utterances",
    ):
        assert word in out
    assert {file: file.read_bytes() for file in model.iterdir()} == before
    record = yaml.safe_load((tmp_path / "new" / "config.yaml").read_text())
    assert record["config"]["method"] == "didan"
    assert record["record"]["adaptation"]["n"] == 36
    assert "adapted anew" in (tmp_path / "new" / "model-card.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["{model}", "{calls}", "--out", "{model}"], "exists already"),
        (["{model}", "nowhere", "--out", "{new}"], "does not exist"),
        (["{model}", "{calls}/0.wav", "--out", "{new}"], "is a file"),
        (["nowhere", "{calls}", "--out", "{new}"], "does not exist"),
        (["{model}", "{calls}", "--out", "{new}", "--method", "source-only"], "does not adapt"),
        (["{model}", "{calls}", "--out", "{new}", "--method", "dnan"], "did you mean 'dan'"),
        (["{model}", "{calls}", "--out", "{new}", "--set", "normalisation=none"], "part of the model"),
        (["{model}", "{few}", "--out", "{new}"], "at least 20"),
    ],
)
def test_mistakes_leave_nothing_behind(
    model: Path, calls: Path, tmp_path: Path, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(calls / "0.wav", few)
    places = {"model": model, "calls": calls, "few": few, "new": tmp_path / "new"}
    before = sorted(tmp_path.iterdir())
    filled = [argument.format(**places) for argument in arguments]
    assert run(["adapt", *filled, "--cache", str(tmp_path / "few" / "cache"), *FAST]) == 2
    assert reason in complaint(capsys)
    assert sorted(tmp_path.iterdir()) == before
