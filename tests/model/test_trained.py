import errno
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from didan import Model
from didan.corpora import Corpus
from didan.errors import UserError
from didan.evaluation import evaluate
from didan.features import Moments, Normaliser, load_features
from didan.inference.predict import predict, utterances_in
from didan.model.config import Config, make_config
from didan.model.directory import load, load_network, save
from didan.model.trained import TrainedModel

FILES = {
    "model.safetensors",
    "config.yaml",
    "history.csv",
    "source-index.safetensors",
    "source-index.csv",
    "model-card.md",
}


@pytest.fixture
def saved(untrained: TrainedModel, tmp_path: Path) -> Path:
    save(untrained, tmp_path / "model")
    return tmp_path / "model"


def test_loaded_model_gives_identical_outputs(
    untrained: TrainedModel, saved: Path, target: Corpus, session_cache: Path
) -> None:
    loaded = load(saved)
    config = loaded.config
    features = load_features(target.unlabelled(), config.frontend, config.normalisation, session_cache)
    before, after = untrained.outputs(features), loaded.outputs(features)
    assert torch.equal(before.scores, after.scores)
    assert all(torch.equal(before.embeddings[layer], after.embeddings[layer]) for layer in before.embeddings)
    files = target.table["file"].tolist()
    pd.testing.assert_frame_equal(
        Model(untrained).predict(*files), Model(loaded).predict(*files), check_exact=True
    )


def test_prediction_takes_the_network_alone(
    untrained: TrainedModel, saved: Path, target: Corpus, tmp_path: Path
) -> None:
    alone = shutil.copytree(saved, tmp_path / "alone", ignore=shutil.ignore_patterns("source-*", "history.csv"))
    files = [Path(file) for file in target.table["file"][:2]]
    utterances = utterances_in(files)
    assert list(predict(load_network(alone), utterances)) == list(predict(untrained, utterances))
    with pytest.raises(UserError, match="is not a complete model directory"):
        load(alone)


def test_prediction_waits_for_no_library_that_it_does_not_need(saved: Path, target: Corpus) -> None:
    command = (
        "import sys\nfrom didan.cli import run\n"
        f"assert run(['predict', {str(saved)!r}, {str(target.table['file'][0])!r}]) == 0\n"
        "assert 'torch' in sys.modules\n"
        "assert not {'pandas', 'scipy', 'sklearn', 'lightning', 'jinja2', 'matplotlib', 'av'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", command], check=True)


def test_everything_comes_back(untrained: TrainedModel, saved: Path) -> None:
    loaded = load(saved)
    assert loaded.config == untrained.config
    assert loaded.emotions == untrained.emotions
    assert loaded.record == untrained.record
    pd.testing.assert_frame_equal(loaded.history, untrained.history)
    pd.testing.assert_frame_equal(loaded.source_index.table, untrained.source_index.table)
    assert set(loaded.source_index.embeddings) == {"fc1", "fc2", "output"}
    for layer, embeddings in untrained.source_index.embeddings.items():
        assert torch.equal(loaded.source_index.embeddings[layer], embeddings)
    assert not loaded.network.training


