"""A target by telephone: the source is heard by its line too, and nothing but training knows of it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import soundfile
import torch
from safetensors.numpy import load_file, save_file
from scipy.signal import resample_poly

from didan.audio import RATE, read_audio
from didan.corpora import Corpus
from didan.errors import AudioError, DidanWarning, UserError
from didan.features import (
    FeatureStore,
    Functionals,
    FunctionalsSettings,
    Spectra,
    extract,
    extract_features,
    line_between,
    suits,
)
from didan.model.account import account
from didan.model.card import model_card
from didan.model.config import Config, make_config
from didan.model.directory import load, save
from didan.model.find import SHIPPED
from didan.model.source import source_corpora
from didan.training.adapt import adapt, adapting_config
from didan.training.carried import carried_before, carry, spectra_of
from didan.training.data import TrainingData, load_data, ungrouped_if_moody
from didan.training.pair import hold_out
from didan.training.sources import source_features
from didan.training.task import make_task
from didan.training.train import train

Array = npt.NDArray[Any]


def quick(method: str = "didan", *more: str) -> Config:
    return make_config(method, assignments=["optimisation.steps=8", "optimisation.batch_size=8", *more])


@pytest.fixture(scope="module")
def calls(tiny_corpora: tuple[Corpus, Corpus], tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The target at 8 kHz, with noise."""
    folder, rng = tmp_path_factory.mktemp("calls"), np.random.default_rng(0)
    target = tiny_corpora[1]
    files = []
    for number, file in enumerate(target.table["file"]):
        narrow = resample_poly(read_audio(file), 1, 2)
        noisy = narrow + 0.2 * narrow.std() * rng.normal(size=len(narrow))
        files.append(str(folder / f"{number}.wav"))
        soundfile.write(files[-1], np.clip(noisy, -1, 1), RATE // 2)
    return Corpus("calls", target.table.assign(file=files))


def data_of(source: Corpus, target: Corpus, config: Config, cache: Path) -> TrainingData:
    return load_data(make_task([source], target, group=config.normalisation.group), config, cache)


def test_features_of_a_carried_utterance_are_those_of_what_arrives(
    source: Corpus, calls: Corpus, tmp_path: Path
) -> None:
    measured = (Spectra.of(map(read_audio, corpus.table["file"])) for corpus in (source, calls))
    line = line_between(*measured)
    assert line is not None
    settings = FunctionalsSettings()
    stages = set()
    extracted = extract(
        source.unlabelled(), settings, tmp_path, line=line, progress=lambda stage, *_: stages.add(stage)
    )
    # Whoever waits has seen those of the source as it is already.
    assert stages == {f"features of {source.name} by the target's line"}
    first = read_audio(source.table["file"].iloc[0])
    expected = extract_features(Functionals(settings), line.carry(first))
    np.testing.assert_allclose(extracted.features[0], expected, atol=1e-4)
    # What is found under the plain settings are plain features, and the file is known by its own samples.
    assert FeatureStore(tmp_path, settings).find(["x"]) == {}
    plain = extract(source.unlabelled(), settings, tmp_path)
    np.testing.assert_allclose(plain.features[0], extract_features(Functionals(settings), first), atol=1e-4)
    assert plain.contents.equals(extracted.contents)


def test_training_hears_each_source_utterance_twice_with_its_own_label(
    source: Corpus, calls: Corpus, session_cache: Path
) -> None:
    data = data_of(source, calls, quick(), session_cache)
    assert data.carried is not None
    held_out = hold_out(data.labels, 0.25, seed=0)
    pair, n = data.pair(held_out), len(source)
    assert len(pair.source) == 2 * n
    for whole in (pair.labels, pair.domains, pair.held_out):
        assert (whole[:n] == whole[n:]).all()
    assert (pair.labels[:n] == data.labels).all()
    assert pair.held_out.sum() == 2 * held_out.sum()
    # Both are normalised to what is usual among themselves.
    both = pair.source.vectors()
    assert np.abs(both[:n].mean(axis=0)).mean() < 0.3
    assert np.abs(both[n:].mean(axis=0)).mean() < 0.3
    assert not np.allclose(both[:n], both[n:], atol=0.1)


@pytest.mark.parametrize(
    ("by_telephone", "config"),
    [
        pytest.param(False, quick(), id="a target as good as the source"),
        pytest.param(True, quick("didan", "augmentation.line=false"), id="not asked for"),
        pytest.param(True, quick("source-only"), id="without adaptation the target is not heard"),
    ],
)
def test_a_source_is_heard_once(
    by_telephone: bool, config: Config, source: Corpus, target: Corpus, calls: Corpus, session_cache: Path
) -> None:
    data = data_of(source, calls if by_telephone else target, config, session_cache)
    assert data.carried is None
    assert len(data.pair(np.zeros(len(source), dtype=bool)).source) == len(source)


def test_a_moody_target_leaves_carried_utterances_without_groups_as_well(
    source: Corpus, calls: Corpus, session_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("didan.training.data.mood_of_groups", lambda *sides: 1.0)
    with pytest.warns(DidanWarning, match="differ in mood"):
        data, _ = ungrouped_if_moody(data_of(source, calls, quick(), session_cache), quick())
    assert data.carried is not None
    assert [one.n_groups for one in (data.source, data.target, data.carried.features)] == [0, 0, 0]
    with pytest.warns(DidanWarning, match="differ in mood"):
        model = train(source, calls, config=quick(), cache=session_cache)
    assert model.group == "none"
    assert model.record["n_groups"] == 0
    assert list(model.record["lines"]) == [source.name]


def test_the_model_knows_the_source_as_it_is(source: Corpus, calls: Corpus, session_cache: Path) -> None:
    model = train(source, calls, config=quick(), cache=session_cache, include_source_features=True)
    index, plain = model.source_index, extract(source.unlabelled(), model.config.frontend, session_cache)
    assert len(index.table) == len(source)
    assert all(len(embeddings) == len(source) for embeddings in index.embeddings.values())
    assert index.features is not None
    np.testing.assert_allclose(index.features[0], plain.features[0], rtol=1e-3, atol=1e-3)
    assert any("calls is narrower or noisier than alpha" in line for line in account(model))
    heard = model.record["lines"][source.name]
    assert f"| line of calls | {heard}; alpha was heard by it as well |" in model_card(model)
    other = train(source, calls, config=quick("didan", "augmentation.line=false"), cache=session_cache)
    assert other.record["lines"] == {}
    assert not torch.equal(model.network.head.output.weight, other.network.head.output.weight)


@pytest.mark.parametrize("named", ["noisy", "alpha"])
def test_of_several_sources_those_are_carried_that_are_better_than_the_target(
    named: str, source: Corpus, calls: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    noisy = Corpus(named, source.table.assign(file=calls.table["file"]))  # which come by the line of the target
    with pytest.warns(DidanWarning, match="are in the source too"):
        data = load_data(make_task([noisy, source], calls), quick(), session_cache)
    assert data.carried is not None
    n = len(source)
    assert data.carried.rows.tolist() == list(range(n, 2 * n))
    pair = data.pair(np.zeros(2 * n, dtype=bool))
    assert (pair.labels[2 * n :] == pair.labels[n : 2 * n]).all()
    assert (pair.domains[2 * n :] == 1).all()
    with pytest.warns(DidanWarning, match="are in the source too"):
        model = train([noisy, source], calls, config=quick(), cache=session_cache, include_source_features=True)
    assert model.source_index.carried is None
    save(model, tmp_path / "m")
    assert len(load(tmp_path / "m").source_index.table) == 2 * n


@pytest.mark.parametrize("moved", [False, True])
def test_adapting_hears_the_source_by_the_line_where_its_recordings_are(
    moved: bool, source: Corpus, target: Corpus, calls: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    model = train(source, target, config=quick(), cache=session_cache, include_source_features=True)
    assert model.record["lines"] == {}
    if moved:
        files = [str(tmp_path / f"{number}.wav") for number in range(len(source))]
        model.source_index.table["file"] = files
    new, _ = adapt(model, calls.unlabelled(), config=adapting_config(model), cache=session_cache)
    assert list(new.record["lines"]) == ([] if moved else [source.name])
    if moved:
        for old, own in zip(source.table["file"], files, strict=True):
            Path(own).symlink_to(old)
        found = adapt(model, calls.unlabelled(), search_paths=[tmp_path], cache=session_cache)
        assert list(found[0].record["lines"]) == [source.name]


def test_what_a_model_includes_is_what_its_recordings_would_give(
    source: Corpus, calls: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    config = quick("didan", "normalisation.group=none")
    model = train(source, calls, config=config, cache=session_cache, include_source_features=True)
    save(model, tmp_path / "m")
    loaded = load(tmp_path / "m")
    carried, features = loaded.source_index.carried, source_features(loaded, (), session_cache)
    assert carried is not None
    assert [carried.line.in_words()] == list(model.record["lines"].values())
    recordings = [corpus.unlabelled() for corpus in source_corpora(loaded)]
    found = carry(recordings, features, calls.unlabelled(), config, session_cache)
    included = carried_before(loaded, features, calls.unlabelled(), config)
    assert found is not None
    assert included is not None
    assert included.lines == found.lines
    assert (included.rows == found.rows).all()
    np.testing.assert_allclose(included.features.vectors(), found.features.vectors(), atol=0.05)  # half precision
    assert carried_before(loaded, features, source.unlabelled(), config) is None
    refused = quick("didan", "augmentation.line=false")
    assert carried_before(loaded, features, calls.unlabelled(), refused) is None


def test_a_line_that_was_measured_suits_what_is_like_its_target(source: Corpus, calls: Corpus) -> None:
    studio, telephone = (spectra_of(corpus.unlabelled()) for corpus in (source, calls))
    line = line_between(studio, telephone)
    assert line is not None
    assert suits(line, studio, telephone)
    assert not suits(line, studio, studio)
    # With noise so loud that it is farther from this target than the studio is.
    assert not suits(line.model_copy(update={"over_noise": -80.0}), studio, telephone)


DAMAGED: dict[str, Callable[[dict[str, Array]], dict[str, Array]]] = {
    "no step": lambda arrays: {key: own for key, own in arrays.items() if key != "step"},
    "one step for all": lambda arrays: arrays | {"step": arrays["step"][:1]},
    "a step for each utterance": lambda arrays: arrays | {"step": arrays["step"][: len(arrays["counts"]), None]},
    "a step that is no number": lambda arrays: arrays | {"step": np.full_like(arrays["step"], np.nan)},
    "levels without end": lambda arrays: arrays | {"least": arrays["least"] + np.inf},
    "one band": lambda arrays: (
        arrays | {"frames": arrays["frames"][:, :1], "least": arrays["least"][:1], "step": arrays["step"][:1]}
    ),
    "counts that wrap around": lambda arrays: (
        arrays | {"counts": np.array([*arrays["counts"][:-2] * 0 + 1, 2**62, -(2**62) + 2])}
    ),
    "counts that are no whole numbers": lambda arrays: arrays | {"counts": arrays["counts"].astype(np.float64)},
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A copy of the shipped model, which includes its source by a line."""
    return Path(shutil.copytree(SHIPPED["base"], tmp_path / "base"))


@pytest.mark.parametrize("name", ["source-features.safetensors", "source-carried.safetensors"])
@pytest.mark.parametrize("how", DAMAGED)
def test_damaged_features_of_the_source_are_refused(how: str, name: str, base: Path) -> None:
    save_file(DAMAGED[how](load_file(base / name)), base / name)
    with pytest.raises(UserError, match="is not a complete model directory"):
        load(base)


@pytest.mark.parametrize("what", ["gains", "added", "over_noise", "speech", "noise"])
def test_a_line_that_is_no_number_is_refused(what: str, base: Path) -> None:
    file = base / "source-carried.safetensors"
    arrays = load_file(file)
    arrays[what][0] = np.nan
    save_file(arrays, file)
    with pytest.raises(UserError, match="is not a complete model directory"):
        load(base)


def test_a_line_of_one_source_is_refused_where_there_are_two(base: Path) -> None:
    table = pd.read_csv(base / "source-index.csv", dtype=str)
    table.assign(source=np.arange(len(table)) % 2).to_csv(base / "source-index.csv", index=False)
    with pytest.raises(UserError, match="there are several"):
        load(base)


@pytest.mark.parametrize("named", ["", "/dev/zero", "pipe"])
def test_a_model_that_names_what_is_no_recording_is_adapted_with_what_it_includes(
    named: str, calls: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    model = load("base")
    model.source_index.table["file"] = (str(tmp_path / named) if named == "pipe" else named) or None
    config = adapting_config(model, assignments=["optimisation.steps=4"])
    adapted, _ = adapt(model, calls.unlabelled(), config=config, cache=session_cache)
    assert list(adapted.record["lines"]) == ["emodb"]


def test_a_source_that_cannot_be_decoded_here_is_heard_as_the_model_includes_it(
    source: Corpus, calls: Corpus, session_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = train(source, calls, config=quick(), cache=session_cache, include_source_features=True)
    lines = model.record["lines"]
    ours = set(source.table["file"])

    def decoder_missing(file: Path, *part: Any) -> npt.NDArray[np.float32]:
        if str(file) in ours:
            raise AudioError(f"{file}: cannot be decoded without the extra video")
        return read_audio(file, *part)

    monkeypatch.setattr("didan.training.carried.read_audio", decoder_missing)
    adapted, _ = adapt(model, calls.unlabelled(), config=adapting_config(model), cache=session_cache)
    assert adapted.record["lines"] == lines != {}


def test_one_channel_of_the_source_is_carried_and_not_the_mix(
    source: Corpus, calls: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    rng, files = np.random.default_rng(0), []
    for number, file in enumerate(source.table["file"]):
        samples = read_audio(file)
        files.append(str(tmp_path / f"{number}.wav"))
        soundfile.write(files[-1], np.stack([samples, 0.3 * rng.normal(size=len(samples))], axis=1), RATE)
    stereo = Corpus("stereo", source.table.assign(file=files, audio_channel=1))
    model = train(stereo, calls, config=quick("source-only"), cache=session_cache, include_source_features=True)
    save(model, tmp_path / "m")
    (found,) = source_corpora(load(tmp_path / "m"))
    assert found.unlabelled().channels == [1] * len(source)
    # Studio speech and not its mix with the noise of the other channel: else there would be no line.
    adapted, _ = adapt(load(tmp_path / "m"), calls.unlabelled(), config=quick(), cache=session_cache)
    assert list(adapted.record["lines"]) == ["stereo"]
    assert (
        adapted.record["lines"]["stereo"]
        == train(source, calls, config=quick(), cache=session_cache).record["lines"]["alpha"]
    )


@pytest.mark.parametrize("damage", ["noise", "gains", "counts", "frames"])
def test_a_damaged_file_of_a_line_is_refused(
    damage: str, source: Corpus, calls: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    model = train(source, calls, config=quick(), cache=session_cache, include_source_features=True)
    save(model, tmp_path / "m")
    file = tmp_path / "m" / "source-carried.safetensors"
    arrays = load_file(file)
    save_file(arrays | {damage: arrays[damage][1:]}, file)
    with pytest.raises(UserError, match="is not a complete model directory"):
        load(tmp_path / "m")
