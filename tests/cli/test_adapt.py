"""``didan adapt`` from the command line."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from didan.cli import run
from didan.corpora import Corpus, Recordings
from didan.model.directory import load
from didan.training.adapt import adapt, adapting_config
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


def test_a_model_is_adapted_and_the_change_reported(
    model: Path, calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (calls / "broken.wav").write_text("no audio")
    before = {file: file.read_bytes() for file in model.iterdir()}
    cache = str(tmp_path / "cache")
    assert run(["adapt", str(model), str(calls), "--out", str(tmp_path / "new"), "--cache", cache, *FAST]) == 2
    out, err = capsys.readouterr()
    assert "broken.wav" in err
    assert "--set class_prior.neutral=SHARE" in out
    for word in (
        "anger",
        "before",
        "after",
        "entropy",
        "ida-residual",
        "changed their emotion",
        "only 36 utterances",
    ):
        assert word in out
    assert {file: file.read_bytes() for file in model.iterdir()} == before
    record = yaml.safe_load((tmp_path / "new" / "config.yaml").read_text())
    assert record["config"]["method"] == "didan"
    assert record["record"]["adaptation"]["n"] == 36
    assert "| re-adapted | to 36 recordings of calls;" in (tmp_path / "new" / "model-card.md").read_text()


@pytest.mark.parametrize("group", ["folder", "file", "none"])
def test_groups_can_be_named(model: Path, calls: Path, tmp_path: Path, group: str) -> None:
    out, cache = tmp_path / "new", ["--cache", str(tmp_path / "cache")]
    for number, file in enumerate(sorted(calls.iterdir())):
        (calls / str(number % 2)).mkdir(exist_ok=True)
        file.rename(calls / str(number % 2) / file.name)
    assert run(["adapt", str(model), str(calls), "--out", str(out), "--group", group, *cache, *FAST]) == 0
    assert yaml.safe_load((out / "config.yaml").read_text())["config"]["normalisation"]["group"] == group
    # The same recordings as a table whose speakers say the same.
    files = sorted(calls.rglob("*.wav"))
    speakers = {"folder": [file.parent.name for file in files], "file": [str(file) for file in files]}
    table = pd.DataFrame({"file": [str(file) for file in files], "start": np.nan, "end": np.nan})
    recordings = Recordings("calls", table.assign(speaker=speakers.get(group, np.nan)))
    trained = load(model)
    settings = ["optimisation.steps=2", "optimisation.batch_size=4"]
    expected, _ = adapt(
        trained,
        recordings,
        config=adapting_config(trained, assignments=settings, group="speaker"),
        cache=tmp_path / "cache",
    )
    for name, weights in load(out).network.state_dict().items():
        assert torch.equal(weights, expected.network.state_dict()[name])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["{model}", "{calls}", "--out", "{model}"], "exists already"),
        (["{model}", "nowhere", "--out", "{new}"], "does not exist"),
        (["{model}", "{calls}/0.wav", "--out", "{new}"], "is not a table"),
        (["nowhere", "{calls}", "--out", "{new}"], "does not exist"),
        (["{model}", "{calls}", "--out", "{new}", "--method", "source-only"], "does not adapt"),
        (["{model}", "{calls}", "--out", "{new}", "--method", "dnan"], "did you mean 'dan'"),
        (["{model}", "{calls}", "--out", "{new}", "--set", "frontend.parts=[cepstra]"], "part of the model"),
        (["{model}", "{calls}", "--out", "{new}", "--set", "normalisation=none"], "normalisation.group=none"),
        (["{model}", "{calls}", "--out", "{new}", "--group", "flie"], "did you mean 'file'?"),
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
