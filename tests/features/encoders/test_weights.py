"""What is refused of an encoder, and how it is told."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import errors
from safetensors.torch import load_file, save_file

from didan.errors import UserError
from didan.features import PretrainedSettings
from didan.features.encoders import build_encoder, family, locate
from didan.features.pretrained import PRESETS
from tiny_encoders import make_encoder, whole_model

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "pretrained.md"

Change = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_encoder("wav2vec2", tmp_path / "encoder")


def tensors_changed(folder: Path, old: str, new: str | None, rows: int | None = None) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensor = tensors.pop(old)
    if new is not None:
        tensors[new] = tensor[:rows].clone()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def edited(folder: Path, file: str, **changes: object) -> None:
    content = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**content, **changes}))


def cut_off(folder: Path) -> None:
    file = folder / "model.safetensors"
    os.truncate(file, file.stat().st_size // 2)


def broken(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def only_a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


WEIGHT = "encoder.layers.1.attention.k_proj.weight"

DAMAGE: dict[str, tuple[Change, str]] = {
    "no configuration": (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
    "broken configuration": (broken, "cannot read its config"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "has no model.safetensors"),
    "cut off": (cut_off, "damaged or cut off"),
    "a pickle": (only_a_pickle, "pytorch_model.bin, a pickle"),
    "a tensor missing": (lambda folder: tensors_changed(folder, WEIGHT, None), f"{WEIGHT} is missing"),
    "a tensor renamed": (lambda folder: tensors_changed(folder, WEIGHT, f"{WEIGHT}s"), "is missing and 1 more"),
    "another shape": (lambda folder: tensors_changed(folder, WEIGHT, WEIGHT, 3), f"{WEIGHT} has another shape"),
    "a text model": (
        lambda folder: edited(folder, "config.json", model_type="bert"),
        "type 'bert'; a speech encoder",
    ),
    "8 kHz": (
        lambda folder: edited(folder, "preprocessor_config.json", sampling_rate=8000),
        "8000 Hz; didan works",
    ),
    "another architecture": (
        lambda folder: edited(folder, "config.json", hidden_size=40, num_attention_heads=4),
        "shape",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_encoder_is_refused_in_one_line(damage: str, folder: Path) -> None:
    change, expected = DAMAGE[damage]
    build_encoder(locate(str(folder)))
    change(folder)
    with pytest.raises(UserError, match=re.escape(expected)) as told:
        build_encoder(locate(str(folder)))
    assert "\n" not in str(told.value)
    assert str(folder) in str(told.value)


def test_a_tensor_beside_those_of_the_encoder_is_refused_unless_it_is_a_head(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    head = {**tensors, "lm_head.weight": tensors[WEIGHT].clone()}
    save_file(head, folder / "model.safetensors", metadata={"format": "pt"})
    build_encoder(locate(str(folder)))
    save_file({**tensors, "encoder.more": tensors[WEIGHT].clone()}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"encoder\.more belongs to nothing"):
        build_encoder(locate(str(folder)))


def test_weights_in_several_files_are_one_encoder(folder: Path, tmp_path: Path) -> None:
    whole_model("wav2vec2").save_pretrained(tmp_path / "shards", max_shard_size="30KB")
    shutil.copy(folder / "preprocessor_config.json", tmp_path / "shards")
    shards = locate(str(tmp_path / "shards"))
    assert len(shards.files) > 1
    whole = locate(str(folder))
    assert shards.n_parameters == whole.n_parameters == sum(t.numel() for t in load_file(whole.files[0]).values())
    build_encoder(shards)
    shards.files[1].unlink()
    with pytest.raises(UserError, match="not all of its parts"):
        locate(str(tmp_path / "shards")).sha256  # noqa: B018


def test_the_digest_is_that_of_the_file(folder: Path) -> None:
    found = PretrainedSettings(model=str(folder)).found()
    assert found.sha256 == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert found.found() == found
    edited(folder, "config.json", hidden_act="relu")
    with pytest.raises(UserError, match=r"the configuration of encoder .* are not those"):
        found.weights()
    tensors_changed(folder, WEIGHT, WEIGHT)
    os.utime(folder / "model.safetensors", ns=(1, 1))
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="the weights of encoder"):
        found.weights()


def test_what_is_needed_of_memory_is_said_before_it_is_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(family, "free_memory", lambda: 10**6)
    monkeypatch.setattr(family, "_load", None)
    with pytest.raises(UserError, match=r"needs about \d+\.\d GB of memory and 0\.0 GB are free"):
        build_encoder(locate(str(folder)))


@pytest.mark.parametrize("layers", [(5,), (-1,), (0, 9)])
def test_a_layer_that_does_not_exist(layers: tuple[int, ...], folder: Path) -> None:
    with pytest.raises(UserError, match=r"hidden states 0 to 4, not"):
        PretrainedSettings(model=str(folder), layers=layers).found()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "needs an encoder: --set frontend.model=ID"),
        ("./nowhere", "neither a directory nor the id"),
        ("~/nowhere", "neither a directory nor the id"),
        ("three/part/name", "neither a directory nor the id"),
    ],
)
def test_names_that_are_none(name: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        PretrainedSettings(model=name).found()


def test_a_directory_has_no_revisions(folder: Path) -> None:
    with pytest.raises(UserError, match="is a directory and has no revisions"):
        PretrainedSettings(model=str(folder), revision="main").found()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.RepositoryNotFoundError, "neither a directory nor a model on the hub"),
        (errors.RevisionNotFoundError, "has no revision 'x'"),
        (errors.GatedRepoError, "accept its terms"),
        (errors.LocalEntryNotFoundError, "HF_HUB_OFFLINE is set"),
        (errors.OfflineModeIsEnabled, "HF_HUB_OFFLINE is set"),
        (OSError, "cannot be downloaded"),
    ],
)
def test_what_the_hub_answers_is_told_in_one_line(
    error: type[Exception], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(*_: object, **__: object) -> None:
        raised = error.__new__(error)  # the hub's own want a response of a server
        Exception.__init__(raised, "no route to host")
        raise raised

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(UserError, match=expected) as told:
        locate("owner/name", "x")
    assert "\n" not in str(told.value)


def test_what_the_hub_stores_is_found_with_its_commit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = folder.rename(folder.with_name(commit))
    asked: dict[str, object] = {}

    def download(name: str, **options: object) -> str:
        asked.update(options, name=name)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    found = PretrainedSettings(model="owner/name", revision="main").found()
    assert (found.model, found.revision) == ("owner/name", commit)
    assert asked["name"] == "owner/name"
    assert asked["revision"] == "main"
    patterns = asked["allow_patterns"]
    assert isinstance(patterns, list)
    assert all(pattern.endswith((".json", ".safetensors")) for pattern in patterns)


def test_a_preset_is_a_name_for_an_encoder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def download(name: str, **_: object) -> str:
        asked.append(name)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    for preset, encoder in PRESETS.items():
        assert PretrainedSettings(model=preset).found().model == encoder
        assert encoder in asked
        assert preset in PAGE.read_text(encoding="utf-8")
