"""Recordings are put together from utterances and silence, so what must be found is known."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr

from didan.audio import RATE, read_audio
from didan.corpora import Corpus, Recordings
from didan.errors import AudioError, DidanWarning, UserError
from didan.speech.utterances import find_utterances, split_channels
from didan.typing import Samples
from speech.talk import conversation, noise, silence, talk, utterances

NAN = float("nan")


def recordings(
    folder: Path, files: dict[str, Samples], speaker: str | float = NAN, rate: int = RATE
) -> Recordings:
    for name, samples in files.items():
        soundfile.write(folder / name, samples, rate)
    paths = [str(folder / name) for name in files]
    return Recordings("calls", pd.DataFrame({"file": paths, "start": NAN, "end": NAN, "speaker": speaker}))


def long(n: int = 8) -> tuple[Samples, list[tuple[float, float]]]:
    """More than 15 s."""
    return conversation([1.0, 2.0, 0.8, 1.5, 1.0, 3.0, 1.2, 1.0][:n])


def test_short_files_are_utterances_as_they_are(tmp_path: Path) -> None:
    short = {f"{n}.wav": samples for n, samples in enumerate((utterances()[0], talk(15), conversation([1, 2])[0]))}
    given = recordings(tmp_path, short)
    spoken = find_utterances(given)
    assert spoken.name == "calls"
    pd.testing.assert_frame_equal(spoken.table, given.table, check_dtype=False)


def test_long_files_are_cut_where_somebody_speaks(tmp_path: Path) -> None:
    samples, times = long()
    spoken = find_utterances(recordings(tmp_path, {"a.wav": samples, "b.flac": samples})).table
    assert spoken["file"].tolist() == [str(tmp_path / name) for name in ("a.wav", "b.flac") for _ in times]
    np.testing.assert_allclose(spoken["start"], 2 * [start for start, _ in times], atol=0.2)
    np.testing.assert_allclose(spoken["end"], 2 * [end for _, end in times], atol=0.3)


def test_a_long_file_with_one_utterance_is_cut_too(tmp_path: Path) -> None:
    samples = np.concatenate([silence(9), talk(4), silence(9)])
    (spoken,) = find_utterances(recordings(tmp_path, {"a.wav": samples})).table[["start", "end"]].to_numpy()
    np.testing.assert_allclose(spoken, [9, 13], atol=0.3)


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_spans_are_seconds_whatever_the_rate_of_the_file(tmp_path: Path, rate: int) -> None:
    samples, times = long()
    given = recordings(tmp_path, {"a.wav": samples})
    resampled: Samples = soxr.resample(samples, RATE, rate)
    spoken = find_utterances(recordings(tmp_path, {"other.wav": resampled}, rate=rate)).table
    assert len(spoken) == len(times)
    np.testing.assert_allclose(spoken[["start", "end"]], find_utterances(given).table[["start", "end"]], atol=0.1)


def test_every_utterance_can_be_read(tmp_path: Path) -> None:
    # Up to the end of the file: no span may reach beyond it.
    samples = np.concatenate([long()[0], utterances()[0]])
    spoken = find_utterances(recordings(tmp_path, {"a.wav": samples})).table
    for file, start, end in zip(spoken["file"], spoken["start"], spoken["end"], strict=True):
        expected = np.round(samples[round(start * RATE) : round(end * RATE)] * 32768) / 32768
        np.testing.assert_allclose(read_audio(file, start, end), expected, atol=1e-4)


def test_files_in_which_nobody_speaks_are_left_out_with_a_word(tmp_path: Path) -> None:
    files = {
        "hiss.wav": noise(6, 1e-3),
        "call.wav": long()[0],
        "long hiss.wav": noise(30, 1e-3),
        "short.wav": talk(3),
    }
    with pytest.warns(DidanWarning, match=r"calls: no speech in 2 of 4 recordings, left out") as notes:
        spoken = find_utterances(recordings(tmp_path, files))
    assert len(notes) == 1
    assert str(tmp_path / "hiss.wav") in str(notes[0].message)
    assert set(spoken.table["file"]) == {str(tmp_path / "call.wav"), str(tmp_path / "short.wav")}


def damage(folder: Path) -> dict[str, str]:
    """Files that cannot be used, and what must be said of each."""
    soundfile.write(folder / "silent.wav", silence(3), RATE)
    soundfile.write(folder / "long silence.wav", silence(40), RATE)
    (folder / "text.wav").write_text("no audio")
    (folder / "empty.wav").touch()
    soundfile.write(folder / "cut.flac", talk(40), RATE)
    content = (folder / "cut.flac").read_bytes()
    (folder / "cut.flac").write_bytes(content[: len(content) // 2])
    return {
        "silent.wav": "is silent",
        "long silence.wav": "is silent",
        "text.wav": "is not audio",
        "empty.wav": "is empty",
        "cut.flac": "cut off",
        "gone.wav": "no such file",
    }


def test_a_file_that_cannot_be_used_is_an_error_with_its_name(tmp_path: Path) -> None:
    for name, reason in damage(tmp_path).items():
        good = recordings(tmp_path, {"good.wav": talk(3)}).table
        both = pd.concat([good, good.assign(file=str(tmp_path / name))], ignore_index=True)
        with pytest.raises(AudioError, match=rf"{name}: .*{reason}"):
            find_utterances(Recordings("calls", both))


def test_several_such_files_are_counted(tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in damage(tmp_path)]
    table = pd.DataFrame({"file": names, "start": NAN, "end": NAN, "speaker": NAN})
    with pytest.raises(AudioError, match=r"cut\.flac: .*\(and 5 more of 6 recordings\)"):
        find_utterances(Recordings("calls", table))


def test_such_files_are_left_out_if_somebody_asks_for_the_reasons(tmp_path: Path) -> None:
    good = recordings(tmp_path, {"a.wav": talk(3), "z.wav": long()[0]}).table
    expected = damage(tmp_path)
    bad = pd.DataFrame({"file": [str(tmp_path / n) for n in expected], "start": NAN, "end": NAN, "speaker": NAN})
    reasons: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spoken = find_utterances(
            Recordings("calls", pd.concat([good[:1], bad, good[1:]], ignore_index=True)),
            on_damaged=lambda error: reasons.append(str(error)),
        )
    assert {Path(reason.split(": ")[0]).name for reason in reasons} == set(expected)
    assert all(expected[Path(reason.split(": ")[0]).name] in reason for reason in reasons)
    pd.testing.assert_frame_equal(spoken.table, find_utterances(Recordings("calls", good)).table)


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    given = recordings(tmp_path, {"hiss.wav": noise(6, 1e-3)})
    with (
        pytest.warns(DidanWarning, match="no speech in 1 of 1"),
        pytest.raises(UserError, match="none of its 1 recordings holds speech"),
    ):
        find_utterances(given)
    (tmp_path / "hiss.wav").write_text("no audio")
    reasons: list[AudioError] = []
    with pytest.raises(UserError, match="none of its 1 recordings holds speech"):
        find_utterances(given, on_damaged=reasons.append)
    assert len(reasons) == 1


def test_speakers_are_kept(tmp_path: Path) -> None:
    given = recordings(tmp_path, {"a.wav": long()[0], "b.wav": talk(2), "c.wav": long(7)[0]})
    table = given.table.assign(speaker=pd.Series(["03", np.nan, "NA"], dtype=object))
    spoken = find_utterances(Recordings("calls", table)).table
    speakers = spoken.groupby("file")["speaker"].agg(lambda own: own.drop_duplicates().tolist())
    assert spoken["speaker"].notna().sum() == len(spoken) - 1
    assert speakers[str(tmp_path / "a.wav")] == ["03"]
    assert speakers[str(tmp_path / "c.wav")] == ["NA"]


def test_progress_counts_recordings(source: Corpus) -> None:
    calls: list[tuple[str, int, int]] = []
    find_utterances(source.unlabelled(), lambda *counts: calls.append(counts))
    assert calls == [("finding speech in alpha", number, 36) for number in range(1, 37)]


def test_each_channel_has_utterances_of_its_own(tmp_path: Path) -> None:
    samples, times = long()
    later = np.concatenate([silence(0.7), samples])[: len(samples)]
    given = recordings(tmp_path, {"a.wav": np.stack([samples, later], axis=1), "b.wav": talk(3)})
    spoken = find_utterances(split_channels(given))
    assert spoken.table["file"].tolist() == [*[str(tmp_path / "a.wav")] * 2 * len(times), str(tmp_path / "b.wav")]
    assert spoken.channels == [*[1] * len(times), *[2] * len(times), 1]
    starts = spoken.table["start"].to_numpy()
    np.testing.assert_allclose(starts[: len(times)], [start for start, _ in times], atol=0.2)
    np.testing.assert_allclose(starts[len(times) : -1], [start + 0.7 for start, _ in times], atol=0.2)
    for one in spoken.unlabelled().utterances()[: len(times) + 1]:
        own = (samples, later)[(one.channel or 0) - 1]
        expected = own[round(one.start * RATE) : round(one.end * RATE)]
        np.testing.assert_allclose(read_audio(*one[:4]), expected, atol=1e-4)
    by_file = spoken.grouped("file").utterances()
    assert {one.group for one in by_file} == {
        f"{file} channel {c}" for file, c in {(o.file, o.channel) for o in by_file}
    }


def test_a_file_of_two_channels_is_damaged_once_and_silent_by_channel(tmp_path: Path) -> None:
    one_sided = np.stack([talk(3), silence(3)], axis=1)
    given = recordings(tmp_path, {"a.wav": one_sided, "b.wav": one_sided})
    (tmp_path / "b.wav").write_bytes((tmp_path / "b.wav").read_bytes()[:50_000])
    said: list[AudioError] = []
    spoken = find_utterances(split_channels(given), on_damaged=said.append)
    assert (len(spoken), spoken.channels) == (1, [1])
    assert [str(error).split(": ")[1][:20] for error in said] == ["channel 2 is silent,", "is cut off, its head"]