def test_the_normaliser_loses_no_digit(untrained: TrainedModel, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    width = untrained.network.width
    mean, variance = (rng.standard_normal(width) * 10.0 ** rng.integers(-5, 6, width) for _ in range(2))
    moments = Moments(n_utterances=11, n_frames=1234, mean=mean, variance=np.abs(variance))
    settings = ["normalisation.shrinkage=0.1", "normalisation.group=file", "network.members=2"]
    model = replace(
        untrained,
        config=make_config(frontend="spectrogram", assignments=settings),
        normaliser=Normaliser((moments,), shrinkage=0.1),
    )
    save(model, tmp_path / "model")
    again = load(tmp_path / "model").normaliser
    assert again.shrinkage == 0.1
    assert (again.domain[0].n_utterances, again.domain[0].n_frames) == (11, 1234)
    np.testing.assert_array_equal(again.domain[0].mean, mean)
    np.testing.assert_array_equal(again.domain[0].variance, np.abs(variance))


@pytest.mark.parametrize("column", ["speaker", "group"])
def test_speakers_and_groups_keep_their_names(untrained: TrainedModel, tmp_path: Path, column: str) -> None:
    names = ["03", "NA", None, "1.50"] * 9
    table = untrained.source_index.table.assign(**{column: pd.Series(names)})
    save(replace(untrained, source_index=replace(untrained.source_index, table=table)), tmp_path / "model")
    again = load(tmp_path / "model").source_index.table[column]
    assert again.astype(object).where(again.notna(), None).tolist() == names


def test_folder_holds_what_is_promised_and_no_pickle(saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == FILES
    for path in saved.iterdir():
        content = path.read_bytes()
        assert not content.startswith((b"\x80", b"PK"))  # a pickle, or torch's zip around one


@pytest.mark.parametrize(
    "assignments",
    [
        ["method_settings.tau=0.2", "normalisation.group=file", "frontend.bands=64", "frontend.trim=null"],
        ["method=source-only", "seed=3", "optimisation.loss=cross-entropy", "network.dropout=0.1"],
        ["pseudo_labels={kind: confident, weight: 1}", "class_prior.neutral=0.5", "normalisation.shrinkage=0"],
    ],
)
def test_config_is_complete(untrained: TrainedModel, tmp_path: Path, assignments: list[str]) -> None:
    config = make_config(frontend="spectrogram", assignments=["network.members=2", *assignments])
    save(replace(untrained, config=config), tmp_path / "model")
    content = yaml.safe_load((tmp_path / "model" / "config.yaml").read_text())["config"]
    assert Config(**content) == config
    assert set(content) == set(Config.model_fields)
    for part in ("frontend", "network", "normalisation", "optimisation", "method_settings", "pseudo_labels"):
        assert set(content[part]) == set(type(getattr(config, part)).model_fields)
    assert load(tmp_path / "model").config == config


def test_card_names_the_corpora_and_the_emotions(saved: Path) -> None:
    card = (saved / "model-card.md").read_text()
    assert "alpha to gamma" in card
    assert "anger, neutral, sadness" in card
    assert "none, it is untrained" in card


def test_existing_folder_is_not_touched(untrained: TrainedModel, tmp_path: Path) -> None:
    for name in ("folder", "file"):
        path = tmp_path / name
        path.mkdir() if name == "folder" else path.write_text("mine")
        with pytest.raises(UserError, match=f"{name} exists already"):
            save(untrained, path)
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name in ("folder", "file")) == [
        "file",
        "folder",
    ]
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.parametrize("size", [2_000, 300_000])
def test_full_disk_leaves_nothing(
    untrained: TrainedModel, tmp_path: Path, size: int, small_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    with small_disk(size), pytest.raises(UserError, match=r"cannot write .*model \(.*file too large") as caught:
        save(untrained, tmp_path / "models" / "model")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "models").iterdir()) == []


