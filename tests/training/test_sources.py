"""Features are compared with the spectrograms of the recordings, normalised by numpy."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from didan.audio import read_audio
from didan.corpora import Corpus
from didan.errors import UserError
from didan.features import (
    FeatureStore,
    Normalisation,
    PackedFeatures,
    Spectrogram,
    SpectrogramSettings,
    extract_features,
)
from didan.features.store import Features
from didan.model.config import make_config
from didan.model.trained import TrainedModel
from didan.training.sources import source_corpora, source_features
from didan.training.train import train


def raw(file: str, start: float = float("nan"), end: float = float("nan")) -> Features:
    return extract_features(Spectrogram(SpectrogramSettings()), read_audio(file, start, end))


def by_group(features: Sequence[Features], groups: Sequence[str]) -> list[Features]:
    """Each normalised over all frames of its group."""
    found: list[Features] = []
    for own, group in zip(features, groups, strict=True):
        frames = np.concatenate([x for x, other in zip(features, groups, strict=True) if other == group])
        found.append((own - frames.mean(axis=0)) / frames.std(axis=0))
    return found


def pointing_to(model: TrainedModel, table: pd.DataFrame) -> TrainedModel:
    return replace(model, source_index=replace(model.source_index, table=table))


def found(model: TrainedModel, cache: Path, places: Sequence[Path] = ()) -> list[Features]:
    with source_features(model, places, cache) as features:
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
    pd.testing.assert_frame_equal(corpus.table, source.table, check_dtype=False)


def two_sources(model: TrainedModel) -> TrainedModel:
    """As if the first speaker had been a corpus of her own."""
    table = model.source_index.table
    second = table["speaker"] != "alpha-01"
    return pointing_to(model, table.assign(corpus=np.where(second, "one", "two"), source=second.astype(int)))


def test_several_sources_stay_apart(untrained: TrainedModel, source: Corpus) -> None:
    first, second = source_corpora(two_sources(untrained))
    assert (first.name, second.name) == ("two", "one")
    assert set(first.table["speaker"]) == {"alpha-01"}
    pd.testing.assert_frame_equal(
        pd.concat([first.table, second.table], ignore_index=True), source.table, check_dtype=False
    )


@pytest.mark.parametrize("normalisation", ["none", "utterance", "speaker", "corpus"])
def test_features_come_from_the_recordings_where_they_lay(
    untrained: TrainedModel, tmp_path: Path, spectrograms: list[Features], normalisation: Normalisation
) -> None:
    model = replace(untrained, config=untrained.config.model_copy(update={"normalisation": normalisation}))
    table = model.source_index.table
    expected = {
        "none": spectrograms,
        "utterance": by_group(spectrograms, table["file"].tolist()),
        "speaker": by_group(spectrograms, table["speaker"].tolist()),
        "corpus": by_group(spectrograms, table["corpus"].tolist()),
    }[normalisation]
    assert_close(found(model, tmp_path / "cache"), expected)


def test_each_source_is_normalised_by_itself(
    untrained: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    model = two_sources(untrained)
    groups = model.source_index.table["corpus"].tolist()
    assert_close(found(model, tmp_path / "cache"), by_group(spectrograms, groups))


def test_what_the_cache_holds_needs_no_recordings(
    own: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    found(own, tmp_path / "cache")
    shutil.rmtree(tmp_path / "here")
    assert_close(found(own, tmp_path / "cache"), by_group(spectrograms, ["alpha"] * 36))


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
    places = [tmp_path / "place 0", tmp_path / "place 1"]
    assert_close(found(own, tmp_path / "cache", places), by_group(spectrograms, ["alpha"] * 36))
    # What was found once is in the cache.
    assert_close(found(own, tmp_path / "cache"), by_group(spectrograms, ["alpha"] * 36))


def test_only_what_is_missing_is_looked_for(
    own: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    (tmp_path / "there").mkdir()
    for number, file in enumerate(own.source_index.table["file"][::2]):
        Path(file).rename(tmp_path / "there" / f"{number}.wav")
    assert_close(found(own, tmp_path / "cache", [tmp_path / "there"]), by_group(spectrograms, ["alpha"] * 36))


def test_what_is_not_found_is_said(own: TrainedModel, tmp_path: Path) -> None:
    files = own.source_index.table["file"].tolist()
    (tmp_path / "there").mkdir()
    for number, file in enumerate(files[10:]):
        Path(file).rename(tmp_path / "there" / f"{number}.wav")
    with pytest.raises(
        UserError, match=r"26 recordings .*\(alpha\).*--source-folder.*--include-source-features"
    ) as caught:
        found(own, tmp_path / "cache")
    assert files[10] in str(caught.value)
    assert "\n" not in str(caught.value)
    (tmp_path / "there" / "3.wav").unlink()
    with pytest.raises(UserError, match=rf"1 recordings .*first: {files[13]}"):
        found(own, tmp_path / "cache", [tmp_path / "there"])
    with pytest.raises(UserError, match="nowhere does not exist"):
        found(own, tmp_path / "cache", [tmp_path / "nowhere"])


def test_another_recording_in_the_same_place_is_none_of_ours(own: TrainedModel, tmp_path: Path) -> None:
    first, second = own.source_index.table["file"].iloc[:2]
    shutil.copy(second, first)
    with pytest.raises(UserError, match=rf"1 recordings .*first: {first}"):
        found(own, tmp_path / "cache")


def test_utterances_within_a_file_are_found_too(
    untrained: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    table = untrained.source_index.table
    samples = [read_audio(file) for file in table["file"]]
    ends = np.cumsum([len(one) for one in samples]) / 16_000
    starts = np.concatenate([[0.0], ends[:-1]])
    soundfile.write(tmp_path / "all.wav", np.concatenate(samples), 16_000, subtype="FLOAT")
    digest = FeatureStore(tmp_path / "other", SpectrogramSettings()).contents(tmp_path / "all.wav").file
    cut = table.assign(file="/gone/all.wav", start=starts, end=ends, digest=digest)
    (tmp_path / "there").mkdir()
    (tmp_path / "all.wav").rename(tmp_path / "there" / "renamed.wav")
    features = found(pointing_to(untrained, cut), tmp_path / "cache", [tmp_path / "there"])
    assert_close(features, by_group(spectrograms, ["alpha"] * 36))


def test_what_the_model_carries_needs_neither_recordings_nor_cache(
    own: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    carrying = replace(own, source_index=replace(own.source_index, features=PackedFeatures.pack(spectrograms)))
    shutil.rmtree(tmp_path / "here")
    features = found(carrying, tmp_path / "cache")
    # Half precision: 0.03 dB of bands that vary by 10 dB and more.
    assert_close(features, by_group(spectrograms, ["alpha"] * 36), atol=5e-3)
    assert not (tmp_path / "cache").exists()


def test_features_are_in_the_order_of_the_reference(
    untrained: TrainedModel, tmp_path: Path, spectrograms: list[Features]
) -> None:
    order = np.random.default_rng(0).permutation(36)
    table = untrained.source_index.table.iloc[order].reset_index(drop=True)
    shuffled = [spectrograms[index] for index in order]
    for features in (None, PackedFeatures.pack(shuffled)):
        model = replace(untrained, source_index=replace(untrained.source_index, table=table, features=features))
        assert_close(found(model, tmp_path / "cache"), by_group(shuffled, ["alpha"] * 36), atol=5e-3)


def test_digests_come_along(untrained: TrainedModel, tmp_path: Path) -> None:
    with source_features(untrained, (), tmp_path / "cache") as features:
        assert features.contents["file"].tolist() == untrained.source_index.table["digest"].tolist()
        assert features.contents["audio"].tolist() == untrained.source_index.table["audio"].tolist()


def test_unpacked_features_last_no_longer_than_they_are_needed(
    untrained: TrainedModel, tmp_path: Path, spectrograms: list[Features], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    packed = replace(untrained.source_index, features=PackedFeatures.pack(spectrograms))

    def interrupted() -> None:
        with source_features(replace(untrained, reference=packed), (), tmp_path / "cache"):
            assert list((tmp_path / "temporary").iterdir())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list((tmp_path / "temporary").iterdir())


def test_sources_of_one_name_are_normalised_as_in_training(source: Corpus, target: Corpus, tmp_path: Path) -> None:
    # Such as labels.csv in two folders.
    first = source.table["speaker"] == "alpha-01"
    parts = [Corpus("labels", source.table[rows].reset_index(drop=True)) for rows in (first, ~first)]
    settings = ["optimisation.steps=1", "optimisation.batch_size=4", "normalisation=corpus"]
    config = make_config(frontend="spectrogram", assignments=settings)
    model = train(parts, target, config=config, cache=tmp_path / "cache")
    raws = [raw(file) for file in model.source_index.table["file"]]
    assert_close(found(model, tmp_path / "cache"), by_group(raws, [str(own) for own in first]))
