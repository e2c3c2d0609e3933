"""Label files are opened by the programs they are for, or by other people's readers; objects follow the schema."""

import csv
import io
import json
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import parselmouth
import pytest
import soundfile
from jsonschema import Draft202012Validator
from mir_eval.io import load_labeled_intervals
from rich.console import Console

from didan.audio import RATE, Utterance, read_audio
from didan.cli import run
from didan.cli.formats import LABEL_FILES, Format, label_studio
from didan.cli.formats.labels import labels_of
from didan.cli.formats.summaries import SummaryRows
from didan.corpora import Corpus
from didan.inference.predict import Prediction, predict
from didan.inference.summary import summarise
from didan.model.trained import TrainedModel
from didan.typing import Samples
from helpers import complaint, table_of
from inference.timelines import timeline, window

DOCS = Path(__file__).parents[2] / "docs" / "reference"
SCHEMA = json.loads((DOCS / "prediction.schema.json").read_text(encoding="utf-8"))
Interval = tuple[float, float, str]


@pytest.fixture(scope="module")
def speech(tiny_corpora: tuple[Corpus, Corpus]) -> Samples:
    """About 20 s, a multiple of 1.5 s, with a pause of 4 s in it."""
    clips = [read_audio(file) for file in tiny_corpora[1].table["file"]]
    joined = np.concatenate([*clips[:14], np.zeros(4 * RATE, np.float32), *clips[14:24]])
    return joined[: len(joined) // 24_000 * 24_000]


@pytest.fixture
def call(speech: Samples, tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "call.wav", speech, RATE)
    return tmp_path / "call.wav"


def expected(windows: list[Prediction], hop: float) -> list[Interval]:
    """Labels by the rule as the documentation has it, hop by hop; the last counts to the end."""
    found: list[Interval] = []
    for number, one in enumerate(windows):
        middle = (one.start + one.end) / 2
        start = 0.0 if number == 0 else middle - hop / 2
        end = one.end if one is windows[-1] else middle + hop / 2
        if found and one.emotion == found[-1][2] and abs(found[-1][1] - start) < 1e-6:
            found[-1] = (found[-1][0], end, found[-1][2])
        elif one.emotion is not None:
            found.append((start, end, one.emotion))
    return found


def in_praat(file: Path | str) -> dict[str, list[Interval]]:
    """The intervals of each tier that are not empty, as Praat itself reads them."""
    grid = parselmouth.read(str(file))
    call = parselmouth.praat.call
    assert grid.xmin == 0
    tiers = {}
    for tier in range(1, call(grid, "Get number of tiers") + 1):
        numbers = range(1, call(grid, "Get number of intervals", tier) + 1)
        ask = [
            [call(grid, f"Get {what} of interval", tier, n) for what in ("start time", "end time")]
            for n in numbers
        ]
        texts = [call(grid, "Get label of interval", tier, number) for number in numbers]
        assert [start for start, _ in ask] == [0.0, *(end for _, end in ask[:-1])]  # without gaps
        assert ask[-1][1] == grid.xmax
        own = [(start, end, text) for (start, end), text in zip(ask, texts, strict=True) if text]
        tiers[call(grid, "Get tier name", tier)] = own
    return tiers


def in_audacity(file: Path) -> list[Interval]:
    if not file.read_text():
        return []
    intervals, labels = load_labeled_intervals(str(file), delimiter="\t")
    return [(start, end, label) for (start, end), label in zip(intervals, labels, strict=True)]


REGION = {
    "type": "object",
    "required": ["id", "from_name", "to_name", "type", "value"],
    "properties": {
        "id": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
        "from_name": {"const": "emotion"},
        "to_name": {"const": "audio"},
        "type": {"const": "labels"},
        "original_length": {"type": "number", "exclusiveMinimum": 0},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "value": {
            "type": "object",
            "required": ["start", "end", "channel", "labels"],
            "properties": {
                "start": {"type": "number", "minimum": 0},
                "end": {"type": "number", "exclusiveMinimum": 0},
                "channel": {"type": "integer", "minimum": 0},
                "labels": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1},
            },
        },
    },
}
TASK = {
    "type": "object",
    "required": ["data", "predictions"],
    "properties": {
        "data": {"type": "object", "required": ["audio"]},
        "predictions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["result"],
                "properties": {
                    "model_version": {"type": "string"},
                    "score": {"type": "number", "minimum": 0, "maximum": 1},
                    "result": {"type": "array", "items": REGION},
                },
            },
        },
    },
}
"""What Label Studio's documentation of imported predictions asks for, of regions of audio."""


