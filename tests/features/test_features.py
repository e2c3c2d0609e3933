"""Features of three utterances of two speakers, made of random numbers, normalised by hand with numpy."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from didan.corpora import Recordings
from didan.errors import DidanWarning
from didan.features import FeatureSet, Normalisation, join, normalised

NAN = float("nan")
Arrays = list[npt.NDArray[np.float32]]


def make(folder: Path, seed: int, speakers: list[object], **settings: Normalisation) -> tuple[Arrays, FeatureSet]:
    rng = np.random.default_rng(seed)
    raw, files = [], []
    for number in range(len(speakers)):
        raw.append((rng.normal(-60, 10, 5) + rng.standard_normal((10 + number, 5))).astype(np.float32))
        files.append(folder / f"{seed}-{number}.npy")
        np.save(files[-1], raw[-1])
    table = pd.DataFrame({"file": [file.name for file in files], "start": NAN, "end": NAN, "speaker": speakers})
    contents = pd.DataFrame({"file": [f"digest {file.name}" for file in files], "audio": None})
    recordings = Recordings(f"corpus {seed}", table)
    return raw, normalised(recordings, files, contents, settings.get("normalisation", "corpus"))


def by(frames: npt.NDArray[np.float32], *others: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Frames less the mean of all the others, divided by their standard deviation."""
    every = np.concatenate(others).astype(np.float64)
    normal: npt.NDArray[np.float64] = (frames - every.mean(axis=0)) / every.std(axis=0)
    return normal


def test_none_leaves_features_alone(tmp_path: Path) -> None:
    raw, features = make(tmp_path, 0, ["x", "y", "x"], normalisation="none")
    assert len(features) == 3
    for index in range(3):
        np.testing.assert_array_equal(features[index], raw[index])


def test_by_corpus(tmp_path: Path) -> None:
    raw, features = make(tmp_path, 0, ["x", "y", NAN], normalisation="corpus")
    for index in range(3):
        np.testing.assert_allclose(features[index], by(raw[index], *raw), atol=1e-4)


def test_by_speaker(tmp_path: Path) -> None:
    raw, features = make(tmp_path, 0, ["x", "y", "x"], normalisation="speaker")
    np.testing.assert_allclose(features[0], by(raw[0], raw[0], raw[2]), atol=1e-4)
    np.testing.assert_allclose(features[1], by(raw[1], raw[1]), atol=1e-4)
    np.testing.assert_allclose(features[2], by(raw[2], raw[0], raw[2]), atol=1e-4)


def test_by_utterance(tmp_path: Path) -> None:
    raw, features = make(tmp_path, 0, ["x", "y", NAN], normalisation="utterance")
    for index in range(3):
        np.testing.assert_allclose(features[index], by(raw[index], raw[index]), atol=1e-4)


def test_unknown_speakers_count_as_one(tmp_path: Path) -> None:
    with pytest.warns(DidanWarning, match="^corpus 0: the speaker of 2 of 4 utterances is unknown"):
        found = make(tmp_path, 0, ["x", NAN, "x", NAN], normalisation="speaker")[1]
    expected = make(tmp_path, 0, ["x", "y", "x", "y"], normalisation="speaker")[1]
    for index in range(4):
        np.testing.assert_array_equal(found[index], expected[index])


@pytest.mark.parametrize("normalisation", ["corpus", "speaker", "utterance", "none"])
def test_joined_sets_keep_their_own_statistics(tmp_path: Path, normalisation: Normalisation) -> None:
    parts = [make(tmp_path, seed, ["x", "y"], normalisation=normalisation)[1] for seed in (1, 2)]
    joined = join(parts)
    assert len(joined) == 4
    for index in range(4):
        np.testing.assert_array_equal(joined[index], parts[index // 2][index % 2])
    assert joined.contents["file"].tolist() == [f"digest {seed}-{n}.npy" for seed in (1, 2) for n in (0, 1)]


def test_sets_of_the_same_name_are_not_mixed_up(tmp_path: Path) -> None:
    first = make(tmp_path, 1, ["x", "y"])[1]
    second = make(tmp_path, 2, ["x", "y"])[1]
    namesake = replace(
        second, name="corpus 1", groups=["corpus 1"] * 2, statistics={"corpus 1": second.statistics["corpus 2"]}
    )
    joined = join([first, namesake])
    np.testing.assert_array_equal(joined[0], first[0])
    np.testing.assert_array_equal(joined[3], second[1])


@pytest.mark.parametrize("normalisation", ["corpus", "speaker", "utterance", "none"])
def test_overall_statistics_are_of_all_raw_frames(tmp_path: Path, normalisation: Normalisation) -> None:
    raw, features = make(tmp_path, 0, ["x", "y", "x"], normalisation=normalisation)
    frames = np.concatenate(raw).astype(np.float64)
    np.testing.assert_allclose(features.overall().mean, frames.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(features.overall().deviation, frames.std(axis=0), rtol=1e-5)


def test_features_stay_on_disk(tmp_path: Path) -> None:
    raw, features = make(tmp_path, 0, ["x", "y", "x"], normalisation="none")
    assert isinstance(features.raw(1), np.memmap)
    changed = features[1]
    changed[:] = 0  # what a caller does with its copy
    np.testing.assert_array_equal(features[1], raw[1])
