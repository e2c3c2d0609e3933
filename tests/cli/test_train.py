"""`didan train` from end to end, and what it says of bad input."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from didan.cli import run
from didan.corpora import Corpus
from didan.errors import DidanWarning
from didan.methods import METHODS
from didan.model.config import make_config
from didan.model.directory import load
from helpers import complaint, table_of

QUICK = ["--set", "optimisation.steps=3", "--set", "optimisation.batch_size=8"]


def left_in(folder: Path) -> list[str]:
    """What a failed training left: anything but the cache of features."""
    return sorted(path.name for path in folder.iterdir() if "cache" not in path.name)


def test_help_names_methods_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """It is written by hand, so that help need not wait for torch."""
    assert run(["train", "--help"]) == 0
    shown = re.sub(r"[│\s]+", " ", capsys.readouterr().out)
    listed = re.search(r"How to adapt: (\S+) \([^)]*\), (\S+) \(not at all\), .*? \(default: (\S+)\)", shown)
    assert listed is not None
    assert set(listed.groups()) <= set(METHODS)
    assert listed[3] == make_config().method


def test_an_unknown_method_is_answered_with_all_of_them(
    source: Corpus, target: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--source", table_of(source), "--target", table_of(target), "--out", str(tmp_path / "m")]
    assert run(["train", *arguments, "--method", "xyz"]) == 2
    problem = complaint(capsys)
    assert all(name in problem for name in METHODS)


def test_train_evaluate_and_predict_work_together(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, cache = str(tmp_path / "m"), str(session_cache)
    arguments = ["--source", table_of(source), "--target", table_of(target), "--cache", cache]
    assert run(["train", *arguments, "--out", model, *QUICK, "--seed", "4"]) == 0
    assert {path.name for path in Path(model).iterdir()} == {
        "config.yaml",
        "history.csv",
        "model-card.md",
        "model.safetensors",
        "source-index.csv",
        "source-index.safetensors",
    }
    capsys.readouterr()
    json, plot = tmp_path / "e.json", tmp_path / "e.png"
    assert (
        run(["evaluate", model, table_of(target), "--cache", cache, "--json", str(json), "--plot", str(plot)]) == 0
    )
    assert "UAR" in capsys.readouterr().out
    assert json.exists()
    assert plot.read_bytes()[:4] == b"\x89PNG"
    assert run(["predict", model, str(Path(table_of(target)).parent), "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(target)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            [],
            "anger, neutral, sadness in {folder}: a third of the ensemble assumes that they are equally frequent",
        ),
        (
            ["--emotions", "sadness, neutral"],
            "neutral, sadness in {folder}: a third",
        ),
        (["--emotions", "sadness,anger"], "half of the ensemble assumes"),
        (["--method", "lidan"], "in {folder}: assumed to be about equally frequent\n"),
        (["--set", "pseudo_labels.weight=0"], None),
        (["--set", "class_prior.neutral=0.6"], "assumed: class prior of {folder}: neutral 0.6"),
        (["--method", "source-only"], None),
        (
            ["--method", "source-only", "--set", "pseudo_labels.weight=1"],
            "--set class_prior.neutral=SHARE",
        ),
        (["--method", "mcc", "--set", "class_prior.neutral=0.6"], "note: class_prior has no effect"),
    ],
)
def test_a_plain_folder_is_a_target(
    source: Corpus,
    target: Corpus,
    session_cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    said: str | None,
) -> None:
    folder = Path(table_of(target)).parent
    arguments = ["--source", table_of(source), "--target", str(folder), "--out", str(tmp_path / "m"), *more]
    assert run(["train", *arguments, *QUICK, "--cache", str(session_cache)]) == 0
    shown = capsys.readouterr().err
    assert said.format(folder=folder.name) in shown if said else "frequent" not in shown


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--target", "{tmp}/nowhere"], "does not exist"),
        (["--target", "{tmp}/empty"], "holds no audio"),
        (["--source", "{tmp}/empty"], "holds no audio"),
        (["--source", "emodb={target}"], "does not hold EmoDB"),
        (["--source", "emobd={target}"], "did you mean 'emodb'"),
        (["--source", "{tmp}/unknown.csv"], "unknown emotion 'meh'"),
        (["--source", "{tmp}/columns.csv"], "did you mean 'emotoin'"),
        (["--source", "{tmp}/gone.csv"], "do not exist"),
        (["--source", "{tmp}/other.csv"], "share"),
        (["--source", "{tmp}/single.csv"], "anger has only 1 source utterance"),
        (["--target", "{tmp}/one"], "1 recording"),
        (["--method", "didna"], "did you mean 'didan'"),
        (["--frontend", "spectogram"], "did you mean 'spectrogram'"),
        (["--set", "optimisation.step=3"], "did you mean 'optimisation.steps'"),
        (["--set", "class_prior.nutral=0.5"], "did you mean 'neutral'"),
        (["--set", "class_prior.neutral=50"], "less than 1"),
        (["--set", "class_prior=0.5"], "class_prior"),
        (["--set", "method_settings.proportions.neutral=0.5"], "is called class_prior now"),
        (["--set", "method_settings.labels=1"], "is called pseudo_labels.weight now"),
        (["--set", "normalisation=corpus"], "normalisation.group=none"),
        (["--group", "spekaer"], "gamma has no column 'spekaer' to group by: did you mean 'speaker'?"),
        (["--group", "emotion"], "cannot be grouped by their emotion"),
        (["--emotions", "anger,sadnes"], "did you mean 'sadness'"),
        (["--map", "anger"], "label=emotion"),
        (["--sedd", "3"], "--seed"),
        (["--seed", "three"], "'--seed'"),
        (["--out", "{tmp}/empty"], "exists already"),
        (["--out", "{tmp}/gone.csv/m"], "cannot write"),
        (["--cache", "{tmp}/gone.csv"], "cannot write features"),
        (["--config", "{tmp}/none.yaml"], "no such file"),
        (["--config", "{tmp}/unknown.yaml"], "did you mean 'seed'"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    source: Corpus,
    target: Corpus,
    session_cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: list[str],
    message: str,
) -> None:
    here = tmp_path / "here"
    (here / "empty").mkdir(parents=True)
    first, second = source.table["file"].iloc[:2]
    (here / "unknown.csv").write_text(f"file,emotion\n{first},meh\n")
    (here / "columns.csv").write_text(f"file,emotoin\n{first},anger\n")
    (here / "gone.csv").write_text("file,emotion\nnothing.wav,anger\n")
    (here / "other.csv").write_text(f"file,emotion\n{first},disgust\n{second},boredom\n")
    kept = source.table.drop(source.table.index[source.table["emotion"] == "anger"][1:])
    kept.to_csv(here / "single.csv", index=False)
    (here / "one").mkdir()
    (here / "one" / "a.wav").write_bytes(Path(first).read_bytes())
    (here / "unknown.yaml").write_text("sed: 3\n")
    before = left_in(here)
    options = {
        "--source": table_of(source),
        "--target": table_of(target),
        "--out": f"{here}/m",
        "--cache": str(session_cache),
    }
    values = [part.format(tmp=here, target=Path(table_of(target)).parent) for part in change]
    for name, value in zip(values[::2], values[1::2], strict=True):
        options[name] = value
    assert run(["train", *[part for pair in options.items() for part in pair]]) == 2
    assert message in complaint(capsys)
    assert left_in(here) == before


def write(kind: str, file: Path) -> None:
    """A recording of 1 s with the fault, or the format, that is asked for."""
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(16_000) / 16_000) * np.hanning(16_000)
    if kind == "zero-length":
        file.touch()
    elif kind == "text":
        file.write_text("this is not audio\n" * 50)
    elif kind == "nan":
        soundfile.write(file, np.where(np.arange(16_000) == 8_000, np.nan, tone), 16_000, subtype="FLOAT")
    elif kind == "silent":
        soundfile.write(file, np.zeros(16_000), 16_000)
    elif kind == "truncated":
        soundfile.write(file, tone, 16_000)
        file.write_bytes(file.read_bytes()[:9_000])
    elif kind == "stereo":
        soundfile.write(file, np.stack([tone, 0.5 * tone], axis=1), 16_000)
    elif kind == "96 kHz":
        soundfile.write(file, np.repeat(tone, 6), 96_000)
    elif kind == "aiff":
        soundfile.write(file, tone, 16_000, format="AIFF", subtype="PCM_16")
    else:
        soundfile.write(
            file, tone, 16_000, subtype={"8-bit": "PCM_U8", "24-bit": "PCM_24", "float": "FLOAT"}[kind]
        )


@pytest.mark.parametrize("kind", ["zero-length", "text", "nan", "silent", "truncated"])
@pytest.mark.parametrize("side", ["source", "target", "table"])
def test_a_bad_recording_is_named_and_left_out(
    source: Corpus, session_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, side: str
) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    for name in ("a", "b"):
        write("stereo", folder / f"{name}.wav")
    labelled, calls = tmp_path / "labelled.csv", tmp_path / "calls.csv"
    bad = folder / "bad.wav" if side != "source" else tmp_path / "bad.wav"
    write(kind, bad)
    rows = source.table[["file", "emotion", "speaker"]]
    if side == "source":
        rows = pd.concat([rows, pd.DataFrame([{"file": str(bad), "emotion": "anger", "speaker": "s"}])])
    rows.to_csv(labelled, index=False)
    pd.DataFrame({"file": sorted(map(str, folder.iterdir()))}).to_csv(calls, index=False)
    target = str(calls if side == "table" else folder)
    arguments = ["--source", str(labelled), "--target", target, "--cache", str(session_cache), *QUICK]
    assert run(["train", *arguments, "--out", str(tmp_path / "m")]) == (0 if kind == "silent" else 2)
    assert f"didan: left out: {bad}: " in capsys.readouterr().err
    model = load(tmp_path / "m")
    assert model.record["n_target"] == 2
    assert len(model.source_index.table) == len(source)
    assert run(["train", *arguments, "--strict", "--out", str(tmp_path / "m2")]) == 2
    assert str(bad) in complaint(capsys)
    assert not (tmp_path / "m2").exists()


def test_every_readable_format_just_works(source: Corpus, session_cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    for kind in ("8-bit", "24-bit", "float", "96 kHz", "stereo", "aiff"):
        write(kind, folder / f"{kind}.wav")
    arguments = ["--source", table_of(source), "--target", str(folder), "--cache", str(session_cache)]
    assert run(["train", *arguments, "--out", str(tmp_path / "m"), *QUICK]) == 0


def test_a_full_disk_while_features_are_written(
    source: Corpus,
    target: Corpus,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("didan.features.store.os.fsync", full)
    arguments = ["--source", table_of(source), "--target", table_of(target), "--cache", str(tmp_path / "cache")]
    assert run(["train", *arguments, "--out", str(tmp_path / "m"), *QUICK]) == 2
    assert "no space left on device" in complaint(capsys)
    assert left_in(tmp_path) == []
    assert not any(file.stat().st_size for file in (tmp_path / "cache").rglob("*.f32"))


@pytest.mark.parametrize("labelled", [True, False])
def test_utterances_are_grouped_by_a_column(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path, labelled: bool
) -> None:
    tables = tmp_path / "source.csv", tmp_path / "target.csv"
    sessions: list[Any] = [["am", "pm", None][number % 3] for number in range(36)]
    source.table.assign(session=sessions).to_csv(tables[0], index=False)
    table = target.table.assign(session=sessions)
    (table if labelled else table.drop(columns="emotion")).to_csv(tables[1], index=False)
    arguments = ["--source", str(tables[0]), "--target", str(tables[1]), "--cache", str(session_cache), *QUICK]
    weights = {}
    for group in ("session", "speaker", "none", "file"):
        out = tmp_path / group
        assert run(["train", *arguments, "--out", str(out), "--group", group]) == 0
        model = load(out)
        assert model.config.normalisation.group == group
        weights[group] = (out / "model.safetensors").read_bytes()
        groups = model.source_index.table["group"]
        speakers = source.table["speaker"].tolist()  # known, and so what the source is grouped by beside files
        expected = {"session": sessions, "none": [None] * 36, "speaker": speakers, "file": speakers}[group]
        assert [None if own != own else own for own in groups] == expected
    assert len(set(weights.values())) == 4
    # --group and --set are the same.
    assert run(["train", *arguments, "--out", str(tmp_path / "m"), "--set", "normalisation.group=session"]) == 0
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == weights["session"]


def test_a_labels_spelling_can_be_mapped(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    table = tmp_path / "own.csv"
    source.table.replace({"emotion": {"anger": "grumpy", "neutral": "odd"}}).to_csv(table, index=False)
    arguments = ["--source", str(table), "--target", table_of(target), "--cache", str(session_cache), *QUICK]
    mapping = ["--map", "grumpy=anger", "--map", "odd=-"]
    # The target has none of these labels, which is a note for each, and no error.
    with pytest.warns(DidanWarning) as notes:
        assert run(["train", *arguments, "--out", str(tmp_path / "m"), *mapping]) == 0
    assert any("left out, as --map wants: 'odd'" in str(note.message) for note in notes)
    assert "emotions:\n- anger\n- sadness\n" in (tmp_path / "m" / "config.yaml").read_text()


@pytest.mark.parametrize("moment", ["features", "training"])
def test_ctrl_c_ends_with_one_line_and_can_be_resumed(
    source: Corpus, target: Corpus, tmp_path: Path, moment: str
) -> None:
    """A real signal to a real process."""
    cache, out = tmp_path / "cache", tmp_path / "m"
    arguments = ["train", "--source", table_of(source), "--target", table_of(target), "--cache", str(cache)]
    # So long that it cannot end before the signal comes.
    arguments += ["--out", str(out), "--set", "optimisation.steps=1500", "--set", "optimisation.batch_size=8"]
    slow = (
        "import sys, time; from didan.features import extraction\n"
        "read = extraction.read_audio\n"
        "def slow_read(*a):\n    time.sleep(0.2); return read(*a)\n"
        "extraction.read_audio = slow_read\n"
        if moment == "features"
        else ""
    )
    # What a shell starts in the background ignores the signal, and so would all that it starts.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code = f"{heeding}{slow}from didan.cli import main; main({arguments!r})"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=os.environ)
    folder, awaited = (cache, "*.f32") if moment == "features" else (tmp_path, "last.ckpt")
    deadline = time.monotonic() + 90
    while not any(folder.rglob(awaited)) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "didan: interrupted; " in errors
    assert not out.exists()
    assert (tmp_path / "m.unfinished").exists() == (moment == "training")


def test_what_takes_no_part_is_counted(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "some.csv"
    target.table[target.table["emotion"] != "sadness"].to_csv(table, index=False)
    model, cache = str(tmp_path / "[v1] m"), ["--cache", str(session_cache)]
    assert (
        run(["train", "--source", table_of(source), "--target", str(table), "--out", model, *cache, *QUICK]) == 0
    )
    err = capsys.readouterr().err
    assert f"left out of {source.name}, since not all have them: 12 sadness\n" in err
    assert f"{model}: predicts anger, neutral;" in err
    assert run(["evaluate", model, table_of(target), *cache]) == 0
    assert "left out, since the model does not know them: 12 sadness" in capsys.readouterr().out


def test_few_open_files_suffice(source: Corpus, target: Corpus, tmp_path: Path) -> None:
    limit = min(100, len(source) + len(target))
    arguments = ["--source", table_of(source), "--target", table_of(target), "--cache", str(tmp_path / "cache")]
    command = " ".join(["didan", "train", *arguments, *QUICK, "--out", str(tmp_path / "m")])
    done = subprocess.run(
        ["sh", "-c", f"ulimit -n {limit} && exec {sys.executable} -m {command}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_folder_one_is_in(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    for row, file in enumerate(target.table["file"][:4]):
        shutil.copy(file, calls / f"{row}.wav")
    cache = ["--cache", str(session_cache)]
    monkeypatch.chdir(calls)
    assert run(["train", "--source", table_of(source), "--target", ".", "--out", "../m", *cache, *QUICK]) == 0
    assert load(tmp_path / "m").record["target"] == "calls"
    assert run(["predict", "../m", "."]) == 0
    monkeypatch.chdir(tmp_path / "m")
    assert run(["predict", ".", "../calls"]) == 0
    assert run(["train", "--source", table_of(source), "--target", "../calls", "--out", ".", *cache, *QUICK]) == 2
    assert run(["evaluate", ".", table_of(target), *cache, "--json", "."]) == 2
