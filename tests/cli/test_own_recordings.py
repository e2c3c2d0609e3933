"""Own recordings from the command line: long ones, moved ones, oddly named ones, and work that is interrupted."""

import csv
import io
import json
import math
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from didan.audio import RATE
from didan.cli import run
from didan.corpora import Corpus
from didan.errors import DidanWarning
from didan.model.directory import save
from didan.model.trained import TrainedModel
from didan.selection import CRITERIA
from helpers import complaint, table_of
from speech.talk import conversation, noise, silence

FAST = ["--set", "optimisation.steps=2", "--set", "optimisation.batch_size=4"]


@pytest.fixture(scope="module")
def model(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("models") / "m"
    source, target = map(table_of, tiny_corpora)
    settings = ["--set", "optimisation.steps=40", "--set", "optimisation.batch_size=4"]
    cache = ["--cache", str(session_cache)]
    assert run(["train", "--source", source, "--target", target, "--out", str(out), *settings, *cache]) == 0
    return out


def settings_of(model: Path) -> dict[str, dict[str, object]]:
    settings: dict[str, dict[str, object]] = yaml.safe_load((model / "config.yaml").read_text())
    return settings


def test_utterances_are_found_in_long_recordings(
    model: Path, session_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    first, times = conversation([1.0] * 14)
    second, more = conversation([2.0, 0.8, 1.5] * 4)
    soundfile.write(folder / "a.wav", first, RATE)
    soundfile.write(folder / "b.flac", np.concatenate([second, silence(20)]), RATE)
    soundfile.write(folder / "wind.wav", noise(5, 1e-3), RATE)
    arguments = ["adapt", str(model), str(folder), "--out", str(tmp_path / "new"), *FAST]
    with pytest.warns(DidanWarning, match="no speech in 1 of 3 recordings"):
        assert run([*arguments, "--cache", str(session_cache)]) == 0
    assert settings_of(tmp_path / "new")["record"]["n_target"] == len(times) + len(more)
    assert f"utterances: {len(times) + len(more)}, recordings: 3" in capsys.readouterr().err


def test_options_reach_the_model(model: Path, calls: Path, tmp_path: Path) -> None:
    options = ["--seed", "5", "--method", "dan", "--set", "method_settings.trade_off=0.25"]
    out, cache = tmp_path / "new", tmp_path / "features"
    assert run(["adapt", str(model), str(calls), "--out", str(out), "--cache", str(cache), *options, *FAST]) == 0
    config = settings_of(out)["config"]
    assert (config["seed"], config["method"]) == (5, "dan")
    settings = config["method_settings"]
    assert isinstance(settings, dict)
    assert settings["trade_off"] == 0.25
    assert len(list(cache.rglob("*.f32"))) == 1  # the target's, and the source's from its recordings
    assert not (tmp_path / "default-cache").exists()


def test_the_source_is_found_where_it_was_moved_to(
    source: Corpus,
    target: Corpus,
    session_cache: Path,
    calls: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(Path(table_of(source)).parent, tmp_path / "corpus")
    names = ["--source", str(tmp_path / "corpus" / "corpus.csv"), "--target", table_of(target)]
    assert run(["train", *names, "--out", str(tmp_path / "m"), "--cache", str(session_cache), *FAST]) == 0
    (tmp_path / "corpus").rename(tmp_path / "elsewhere")
    arguments = ["adapt", str(tmp_path / "m"), str(calls), "--cache", str(tmp_path / "cache"), *FAST]
    arguments += ["--set", "optimisation.learning_rate=1e-9"]  # it shall not come to a collapse
    capsys.readouterr()
    assert run([*arguments, "--out", str(tmp_path / "new")]) == 2
    assert "--source-folder" in complaint(capsys)
    assert not (tmp_path / "new").exists()
    places = ["--source-folder", str(calls), "--source-folder", str(tmp_path / "elsewhere")]
    assert run([*arguments, "--out", str(tmp_path / "new"), *places]) == 0


def interrupt(monkeypatch: pytest.MonkeyPatch, what: str, step: int) -> None:
    """Press Ctrl-C once that much is done."""

    @contextmanager
    def bars() -> Iterator[Callable[[str, int, int], None]]:
        def hook(now: str, done: int, total: int) -> None:
            if now.startswith(what) and done == step:
                raise KeyboardInterrupt

        yield hook

    monkeypatch.setattr("didan.cli.progress.progress_bars", bars)


@pytest.mark.parametrize(("what", "step"), [("features", 3), ("training", 4), ("training", 12)])
def test_what_was_interrupted_can_be_resumed(
    model: Path,
    calls: Path,
    session_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: str,
    step: int,
) -> None:
    settings = ["--set", "optimisation.steps=14", "--set", "optimisation.batch_size=4"]
    # Where features would not be made, there would be nothing to interrupt.
    cache = tmp_path / "cache" if what == "features" else session_cache
    arguments = ["adapt", str(model), str(calls), *settings, "--cache", str(cache)]
    with monkeypatch.context() as patch:
        interrupt(patch, what, step)
        assert run([*arguments, "--out", str(tmp_path / "new")]) == 130
    said = complaint(capsys)
    assert "interrupted" in said
    assert not (tmp_path / "new").exists()
    kept = (tmp_path / "new.unfinished").exists()
    assert kept == (step > 10)
    assert ("--resume" if kept else "nothing was written") in said
    if kept:
        assert run([*arguments, "--out", str(tmp_path / "new")]) == 2
        assert "--resume" in complaint(capsys)
        assert run([*arguments, "--out", str(tmp_path / "new"), "--resume"]) == 0
        assert run([*arguments, "--out", str(tmp_path / "whole")]) == 0
        resumed, whole = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("new", "whole"))
        assert resumed == whole


def test_ctrl_c_at_any_other_time_is_one_line(
    model: Path,
    calls: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    interrupt(monkeypatch, "finding speech", 3)
    assert run(["adapt", str(model), str(calls), "--out", str(tmp_path / "new")]) == 130
    assert "interrupted" in complaint(capsys)


def test_criteria_are_called_better_if_they_are(
    model: Path, calls: Path, session_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = ["--cache", str(session_cache)]
    assert run(["adapt", str(model), str(calls), "--out", str(tmp_path / "new"), *cache, *FAST]) == 0
    shown = capsys.readouterr().out
    adaptation = settings_of(tmp_path / "new")["record"]["adaptation"]
    assert isinstance(adaptation, dict)
    words = set()
    for name, criterion in CRITERIA.items():
        before, after = adaptation["criteria_before"][name], adaptation["criteria_after"][name]
        row = re.search(rf"{name} +│ +(\S+) +│ +(\S+) +│ +(\w*)", shown)
        if math.isnan(before) and math.isnan(after):
            assert row is None
            continue
        assert row is not None
        assert (float(row[1]), float(row[2])) == pytest.approx((before, after), abs=6e-4)
        greater = "better" if criterion.greater_is_better else "worse"
        less = "worse" if criterion.greater_is_better else "better"
        assert row[3] == ("" if before == after else greater if after > before else less)
        words.add(row[3])
    assert words >= {"better", "worse"}


@pytest.mark.parametrize("command", ["train", "adapt"])
def test_a_wrong_group_is_said_before_recordings_are_read(
    model: Path,
    source: Corpus,
    calls: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    interrupt(monkeypatch, "finding speech", 1)
    arguments = {
        "train": ["--source", table_of(source), "--target", str(calls)],
        "adapt": [str(model), str(calls)],
    }[command]
    assert run([command, *arguments, "--out", str(tmp_path / "new"), "--group", "fodler"]) == 2
    assert "no column 'fodler' to group by: did you mean 'folder'?" in complaint(capsys)


ODD = '[red]naïve, 声 "quoted" [1].wav'


@pytest.fixture
def odd(target: Corpus, tmp_path: Path) -> Path:
    (tmp_path / "odd").mkdir()
    shutil.copy(target.table["file"].iloc[0], tmp_path / "odd" / ODD)
    return tmp_path / "odd" / ODD


def test_names_of_files_are_printed_as_they_are(
    model: Path, odd: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    assert run(["predict", str(model), str(odd), "--format", "csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["file"] == str(odd)
    assert run(["predict", str(model), str(odd), "--format", "json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out)[0]["file"] == str(odd)
    assert "naïve, 声" in out
    assert run(["predict", str(model), str(odd)]) == 0
    assert ODD in capsys.readouterr().out
    assert run(["explain", str(model), str(odd)]) == 0
    assert ODD in capsys.readouterr().out


def test_names_of_examples_are_printed_as_they_are(
    untrained: TrainedModel,
    odd: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    save(untrained, tmp_path / "m")
    reference = (tmp_path / "m" / "source-index.csv").read_text().replace(".wav", " [b].wav")
    (tmp_path / "m" / "source-index.csv").write_text(reference)
    assert run(["explain", str(tmp_path / "m"), str(odd)]) == 0
    assert " [b].wav" in capsys.readouterr().out
    assert run(["explain", str(tmp_path / "m"), str(odd), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert run(["explain", str(tmp_path / "m"), str(odd), "--format", "json"]) == 0
    examples = json.loads(capsys.readouterr().out)["examples"]
    assert [float(row["weight"]) for row in rows] == pytest.approx([row["weight"] for row in examples], abs=1e-4)


def test_a_folder_may_be_called_like_a_file(
    untrained: TrainedModel, target: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(untrained, tmp_path / "model.onnx")
    file = str(target.table["file"].iloc[0])
    assert run(["predict", str(tmp_path / "model.onnx"), file, "--format", "csv"]) == 0
    assert file in capsys.readouterr().out


def test_mistakes_in_windows_are_said_before_a_model_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "nowhere", "nothing.wav", "--window", "1", "--hop", "2"]) == 2
    assert "does not suit" in complaint(capsys)


def test_nothing_to_predict_is_valid_all_the_same(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, expected in (("csv", "file,emotion,anger,neutral,sadness\n"), ("table", "")):
        monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
        assert run(["predict", str(model), "-", "--format", kind]) == 0
        assert capsys.readouterr().out == expected
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert run(["predict", str(model), "-", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_damaged_file_leaves_the_others_valid_json(
    model: Path, odd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd" / "a.wav").write_text("no audio")
    assert run(["predict", str(model), str(tmp_path / "odd"), "--format", "json"]) == 2
    out, err = capsys.readouterr()
    assert [row["file"] for row in json.loads(out)] == [str(odd)]
    assert len([line for line in err.splitlines() if line.startswith("didan: ")]) == 2


def test_a_recording_with_many_labelled_parts_gives_each_of_them_once(
    model: Path, session_cache: Path, tmp_path: Path
) -> None:
    audformat = pytest.importorskip("audformat")
    samples, times = conversation([1.0] * 24)
    folder = tmp_path / "calls"
    folder.mkdir()
    soundfile.write(folder / "a.wav", samples, RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        database = audformat.Database("tiny", languages=["deu"])
        starts, ends = ([f"{time}s" for time in side] for side in zip(*times, strict=True))
        database["labels"] = audformat.Table(audformat.segmented_index(["a.wav"] * 24, starts, ends))
        database["labels"]["emotion"] = audformat.Column()
        database["labels"]["emotion"].set(["anger", "sadness"] * 12)
        database.save(str(folder))
    out, cache = str(tmp_path / "new"), str(session_cache)
    settings = [*FAST, "--set", "optimisation.learning_rate=1e-9"]
    assert run(["adapt", str(model), str(folder), "--out", out, "--cache", cache, *settings]) == 0
    assert settings_of(tmp_path / "new")["record"]["n_target"] == 24


def test_a_model_is_adapted_to_channels(
    model: Path, calls: Path, session_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "stereo"
    folder.mkdir()
    clips = [soundfile.read(file)[0] for file in sorted(calls.iterdir())]
    for number, (left, right) in enumerate(zip(clips, clips[1:] + clips[:1], strict=True)):
        length = min(len(left), len(right))
        soundfile.write(folder / f"{number}.wav", np.stack([left[:length], right[:length]], axis=1), RATE)
    arguments = ["adapt", str(model), str(folder), "--cache", str(session_cache), "--group", "file", *FAST]
    arguments += ["--set", "optimisation.learning_rate=1e-9"]
    for options, n in (([], 36), (["--channels", "split"], 72)):
        out = tmp_path / f"new-{n}"
        assert run([*arguments, "--out", str(out), *options]) == 0
        assert settings_of(out)["record"]["n_target"] == n
        assert f"utterances: {n}, recordings: {n}" in capsys.readouterr().err
    statistics = [(tmp_path / f"new-{n}" / "config.yaml").read_text() for n in (36, 72)]
    assert statistics[0] != statistics[1]


def test_channels_are_parted_in_folders_alone(
    source: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = table_of(source)
    arguments = ["train", "--source", table, "--target", table, "--out", str(tmp_path / "m")]
    assert run([*arguments, "--channels", "split"]) == 2
    assert "a folder of recordings" in complaint(capsys)
