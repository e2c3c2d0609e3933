import json
from pathlib import Path

import pytest

from didan.cli import run
from didan.corpora import Corpus
from didan.model.config import make_config
from helpers import complaint, table_of


@pytest.fixture(scope="module")
def model(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("models") / "m"
    config = make_config(assignments=["optimisation.steps=2", "optimisation.batch_size=8"])
    train(*tiny_corpora, config=config, cache=session_cache, out=out)
    return out


def test_the_json_keeps_the_contract(model: Path, target: Corpus, session_cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    assert run(["evaluate", str(model), table_of(target), "--json", str(file), "--cache", str(session_cache)]) == 0
    figures = json.loads(file.read_text())
    assert {"uar", "war", "n", "emotions", "recall", "confusion", "uar_ci95", "selection", "leakage"} <= set(
        figures
    )
    assert figures["n"] == len(target)
    assert sum(map(sum, figures["confusion"])) == len(target)
    assert figures["uar_ci95"][0] <= figures["uar"] <= figures["uar_ci95"][1]
    assert "last step" in figures["selection"]
    assert figures["leakage"]["labels_read"]["evaluation"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{tmp}/none", "{target}"], "does not exist"),
        (["{tmp}", "{target}"], "holds no model"),
        (["{model}", "{tmp}/none.csv"], "does not exist"),
        (["{model}", "{folder}"], "folder of audio without labels"),
        (["{model}", "{tmp}/boredom.csv"], "has no utterance with any of"),
        (["{model}", "{target}", "--plot", "{tmp}/e.gif"], ".png"),
        (["{model}", "{target}", "--json", "{tmp}/none/e.json"], "cannot write"),
    ],
)
def test_a_mistake_is_one_line(
    model: Path,
    target: Corpus,
    session_cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    (tmp_path / "boredom.csv").write_text(f"file,emotion\n{target.table['file'].iloc[0]},boredom\n")
    before = sorted(tmp_path.iterdir())
    table = table_of(target)
    names = {"tmp": tmp_path, "model": model, "target": table, "folder": Path(table).parent}
    filled = [part.format(**names) for part in arguments]
    assert run(["evaluate", *filled, "--cache", str(session_cache)]) == 2
    assert message in complaint(capsys)
    assert sorted(tmp_path.iterdir()) == before


def test_predictions_are_the_same_in_every_format(
    model: Path, target: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(file) for file in target.table["file"][:3]]
    assert run(["predict", str(model), *files, "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "file,emotion,anger,neutral,sadness"
    assert run(["predict", str(model), *files, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["file"] for row in rows] == files
    for line, row in zip(lines[1:], rows, strict=True):
        assert line.split(",")[1] == row["emotion"]
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert run(["predict", str(model), *files]) == 0
    assert "anger" in capsys.readouterr().out


def test_a_damaged_file_is_reported_and_the_others_predicted(
    model: Path, target: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.wav").write_text("no audio")
    good = str(target.table["file"].iloc[0])
    assert run(["predict", str(model), str(tmp_path / "bad.wav"), good, "--format", "csv"]) == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "bad.wav" in err
    assert "1 of 2 files" in err