def in_label_studio(tasks: list[dict[str, Any]]) -> list[list[Interval]]:
    Draft202012Validator({"type": "array", "items": TASK}).validate(tasks)
    found = []
    for task in tasks:
        (prediction,) = task["predictions"]
        values = [region["value"] for region in prediction["result"]]
        found.append([(value["start"], value["end"], value["labels"][0]) for value in values])
    return found


def assert_same(found: list[Interval], wanted: list[Interval]) -> None:
    assert [label for *_, label in found] == [label for *_, label in wanted]
    np.testing.assert_allclose([times[:2] for times in found], [times[:2] for times in wanted], atol=1e-5)


@pytest.mark.parametrize(("length", "hop"), [(2.0, 0.5), (1.5, 1.5)])
def test_one_recording_is_labelled_in_every_program(
    model: Path,
    untrained: TrainedModel,
    call: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    length: float,
    hop: float,
) -> None:
    wanted = expected(list(predict(untrained, [Utterance(call)], window=length, hop=hop)), hop)
    assert len({label for *_, label in wanted}) > 1
    assert any(end < start for (_, end, _), (start, *_) in pairwise(wanted))  # the pause
    answers = {}
    for format in ("audacity", "textgrid", "label-studio"):
        arguments = ["predict", str(model), str(call), "--window", str(length), "--hop", str(hop)]
        assert run([*arguments, "--format", format]) == 0
        answers[format] = capsys.readouterr().out
    (tmp_path / "a.txt").write_text(answers["audacity"])
    (tmp_path / "a.TextGrid").write_text(answers["textgrid"])
    assert_same(in_audacity(tmp_path / "a.txt"), wanted)
    tiers = in_praat(tmp_path / "a.TextGrid")
    assert list(tiers) == ["emotion"]
    assert_same(tiers["emotion"], wanted)
    (regions,) = in_label_studio(json.loads(answers["label-studio"]))
    assert_same(regions, wanted)


