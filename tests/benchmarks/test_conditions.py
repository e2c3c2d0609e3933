"""Conditions: what each promises of the utterances it draws, on corpora of a hand-made table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from benchmarks.conditions import CONDITIONS, callers, derive

from didan.corpora import Corpus
from didan.errors import UserError

EMOTIONS = ("anger", "fear", "joy", "neutral")
TABLE = pd.DataFrame(
    [(f"{n}.wav", np.nan, np.nan, s, e) for s in "ab" for e in EMOTIONS for n in range(60)],
    columns=["file", "start", "end", "speaker", "emotion"],
).assign(file=lambda table: [f"{row}.wav" for row in table.index])
CORPUS = Corpus("x", TABLE)


@pytest.mark.parametrize("share", [1.0, 0.8, 0.5])
def test_a_caller_has_her_share_of_her_emotion(share: float) -> None:
    moods = callers(TABLE, share).str.rpartition("/")[0]
    own = moods == TABLE["speaker"] + "/" + TABLE["emotion"]
    assert own.groupby([TABLE["speaker"], TABLE["emotion"]]).mean().eq(share).all()
    # What callers have of other emotions is spread evenly over them.
    assert moods.value_counts().nunique() == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_caller_has_5_to_15_utterances(seed: int) -> None:
    assert callers(TABLE, 1.0, seed).value_counts().between(5, 15).all()


def test_nobody_calls_in_the_name_of_another() -> None:
    assert (callers(TABLE, 0.8).str.partition("/")[0] == TABLE["speaker"]).all()


def test_one_emotion_is_one_mood() -> None:
    moods = callers(TABLE[TABLE["emotion"] == "fear"], 0.8).str.rpartition("/")[0]
    assert set(moods) == {"a/fear", "b/fear"}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_seeded(condition: str, tmp_path: Path) -> None:
    first, again, *others = (derive(CORPUS, condition, draw, tmp_path) for draw in (0, 0, *range(1, 9)))
    pd.testing.assert_frame_equal(first.heard.table, again.heard.table)
    assert condition == "even" or not all(first.heard.table.equals(other.heard.table) for other in others)


@pytest.mark.parametrize(("condition", "share"), [("half", 0.5), ("mostly", 0.8)])
def test_neutral_is_as_frequent_as_the_name_says(condition: str, share: float, tmp_path: Path) -> None:
    counts = derive(CORPUS, condition, 0, tmp_path).heard.table["emotion"].value_counts()
    assert counts["neutral"] / counts.sum() == pytest.approx(share, abs=0.01)
    assert counts["neutral"] == 120  # all there are
    assert counts.drop("neutral").nunique() == 1


def test_neutral_cannot_be_frequent_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="x has no neutral"):
        derive(CORPUS.only(("anger", "fear")), "half", 0, tmp_path)


@pytest.mark.parametrize("draw", range(4))
def test_two_emotions_are_missing_and_neutral_is_not(draw: int, tmp_path: Path) -> None:
    target = derive(CORPUS, "missing", draw, tmp_path)
    assert "neutral" in target.heard.emotions
    assert len(target.heard.emotions) == 2
    assert target.evaluated is target.heard


@pytest.mark.parametrize("n", [20, 60, 200])
def test_few_are_heard_and_all_evaluated(n: int, tmp_path: Path) -> None:
    target = derive(CORPUS, f"few-{n}", 0, tmp_path)
    assert len(target.heard) == n
    assert set(target.heard.table["file"]) <= set(TABLE["file"])
    assert target.evaluated is CORPUS


@pytest.mark.parametrize(("draw", "codec", "snr"), [(0, "ULAW", 15), (1, "GSM610", 15), (2, "ULAW", 5)])
def test_a_telephone_has_its_band_codec_and_noise(draw: int, codec: str, snr: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pause, seconds = 16_000, 2
    tone = 0.2 * np.sin(2 * np.pi * 1000 * np.arange(seconds * 16_000) / 16_000)
    file = tmp_path / "tone.wav"
    soundfile.write(file, np.concatenate([np.zeros(pause), tone + 1e-5 * rng.normal(size=len(tone))]), 16_000)
    table = TABLE.head(1).assign(file=str(file))
    target = derive(Corpus("x", table), "telephone", draw, tmp_path / "audio")
    (arrived,) = target.heard.table["file"]
    info = soundfile.info(arrived)
    assert (info.samplerate, info.subtype) == (8000, codec)
    samples, _ = soundfile.read(arrived)
    noise, speech = samples[800:6400], samples[8800:23_000]
    found = 10 * np.log10(np.mean(speech**2) / np.mean(noise**2) - 1)
    # The noise is told by the level of the whole utterance, a third of which is a pause; some of its band is lost.
    assert found == pytest.approx(snr + 10 * np.log10(3 / 2) + 3, abs=3)
    assert list(target.heard.table["emotion"]) == list(table["emotion"])
