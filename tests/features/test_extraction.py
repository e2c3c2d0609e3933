import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from didan.audio import RATE, read_audio
from didan.corpora import Corpus, Recordings
from didan.errors import AudioError, UserError
from didan.features import (
    Extracted,
    FeatureStore,
    FrontendSettings,
    FunctionalsSettings,
    Spectrogram,
    SpectrogramSettings,
    build_frontend,
    extract,
    extract_features,
    extraction,
)
from didan.features.cache import database
from didan.typing import Samples

NAN = float("nan")
SETTINGS = SpectrogramSettings()


def write_noise(file: Path, seed: int, seconds: float = 0.3) -> Path:
    samples = np.random.default_rng(seed).integers(-3000, 3000, round(seconds * RATE), dtype=np.int16)
    soundfile.write(file, samples, RATE)
    return file


def recordings(files: list[Path], start: object = NAN, end: object = NAN) -> Recordings:
    names = [str(file) for file in files]
    return Recordings("r", pd.DataFrame({"file": names, "start": start, "end": end, "speaker": NAN}))


def features_by_hand(file: Path, start: float = NAN, end: float = NAN) -> Samples:
    return extract_features(Spectrogram(SETTINGS), read_audio(file, start, end))


def features_in(cache: Path) -> list[str]:
    """What all that is in the store is found by."""
    with database(FeatureStore(cache, SETTINGS).folder / "index.sqlite") as index:
        return [name for (name,) in index.execute("SELECT name FROM features")]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write_noise(tmp_path / f"{number}.wav", number, 0.2 + 0.05 * number) for number in range(6)]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files decoded so far."""
    names: list[str] = []

    def spy(file: Path, start: float, end: float, channel: int | None) -> Samples:
        names.append(file.name)
        return read_audio(file, start, end, channel)

    monkeypatch.setattr(extraction, "read_audio", spy)
    return names


def assert_same(one: Extracted, other: Extracted, rows: Sequence[int]) -> None:
    for row in rows:
        np.testing.assert_array_equal(one.features[row], other.features[row])


def assert_right(extracted: Extracted, files: list[Path]) -> None:
    assert len(extracted.features) == len(files)
    for index, file in enumerate(files):
        np.testing.assert_allclose(extracted.features[index], features_by_hand(file), atol=1e-4)


@pytest.mark.parametrize("workers", [1, 3, None])
def test_features_come_in_the_order_of_the_utterances(files: list[Path], cache: Path, workers: int | None) -> None:
    files = files[::-1]
    assert_right(extract(recordings(files), SETTINGS, cache, workers=workers), files)


def test_everything_is_computed_once(files: list[Path], cache: Path, decoded: list[str]) -> None:
    first = extract(recordings(files), SETTINGS, cache)
    assert sorted(decoded) == [file.name for file in files]
    again = extract(recordings(files), SETTINGS, cache)
    assert len(decoded) == len(files)
    assert_same(again, first, range(len(files)))
    pd.testing.assert_frame_equal(again.contents, first.contents)


def test_changed_file_is_computed_again(files: list[Path], cache: Path, decoded: list[str]) -> None:
    before = extract(recordings(files), SETTINGS, cache)
    decoded.clear()
    write_noise(files[2], seed=99, seconds=0.3)  # as long as before
    after = extract(recordings(files), SETTINGS, cache)
    assert decoded == ["2.wav"]
    assert_same(after, before, [0, 1, 3, 4, 5])
    assert_right(after, files)


def test_other_settings_are_computed_for_themselves(files: list[Path], cache: Path, decoded: list[str]) -> None:
    first = extract(recordings(files), SETTINGS, cache)
    other = extract(recordings(files), SpectrogramSettings(bands=32), cache)
    assert len(decoded) == 2 * len(files)
    assert (first.features[0].shape[1], other.features[0].shape[1]) == (64, 32)


def test_same_content_under_two_names_is_computed_once(tmp_path: Path, cache: Path, decoded: list[str]) -> None:
    same = [write_noise(tmp_path / name, seed=1) for name in ("a.wav", "b.wav")]
    extracted = extract(recordings(same), SETTINGS, cache, workers=1)
    assert len(decoded) == 1
    assert_same(extracted, extract(recordings(same[::-1]), SETTINGS, cache), range(2))
    assert len(features_in(cache)) == 1
    assert extracted.contents["file"].nunique() == 1


def test_copies_share_the_digest_of_the_audio(tmp_path: Path, cache: Path) -> None:
    three = [write_noise(tmp_path / name, seed) for name, seed in (("a.wav", 1), ("a.flac", 1), ("b.wav", 2))]
    contents = extract(recordings(three), SETTINGS, cache).contents
    assert contents["file"].nunique() == 3
    assert contents["audio"][0] == contents["audio"][1] != contents["audio"][2]


def test_segments(tmp_path: Path, cache: Path) -> None:
    file = write_noise(tmp_path / "long.wav", 0, seconds=1)
    spans = [(0, 0.5), (0.5, 1), (0.25, NAN), (NAN, 0.3), (NAN, NAN)]
    starts, ends = zip(*spans, strict=True)
    extracted = extract(recordings([file] * 5, starts, ends), SETTINGS, cache)
    for index, span in enumerate(spans):
        np.testing.assert_allclose(extracted.features[index], features_by_hand(file, *span), atol=1e-4)
    assert extracted.contents["file"].nunique() == 1
    assert extracted.contents["audio"].nunique() == 5


def test_progress_counts_utterances(files: list[Path], cache: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    extract(recordings(files), SETTINGS, cache, progress=lambda *step: calls.append(step))
    assert calls == [("features of r", number, 6) for number in range(1, 7)]


def test_interrupted_run_goes_on_where_it_stopped(
    files: list[Path], cache: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class InterruptedAtTheThird(Spectrogram):
        calls = 0

        def forward(self, waveform: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            self.calls += 1
            if self.calls == 3:
                raise KeyboardInterrupt
            return super().forward(waveform)

    interrupted = InterruptedAtTheThird(SETTINGS)
    with monkeypatch.context() as patch:
        patch.setattr(extraction, "cached_frontend", lambda settings: interrupted)
        with pytest.raises(KeyboardInterrupt):
            extract(recordings(files), SETTINGS, cache, workers=1)
    there = features_in(cache)
    assert 2 <= len(there) < 6
    decoded.clear()
    assert_right(extract(recordings(files), SETTINGS, cache, workers=1), files)
    assert len(decoded) == 6 - len(there)


def test_ctrl_c_in_the_progress_hook(files: list[Path], cache: Path, decoded: list[str]) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(recordings(files), SETTINGS, cache, workers=2, progress=interrupt)
    there = features_in(cache)
    decoded.clear()
    assert_right(extract(recordings(files), SETTINGS, cache), files)
    assert len(decoded) == 6 - len(there)


def test_full_disk_is_one_clear_error(
    tmp_path: Path, cache: Path, small_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    long = [write_noise(tmp_path / f"{number}.wav", number, seconds=1) for number in range(3)]
    extract(recordings([write_noise(tmp_path / "short.wav", 9)]), SETTINGS, cache)
    with small_disk(24_000), pytest.raises(UserError, match=r"^cannot write features to .*--cache$") as caught:
        extract(recordings(long), SETTINGS, cache, workers=2)
    assert "\n" not in str(caught.value)
    assert len(features_in(cache)) == 1
    assert_right(extract(recordings(long), SETTINGS, cache), long)


def test_damaged_files_are_counted_and_the_first_is_named(
    files: list[Path], cache: Path, decoded: list[str]
) -> None:
    files[1].write_bytes(b"")
    files[4].write_text("no audio")
    with pytest.raises(AudioError, match=r"1\.wav: is empty \(0 bytes\) \(and 1 more of 6 recordings\)$"):
        extract(recordings(files), SETTINGS, cache)
    assert len(features_in(cache)) == 4
    files[1].unlink()
    with pytest.raises(AudioError, match=r"1\.wav: no such file or directory \(and 1 more of 6 recordings\)$"):
        extract(recordings(files), SETTINGS, cache)
    with pytest.raises(AudioError, match=r"4\.wav: is not audio, or damaged beyond reading$"):
        extract(recordings(files[4:]), SETTINGS, cache)
    decoded.clear()
    extract(recordings([files[number] for number in (0, 2, 3, 5)]), SETTINGS, cache)
    assert decoded == []


def test_damaged_features_alone_are_computed_again(files: list[Path], cache: Path, decoded: list[str]) -> None:
    extract(recordings(files), SETTINGS, cache)
    (shard,) = cache.rglob("*.f32")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    decoded.clear()
    assert_right(extract(recordings(files), SETTINGS, cache), files)
    assert len(decoded) == 1


def test_deleted_features_are_computed_again(files: list[Path], cache: Path, decoded: list[str]) -> None:
    extract(recordings(files), SETTINGS, cache)
    (shard,) = cache.rglob("*.f32")
    shard.unlink()
    decoded.clear()
    assert_right(extract(recordings(files), SETTINGS, cache), files)
    assert len(decoded) == len(files)


@pytest.mark.parametrize("settings", [FunctionalsSettings(), SpectrogramSettings()])
def test_the_number_of_threads_plays_no_part(target: Corpus, settings: FrontendSettings) -> None:
    frontend, before = build_frontend(settings), torch.get_num_threads()
    samples = read_audio(target.table["file"].iloc[0])
    computed = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            computed.append(extract_features(frontend, samples))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(computed[0], computed[1])


OTHER_PROCESS = """
import sys
from pathlib import Path
from didan.corpora import Recordings, read_target
from didan.features import SpectrogramSettings, extract
target = read_target(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
extract(target, SpectrogramSettings(), Path(sys.argv[2]), workers=2)
"""


def test_two_processes_at_once(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "audio"
    folder.mkdir()
    many = [write_noise(folder / f"{number:02d}.wav", number, 0.2) for number in range(40)]
    command = [sys.executable, "-c", OTHER_PROCESS, str(folder), str(cache)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        other.stdin.flush()
        ours = extract(recordings(many), SETTINGS, cache, workers=2)
        assert other.wait(60) == 0
    assert_right(ours, many)
    assert len(features_in(cache)) == len(many)