def test_disk_that_fills_up_at_the_last_file_leaves_nothing(
    untrained: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, *args: object, **kwargs: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(UserError, match=r"cannot write .*model \(no space left on device\)"):
        save(untrained, tmp_path / "models" / "model")
    assert list((tmp_path / "models").iterdir()) == []


def test_missing_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere does not exist"):
        load(tmp_path / "nowhere")
    with pytest.raises(UserError, match=re.escape("holds no model (no config.yaml)")):
        load(tmp_path)


@pytest.mark.parametrize("name", sorted(FILES - {"model-card.md"}))
@pytest.mark.parametrize("damage", ["missing", "empty", "no text"])
def test_damaged_file(saved: Path, name: str, damage: str) -> None:
    (saved / name).unlink()
    if damage != "missing":
        (saved / name).write_bytes(b"" if damage == "empty" else bytes(range(128, 256)))
    with pytest.raises(UserError, match="model") as caught:
        load(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["model.safetensors", "source-index.safetensors", "config.yaml"])
def test_file_that_is_cut_off(saved: Path, name: str) -> None:
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="is not a complete model directory"):
        load(saved)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("format", 99, "is a model of format 99, of a newer didan; this one reads 9: update didan$"),
        (
            "format",
            2,
            "is a model of format 2, of an older didan; this one reads 9: train it again, .*config.yaml",
        ),
        ("format", "two", "is not a complete model directory"),
        ("record", None, "is not a complete model directory"),
        ("emotions", ["anger"], "is not a complete model directory"),
        ("config", {"method": "didann"}, "did you mean 'didan'"),
        ("config", {"colour": "red"}, "is not a complete model directory"),
        ("normaliser", {"mean": [1.0]}, "is not a complete model directory"),
    ],
)
def test_config_that_does_not_fit(saved: Path, key: str, value: object, reason: str) -> None:
    content = yaml.safe_load((saved / "config.yaml").read_text())
    content[key] = value
    if value is None:
        del content[key]
    (saved / "config.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=reason):
        load(saved)


@pytest.mark.parametrize("group", ["speaker", "file", "none"])
def test_a_model_predicts_what_it_is_evaluated_on(
    untrained: TrainedModel, target: Corpus, session_cache: Path, group: str
) -> None:
    model = Model(untrained)
    evaluated = model.evaluate(target, group=group, cache=session_cache).utterances
    predicted = model.predict(recordings=target, group=group)
    assert predicted["emotion"].tolist() == evaluated["predicted"].tolist()
    pd.testing.assert_frame_equal(
        predicted[[*model.emotions]].astype(np.float64),
        evaluated[[*model.emotions]].astype(np.float64),
        check_exact=True,
    )
    evaluated = evaluate(untrained, target, group=group, cache=session_cache).utterances
    assert predicted["emotion"].tolist() == evaluated["predicted"].tolist()
    if group != "speaker":  # nobody has named the speakers of plain files
        files = model.predict(*target.table["file"], group=group)
        pd.testing.assert_frame_equal(files, predicted, check_exact=True)


def test_groups_are_those_of_training_where_the_recordings_have_them(
    untrained: TrainedModel, target: Corpus, session_cache: Path
) -> None:
    sessions = ["am" if number % 3 else "pm" for number in range(len(target))]
    named = Corpus(target.name, target.table.assign(session=sessions))
    files = [*target.table["file"]]

    def trained_by(group: str) -> Model:
        config = make_config(frontend="spectrogram", group=group)
        return Model(replace(untrained, config=config))

    def same(first: pd.DataFrame, second: pd.DataFrame) -> bool:
        return first.equals(second)

    usual = trained_by("speaker")
    by_session = usual.predict(recordings=named, group="session")
    by_speaker = usual.predict(recordings=named, group="speaker")
    assert not same(by_session, by_speaker)
    model = trained_by("session")
    assert same(model.predict(recordings=named), by_session)
    assert same(model.predict(recordings=target), by_speaker)  # which has no sessions
    assert model.evaluate(target, cache=session_cache).utterances["predicted"].tolist() == [*by_speaker["emotion"]]
    with pytest.raises(UserError, match="gamma has no column 'session'"):
        model.predict(recordings=target, group="session")
    with pytest.raises(UserError, match="gamma has no column 'session'"):
        model.evaluate(target, group="session", cache=session_cache)
    # Plain files have neither sessions nor speakers, but they have a name and a folder.
    ungrouped = usual.predict(*files, group="none")
    for group in ("session", "speaker", "none"):
        assert same(trained_by(group).predict(*files), ungrouped)
    for group in ("file", "folder"):
        answer = trained_by(group).predict(*files)
        assert same(answer, usual.predict(*files, group=group))
        assert not same(answer, ungrouped)
    with pytest.raises(UserError, match=r"no 'fodler' to group by: did you mean 'folder'\?"):
        usual.predict(*files, group="fodler")


def test_weights_that_are_no_numbers_are_refused(saved: Path) -> None:
    weights = load_file(saved / "model.safetensors")
    name = next(name for name, weight in weights.items() if weight.is_floating_point())
    weights[name].view(-1)[0] = float("nan")
    save_file(weights, saved / "model.safetensors")
    with pytest.raises(UserError, match="its weights are no numbers"):
        load(saved)


def test_others_may_read_a_model_that_may_read_a_file_of_its_writer(saved: Path) -> None:
    (saved / "another").touch()
    assert {file.stat().st_mode for file in saved.iterdir()} == {(saved / "another").stat().st_mode}


def test_what_is_no_model_is_named(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"x")
    for path, reason in (
        (tmp_path / "m.onnx", "is an exported model, which didan predict takes"),
        (saved / "config.yaml", "is a file; give a folder"),
        (tmp_path / "gone", "does not exist"),
    ):
        with pytest.raises(UserError, match=reason) as caught:
            load(path)
        assert path.exists() != ("does not exist" in str(caught.value))
