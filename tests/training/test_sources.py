"""Features are compared with the spectrograms of the recordings, normalised by numpy."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from didan.audio import Utterance, read_audio
from didan.corpora import Corpus, Recordings
from didan.errors import UserError
from didan.features import (
    NormalisationSettings,
    PackedFeatures,
    Spectrogram,
    SpectrogramSettings,
    extract_features,
)
from didan.features.fingerprints import Fingerprints
from didan.model.config import make_config
from didan.model.source import source_corpora
from didan.model.trained import TrainedModel
from didan.training.data import load_data
from didan.training.sources import source_features
from didan.training.task import make_task
from didan.training.train import train
from didan.typing import Features


def raw(file: str, start: float = float("nan"), end: float = float("nan")) -> Features:
    return extract_features(Spectrogram(SpectrogramSettings()), read_audio(file, start, end))


def normalised(features: Sequence[Features], table: pd.DataFrame, shrinkage: float) -> list[Features]:
    """Each with the statistics of its group, drawn towards those of its source, over all of their frames."""
    results: list[Features] = []
    for own, group, source in zip(features, table["group"], table["source"], strict=True):
        domain = [x for x, other in zip(features, table["source"], strict=True) if other == source]
        both = zip(features, table["group"], table["source"], strict=True)
        members = [x for x, name, other in both if (name, other) == (group, source) and pd.notna(name)]
        means, variances = np.zeros((2, own.shape[1])), np.zeros((2, own.shape[1]))
        for row, part in enumerate((domain, members)):
            if part:
                frames = np.concatenate(part).astype(np.float64)
                means[row], variances[row] = frames.mean(axis=0), frames.var(axis=0)
        weight = len(members) / (len(members) + shrinkage) if members else 0.0
        weights = np.array([1 - weight, weight])
        results.append(((own - weights @ means) / np.sqrt(weights @ variances)).astype(np.float32))
    return results


def expected(model: TrainedModel, features: Sequence[Features]) -> list[Features]:
    return normalised(features, model.source_index.table, model.config.normalisation.shrinkage)


def pointing_to(model: TrainedModel, table: pd.DataFrame) -> TrainedModel:
    return replace(model, source_index=replace(model.source_index, table=table))


def recovered(model: TrainedModel, cache: Path, search_paths: Sequence[Path] = ()) -> list[Features]:
    features = source_features(model, search_paths, cache)
    return [features[index] for index in range(len(features))]


def assert_close(features: Sequence[Features], expected: Sequence[Features], atol: float = 1e-4) -> None:
    for one, other in zip(features, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=atol)


@pytest.fixture(scope="module")
def spectrograms(tiny_corpora: tuple[Corpus, Corpus]) -> list[Features]:
    """Of the source, before normalisation."""
    return [raw(str(file)) for file in tiny_corpora[0].table["file"]]


@pytest.fixture
def own(untrained: TrainedModel, source: Corpus, tmp_path: Path) -> TrainedModel:
    """A model whose source lies in a folder that may be moved."""
    shutil.copytree(Path(source.table["file"].iloc[0]).parents[1], tmp_path / "here")
    files = [str(tmp_path / "here" / Path(file).parent.name / Path(file).name) for file in source.table["file"]]
    return pointing_to(untrained, untrained.source_index.table.assign(file=files))


def test_the_source_is_the_labelled_corpora_it_was(untrained: TrainedModel, source: Corpus) -> None:
    (corpus,) = source_corpora(untrained)
    assert corpus.name == "alpha"
    pd.testing.assert_frame_equal(corpus.table.drop(columns="group"), source.table, check_dtype=False)
    assert corpus.groups.tolist() == source.table["speaker"].tolist()


def two_sources(model: TrainedModel) -> TrainedModel:
    """As if the first speaker had been a corpus of her own."""
    table = model.source_index.table
    second = table["speaker"] != "alpha-01"
    return pointing_to(model, table.assign(corpus=np.where(second, "one", "two"), source=second.astype(int)))


def test_several_sources_stay_apart(untrained: TrainedModel, source: Corpus) -> None:
    first, second = source_corpora(two_sources(untrained))
    assert (first.name, second.name) == ("two", "one")
    assert set(first.table["speaker"]) == {"alpha-01"}
    together = pd.concat([first.table, second.table], ignore_index=True).drop(columns="group")
    pd.testing.assert_frame_equal(together, source.table, check_dtype=False)


@pytest.mark.parametrize("shrinkage", [0.0, 10.0, 1e6])
@pytest.mark.parametrize("group", ["speaker", "file", "folder", "session", "none"])
def test_features_come_from_the_recordings_where_they_lay(
    untrained: TrainedModel, tmp_path: Path, spectrograms: list[Features], group: str, shrinkage: float
) -> None:
    table = untrained.source_index.table
    by_group: dict[str, Any] = {
        "speaker": table["speaker"],
        "file": table["file"],
        "folder": [str(Path(file).parent) for file in table["file"]],
        "session": [None, "am", "pm"] * 12,
        "none": np.nan,
    }
    normalisation = NormalisationSettings(group=group, shrinkage=shrinkage)
    config = untrained.config.model_copy(update={"normalisation": normalisation})
    model = replace(pointing_to(untrained, table.assign(group=by_group[group])), config=config)
    assert_close(recovered(model, tmp_path / "cache"), expected(model, spectrograms))


def test_each_source_is_normalised_by_itself(
    untrained: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    model = two_sources(untrained)
    # A speaker of both is two speakers, since every corpus has its own microphone.
    table = model.source_index.table.assign(group=np.where(np.arange(36) % 4 < 2, "x", "y"))
    model = pointing_to(model, table)
    assert_close(recovered(model, tmp_path / "cache"), expected(model, spectrograms))


def test_what_the_cache_holds_needs_no_recordings(
    own: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    recovered(own, tmp_path / "cache")
    shutil.rmtree(tmp_path / "here")
    assert_close(recovered(own, tmp_path / "cache"), expected(own, spectrograms))


def test_recordings_that_were_moved_are_known_by_their_content(
    own: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    # Renamed too, so that only the content can tell; and in two places among other things.
    for number, file in enumerate(sorted(own.source_index.table["file"], reverse=True)):
        place = tmp_path / f"place {number % 2}" / "deep" / "below"
        place.mkdir(parents=True, exist_ok=True)
        Path(file).rename(place / f"{number}.wav")
    (tmp_path / "place 0" / "other.wav").write_text("no audio")
    soundfile.write(tmp_path / "place 1" / "other.flac", np.zeros(16_000), 16_000)
    search_paths = [tmp_path / "place 0", tmp_path / "place 1"]
    assert_close(recovered(own, tmp_path / "cache", search_paths), expected(own, spectrograms))
    # Now they are in the cache.
    assert_close(recovered(own, tmp_path / "cache"), expected(own, spectrograms))


def test_only_what_is_missing_is_looked_for(
    own: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    (tmp_path / "there").mkdir()
    for number, file in enumerate(own.source_index.table["file"][::2]):
        Path(file).rename(tmp_path / "there" / f"{number}.wav")
    assert_close(recovered(own, tmp_path / "cache", [tmp_path / "there"]), expected(own, spectrograms))


def test_what_is_not_found_is_said(own: TrainedModel, tmp_path: Path) -> None:
    files = own.source_index.table["file"].tolist()
    (tmp_path / "there").mkdir()
    for number, file in enumerate(files[10:]):
        Path(file).rename(tmp_path / "there" / f"{number}.wav")
    with pytest.raises(
        UserError, match=r"26 recordings .*\(alpha\).*--source-folder.*--include-source-features"
    ) as caught:
        recovered(own, tmp_path / "cache")
    assert files[10] in str(caught.value)
    assert "\n" not in str(caught.value)
    (tmp_path / "there" / "3.wav").unlink()
    with pytest.raises(UserError, match=rf"1 recordings .*first: {files[13]}"):
        recovered(own, tmp_path / "cache", [tmp_path / "there"])
    with pytest.raises(UserError, match="nowhere does not exist"):
        recovered(own, tmp_path / "cache", [tmp_path / "nowhere"])


def test_another_recording_in_the_same_place_is_none_of_ours(own: TrainedModel, tmp_path: Path) -> None:
    first, second = own.source_index.table["file"].iloc[:2]
    shutil.copy(second, first)
    with pytest.raises(UserError, match=rf"1 recordings .*first: {first}"):
        recovered(own, tmp_path / "cache")


def test_utterances_within_a_file_are_found_too(
    untrained: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    table = untrained.source_index.table
    samples = [read_audio(file) for file in table["file"]]
    ends = np.cumsum([len(one) for one in samples]) / 16_000
    starts = np.concatenate([[0.0], ends[:-1]])
    soundfile.write(tmp_path / "all.wav", np.concatenate(samples), 16_000, subtype="FLOAT")
    digest = Fingerprints(tmp_path / "other").contents_of(Utterance(tmp_path / "all.wav")).file
    cut = table.assign(file="/gone/all.wav", start=starts, end=ends, digest=digest)
    (tmp_path / "there").mkdir()
    (tmp_path / "all.wav").rename(tmp_path / "there" / "renamed.wav")
    model = pointing_to(untrained, cut)
    features = recovered(model, tmp_path / "cache", [tmp_path / "there"])
    assert_close(features, expected(model, spectrograms))


def test_what_the_model_includes_needs_neither_recordings_nor_cache(
    own: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    including = replace(own, source_index=replace(own.source_index, features=PackedFeatures.pack(spectrograms)))
    shutil.rmtree(tmp_path / "here")
    features = recovered(including, tmp_path / "cache")
    # Half precision: 0.03 dB of bands that vary by 10 dB and more.
    assert_close(features, expected(own, spectrograms), atol=5e-3)
    assert not (tmp_path / "cache").exists()


def test_features_are_in_the_order_of_the_source_index(
    untrained: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    order = np.random.default_rng(0).permutation(36)
    table = untrained.source_index.table.iloc[order].reset_index(drop=True)
    shuffled = [spectrograms[index] for index in order]
    for features in (None, PackedFeatures.pack(shuffled)):
        model = replace(untrained, source_index=replace(untrained.source_index, table=table, features=features))
        assert_close(recovered(model, tmp_path / "cache"), expected(model, shuffled), atol=5e-3)


def test_digests_come_along(untrained: TrainedModel, tmp_path: Path) -> None:
    contents = source_features(untrained, (), tmp_path / "cache").contents
    assert contents["file"].tolist() == untrained.source_index.table["digest"].tolist()
    assert contents["audio"].tolist() == untrained.source_index.table["audio"].tolist()


def test_features_are_those_that_the_model_was_trained_on(source: Corpus, target: Corpus, tmp_path: Path) -> None:
    first, second, third = (source.table[source.table["speaker"] == f"alpha-0{n}"] for n in (1, 2, 3))
    sources = [
        Corpus("a", first.reset_index(drop=True).assign(session=[np.nan, "x", "y"] * 4)),
        Corpus("b", second.reset_index(drop=True)),
        Corpus("c", third.reset_index(drop=True).assign(session=["x", "z"] * 6)),
    ]
    named = Recordings("calls", target.unlabelled().table.assign(session="s"))
    settings = ["optimisation.steps=1", "optimisation.batch_size=4", "normalisation.group=session"]
    config = make_config(assignments=settings)
    model = train(sources, named, config=config, cache=tmp_path / "cache", include_source_features=True)
    seen = load_data(make_task(sources, named, group="session"), config, tmp_path / "cache").source
    bare = replace(model, source_index=replace(model.source_index, features=None))
    again = recovered(bare, tmp_path / "cache")
    for index, own in enumerate(again):
        np.testing.assert_array_equal(own, seen[index])
    assert_close(recovered(model, tmp_path / "nothing"), again, atol=0.02)  # half precision


def test_sources_of_one_name_are_normalised_as_in_training(source: Corpus, target: Corpus, tmp_path: Path) -> None:
    # Such as labels.csv in two folders.
    first = source.table["speaker"] == "alpha-01"
    parts = [Corpus("labels", source.table[rows].reset_index(drop=True)) for rows in (first, ~first)]
    settings = ["optimisation.steps=1", "optimisation.batch_size=4", "normalisation.group=none"]
    config = make_config(frontend="spectrogram", assignments=settings)
    model = train(parts, target, config=config, cache=tmp_path / "cache")
    assert model.source_index.table["source"].tolist() == [0] * 12 + [1] * 24
    raws = [raw(file) for file in model.source_index.table["file"]]
    assert_close(recovered(model, tmp_path / "cache"), expected(model, raws))