def test_without_windows_a_recording_is_one_label(
    model: Path, call: Path, speech: Samples, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", str(model), str(call), "--format", "audacity"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    start, end, emotion = line.split("\t")
    assert [float(start), float(end)] == pytest.approx([0, len(speech) / RATE])
    assert emotion in ("anger", "neutral", "sadness")


@pytest.mark.parametrize("format", ["audacity", "textgrid"])
def test_several_recordings_are_as_many_files(
    model: Path, speech: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    suffix = LABEL_FILES[Format(format)].suffix
    names = ["monday/call.wav", "tuesday/call.wav", 'tuesday/late, "odd" ü.wav', "note.flac"]
    for number, name in enumerate(names):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "in" / name, speech[number * RATE : (number + 4) * RATE], RATE)
    (tmp_path / "in" / "broken.wav").write_text("no audio")
    arguments = ["predict", str(model), str(tmp_path / "in"), "--window", "2", "--format", format]
    assert run(arguments) == 2
    assert "labels of 5 recordings are as many files; name a folder with --out" in complaint(capsys)
    assert run([*arguments, "--out", str(tmp_path / "labels")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "1 of 5 recordings could not be read" in err
    written = {
        str(path.relative_to(tmp_path / "labels")) for path in (tmp_path / "labels").rglob("*") if path.is_file()
    }
    assert written == {str(Path(name).with_suffix("")) + suffix for name in names}
    for name in names:
        file = (tmp_path / "labels" / name).with_suffix(suffix)
        labels = in_audacity(file) if format == "audacity" else in_praat(file)["emotion"]
        assert labels
        assert run(["predict", str(model), str(tmp_path / "in" / name), "--window", "2", "--format", format]) == 0
        assert capsys.readouterr().out == file.read_text()


def test_names_keep_their_suffixes_where_nothing_else_parts_them(
    model: Path, speech: Samples, tmp_path: Path
) -> None:
    for name in ("a.wav", "a.flac", "b.wav", "a.wav.flac"):
        soundfile.write(tmp_path / name, speech[: 2 * RATE], RATE)
    files = [str(file) for file in sorted(tmp_path.iterdir())]
    out = tmp_path / "labels"
    assert run(["predict", str(model), *files, "--format", "audacity", "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "a.flac.txt",
        "a.wav.flac.txt",
        "a.wav.txt",
        "b.wav.txt",
    ]


def test_label_files_are_whole_or_not_there(
    model: Path,
    speech: Samples,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / "in" / name, speech[: 4 * RATE], RATE)
    replace = os.replace
    written: list[str] = []

    def fail_at_the_second(partial: Path, file: Path) -> None:
        written.append(Path(file).name)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        replace(partial, file)

    monkeypatch.setattr(Path, "replace", fail_at_the_second)
    out = tmp_path / "labels"
    assert run(["predict", str(model), str(tmp_path / "in"), "--format", "textgrid", "--out", str(out)]) == 2
    assert "no space left" in complaint(capsys)
    assert [path.name for path in out.iterdir()] == ["a.TextGrid"]
    assert run(["predict", str(model), str(tmp_path / "in"), "--format", "textgrid", "--out", str(out)]) == 2
    assert "a.TextGrid is there already" in complaint(capsys)
    (tmp_path / "file").write_text("in the way")
    arguments = ["predict", str(model), str(tmp_path / "in"), "--format", "textgrid"]
    assert run([*arguments, "--out", str(tmp_path / "file")]) == 2
    assert "cannot write to" in complaint(capsys)


def test_channels_are_tiers_of_their_own(tmp_path: Path) -> None:
    both = [
        *timeline([("anger", 0.8), None, ("anger", 0.7)], 1, 1, channel=1),
        *timeline([None, ("sadness", 0.8), ("sadness", 0.9)], 1, 1, channel=2),
        *timeline([None] * 3, 1, 1, channel=3),
    ]
    (labels,) = labels_of(both)
    (tmp_path / "a.TextGrid").write_text(LABEL_FILES[Format.textgrid].text(labels))
    assert in_praat(tmp_path / "a.TextGrid") == {
        "emotion channel 1": [(0, 1, "anger"), (2, 3, "anger")],
        "emotion channel 2": [(1, 3, "sadness")],
        "emotion channel 3": [],
    }
    (tmp_path / "a.txt").write_text(LABEL_FILES[Format.audacity].text(labels))
    texts = ["channel 1: anger", "channel 2: sadness", "channel 1: anger"]
    assert [text for *_, text in in_audacity(tmp_path / "a.txt")] == texts
    task = label_studio.task(labels)
    assert_same(in_label_studio([task])[0], [(0, 1, "anger"), (1, 3, "sadness"), (2, 3, "anger")])
    assert [region["value"]["channel"] for region in task["predictions"][0]["result"]] == [0, 1, 0]


def test_utterances_that_overlap_are_a_tier_all_the_same(tmp_path: Path) -> None:
    parts = [
        window(("anger", 0.8), 1, 3, row=0),
        window(("sadness", 0.8), 2, 4, row=1),
        window(("neutral", 0.8), 2.5, 3.5, row=2),
    ]
    (labels,) = labels_of(parts)
    (tmp_path / "a.TextGrid").write_text(LABEL_FILES[Format.textgrid].text(labels))
    assert in_praat(tmp_path / "a.TextGrid") == {"emotion": [(1, 3, "anger"), (3, 4, "sadness")]}


def test_silence_is_a_label_file_without_labels(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(2 * RATE), RATE)
    arguments = ["predict", str(model), str(tmp_path / "silence.wav"), "--format"]
    assert run([*arguments, "audacity"]) == 0
    assert capsys.readouterr().out == ""
    assert run([*arguments, "textgrid"]) == 0
    (tmp_path / "a.TextGrid").write_text(capsys.readouterr().out)
    assert in_praat(tmp_path / "a.TextGrid") == {"emotion": []}
    assert run([*arguments, "label-studio"]) == 0
    assert in_label_studio(json.loads(capsys.readouterr().out)) == [[]]


@pytest.fixture(scope="module")
def stereo(tiny_corpora: tuple[Corpus, Corpus], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: two voices on two channels, one voice beside a silent channel, and one channel alone."""
    folder = tmp_path_factory.mktemp("stereo")
    clips = [read_audio(file) for file in tiny_corpora[1].table["file"]]
    left, right = np.concatenate(clips[:6]), np.concatenate(clips[18:24])
    length = min(len(left), len(right))
    left, right = left[:length], right[:length]
    soundfile.write(folder / "both.wav", np.stack([left, right], axis=1), RATE, subtype="FLOAT")
    soundfile.write(folder / "one.wav", np.stack([left, 0 * left], axis=1), RATE, subtype="FLOAT")
    soundfile.write(folder / "mono.wav", right, RATE, subtype="FLOAT")
    return folder


def objects(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_channel_is_predicted_alone(
    model: Path, stereo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["predict", str(model), str(stereo), "--channels", "split"]
    assert run([*arguments, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(Path(row["file"]).stem, row["channel"]) for row in rows] == [
        ("both", "1"),
        ("both", "2"),
        ("mono", "1"),
        ("one", "1"),
        ("one", "2"),
    ]
    left, right, mono, one, silent = rows
    assert silent["emotion"] == ""
    assert {**right, "file": "", "channel": ""} == {**mono, "file": "", "channel": ""}
    assert {**left, "file": ""} == {**one, "file": ""}
    assert left["anger"] != right["anger"]
    assert run([*arguments, "--format", "jsonl"]) == 0
    assert [one["channel"] for one in objects(capsys.readouterr().out)] == [1, 2, 1, 1, 2]
    assert run(arguments) == 0
    assert "channel" in capsys.readouterr().out
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.wav").write_bytes((stereo / "both.wav").read_bytes()[:5000])
    assert run([*arguments, str(tmp_path / "bad")]) == 2
    err = capsys.readouterr().err
    assert err.count("left out") == 1
    assert "1 of 4 recordings could not be read" in err


def test_the_mix_is_the_default(model: Path, stereo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = []
    for options in ([], ["--channels", "mix"]):
        assert run(["predict", str(model), str(stereo / "both.wav"), "--format", "jsonl", *options]) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]
    assert "channel" not in objects(answers[0])[0]


VARIANTS = [
    [],
    ["--window", "1"],
    ["--channels", "split"],
    ["--min-confidence", "0.5"],
    ["--window", "1", "--hop", "0.5", "--channels", "split", "--min-confidence", "0.9"],
    ["--window", "0.3", "--adapt-outputs", "lame", "--min-confidence", "0.5"],
    ["--summary"],
    ["--summary", "--channels", "split", "--min-confidence", "0.5"],
    ["--summary", "--window", "1", "--adapt-outputs", "t3a", "--hop", "0.2"],
]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"] in (DOCS / "predictions.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("options", VARIANTS, ids=" ".join)
def test_objects_follow_the_schema(
    model: Path, stereo: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    answers = []
    for format in ("json", "jsonl"):
        assert run(["predict", str(model), str(stereo), "--format", format, *options]) == 0
        answers.append(capsys.readouterr().out)
    in_json, in_lines = json.loads(answers[0]), objects(answers[1])
    assert in_json == in_lines
    kind = "summary" if "--summary" in options else "prediction"
    validator = Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": f"#/$defs/{kind}"}]})
    for one in in_lines:
        validator.validate(one)
        assert ("channel" in one) == ("split" in options)
        for key in list(one):  # and the schema knows what a missing or strange value is
            assert not validator.is_valid({**one, key: -1})
        assert not validator.is_valid({**one, "new": 1})


def test_what_is_uncertain_is_said_in_every_format(
    model: Path, call: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["predict", str(model), str(call), "--window", "1", "--min-confidence", "0.6"]
    assert run([*arguments, "--format", "jsonl"]) == 0
    rows = objects(capsys.readouterr().out)
    for one in rows:
        probabilities = one["probabilities"]
        if isinstance(probabilities, dict):
            best = max(probabilities, key=lambda emotion: float(probabilities[emotion]))
            assert one["emotion"] == (best if probabilities[best] >= 0.6 else "uncertain")
        else:
            assert one["emotion"] is None
    assert {"uncertain", None} < {one["emotion"] for one in rows}
    for format in ("csv", "table", "audacity", "textgrid", "label-studio"):
        assert run([*arguments, "--format", format]) == 0
        assert "uncertain" in capsys.readouterr().out
    assert run(["predict", str(model), str(call), "--summary", "--min-confidence", "0.6"]) == 0
    assert "uncertain" in capsys.readouterr().out


def test_a_summary_is_of_windows_of_three_seconds(
    model: Path, untrained: TrainedModel, call: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = summarise(list(predict(untrained, [Utterance(call)], window=3, hop=1)), untrained.emotions)
    arguments = ["predict", str(model), str(call), "--summary", "--format"]
    assert run([*arguments, "csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert run([*arguments, "json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert float(row["speech minutes"]) == pytest.approx(wanted.speech_minutes, abs=1e-3)
    assert one["speech_minutes"] == pytest.approx(wanted.speech_minutes, abs=1e-4)
    for emotion, own in wanted.emotions.items():
        assert float(row[f"{emotion} share"]) == pytest.approx(own.share, abs=1e-4)
        assert float(row[f"{emotion} longest"]) == pytest.approx(own.longest, abs=1e-2)
        assert one["emotions"][emotion]["share"] == pytest.approx(own.share, abs=1e-4)
        moments = [f"{m.start:.2f}-{m.end:.2f}" for m in own.moments or ()]
        assert [part.split(" ")[0] for part in row[f"{emotion} moments"].split("; ") if part] == moments
        assert len(one["emotions"][emotion].get("moments", [])) == len(moments)


def test_the_table_of_summaries_fits_100_columns() -> None:
    emotions = ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness")
    windows = [
        Prediction(
            row=0,
            file="/calls/2026-11-27/agent 12/call-000123.wav",
            start=3600 + float(second),
            end=3603 + float(second),
            speech=0.9,
            emotion=emotion,
            probabilities={one: 0.94 if one == emotion else 0.01 for one in emotions},
            channel=2,
        )
        for second, emotion in enumerate(emotions * 4)
    ]
    rows = SummaryRows(summaries=[summarise(windows, emotions)], emotions=emotions, channels=True)
    console = Console(width=100, file=io.StringIO())
    with console.capture() as captured:
        console.print(rows.table())
    lines = captured.get().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 100
    text = " ".join(lines)
    for word in (
        *emotions,
        "share",
        "longest",
        "moments",
        "27 s",
        "13 %",
        "1:00:00 .94, 1:00:07 .94, 1:00:14 .94",
    ):
        assert word in text


MISTAKES = [
    (["--summary", "--format", "textgrid"], "--summary is rows, not labels"),
    (["--format", "csv", "--out", "x"], "--out is for audacity and textgrid"),
    (["--format", "label-studio", "--out", "x"], "--out is for audacity and textgrid"),
    (["--min-confidence", "1.5"], "should be less than or equal to 1"),
    (["--min-confidence", "-0.1"], "should be greater than or equal to 0"),
    (["--channels", "left"], "is not one of 'mix', 'split'"),
]


@pytest.mark.parametrize(("options", "reason"), MISTAKES)
def test_mistakes_are_said_before_a_model_is_waited_for(
    options: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", "nowhere", "nothing.wav", *options]) == 2
    assert reason in complaint(capsys)


def test_utterances_of_a_table_are_labels_of_their_recordings(
    model: Path, target: Corpus, tmp_path: Path, speech: Samples, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "a.wav", speech, RATE)
    soundfile.write(tmp_path / "b.wav", speech, RATE)
    lines = ["file,start,end", "a.wav,0,2", "b.wav,1,3", "a.wav,6,7.5"]
    (tmp_path / "parts.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "labels"
    arguments = ["predict", str(model), str(tmp_path / "parts.csv"), "--format", "audacity", "--out", str(out)]
    assert run(arguments) == 0
    spans = [[(start, end) for start, end, _ in in_audacity(out / name)] for name in ("a.txt", "b.txt")]
    assert spans == [[(0, 2), (6, 7.5)], [(1, 3)]]
    assert len(table_of(target)) > 0
    capsys.readouterr()


@pytest.mark.parametrize("format", ["audacity", "textgrid", "label-studio"])
def test_no_recordings_are_no_labels(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    for options in [[], ["--out", str(tmp_path / "labels")]][: 2 - (format == "label-studio")]:
        monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
        assert run(["predict", str(model), "-", "--format", format, *options]) == 0
        assert capsys.readouterr().out == ("[\n]\n" if format == "label-studio" else "")
    assert not (tmp_path / "labels").exists()


def test_rows_are_printed_as_they_come() -> None:
    """A reader of lines has the first before the last is there."""

    class Reader(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    def rows() -> Iterator[Prediction]:
        for number, one in enumerate(timeline([("anger", 0.8)] * 3)):
            assert reader.flushed == number
            yield one

    from contextlib import redirect_stdout

    from didan.cli.formats import jsonl
    from didan.cli.formats.predictions import PredictionRows

    with redirect_stdout(Reader()) as reader:
        jsonl.write(
            PredictionRows(predictions=rows(), emotions=("anger",), times=True, channels=False, adapted=False)
        )
    assert reader.flushed == 3
