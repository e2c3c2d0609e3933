"""Nothing that is given to didan makes it run a program: traps are planted in models, databases and tables.

Each of them would leave a folder behind if anything in it were executed.
"""

import ast
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import didan
from didan.corpora.loading import read_target
from didan.errors import UserError
from didan.features import PretrainedSettings, found
from didan.features.frontend import cached_frontend
from didan.files import read_yaml
from didan.inference.onnx import OnnxRecogniser
from didan.model.config import make_config
from didan.model.directory import load
from didan.model.find import SHIPPED, summary
from didan.model.hub import PretrainedModel
from didan.records import PACKED, read_records

SEEDS = Path(__file__).parents[1] / "benchmarks" / "fuzz" / "seeds"


class Trap:
    """An object that makes a folder when it is read from a pickle."""

    def __init__(self, sprung: Path) -> None:
        self._sprung = sprung

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self._sprung),)


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    """The folder that is there once something was executed."""
    return tmp_path / "sprung"


@pytest.fixture
def pickled(sprung: Path) -> bytes:
    """A pickle that springs the trap."""
    return pickle.dumps(Trap(sprung))


@pytest.fixture
def tagged(sprung: Path) -> str:
    """YAML that springs the trap."""
    return f"!!python/object/apply:os.mkdir [{json.dumps(str(sprung))}]\n"


def test_the_traps_work(sprung: Path, pickled: bytes, tagged: str) -> None:
    pickle.loads(pickled)
    assert sprung.is_dir()
    sprung.rmdir()
    yaml.unsafe_load(tagged)
    assert sprung.is_dir()


def test_no_source_reads_what_can_be_a_program() -> None:
    """The rule that the other tests of this file sample."""
    forbidden = {"eval", "exec", "compile", "__import__"}
    unsafe = {"unsafe_load", "full_load", "read_pickle", "system", "popen"}
    for file in sorted(Path(didan.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = (
                {alias.name for alias in node.names} if isinstance(node, ast.Import | ast.ImportFrom) else set()
            )
            assert not names & {"pickle", "dill", "cloudpickle", "marshal", "shelve"}, file
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                given = {keyword.arg for keyword in node.keywords}
                assert called not in forbidden | {"yaml.load", "torch.load"}, f"{file}:{node.lineno}: {called}"
                assert called.rpartition(".")[2] not in unsafe, f"{file}:{node.lineno}: {called}"
                assert not given & {"allow_pickle", "shell"}, f"{file}:{node.lineno}: {called}"
                for keyword in node.keywords:
                    if keyword.arg in ("weights_only", "trust_remote_code", "use_safetensors"):
                        expected = keyword.arg != "trust_remote_code"
                        assert ast.literal_eval(keyword.value) is expected, f"{file}:{node.lineno}"


@pytest.mark.parametrize(
    "name",
    ["config.yaml", "model.safetensors", "source-features.safetensors", "source-carried.safetensors"],
)
@pytest.mark.parametrize("way", ["folder", "hub"])
def test_a_model_directory(name: str, way: str, tmp_path: Path, sprung: Path, pickled: bytes, tagged: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(SHIPPED["base"], folder)
    (folder / "didan.py").write_text(f"import os; os.mkdir({str(sprung)!r})")
    (folder / "model.pt").write_bytes(pickled)
    (folder / "pytorch_model.bin").write_bytes(pickled)
    if name == "config.yaml":
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace("format: ", f"trap: {tagged}format: ", 1), encoding="utf-8")
        assert summary(folder) is None
    else:
        (folder / name).write_bytes(pickled)
    with pytest.raises(UserError, match="is not a complete model directory"):
        PretrainedModel.from_pretrained(str(folder)) if way == "hub" else load(folder)
    assert not sprung.exists()


def test_an_encoder_of_the_hub(tmp_path: Path, sprung: Path, pickled: bytes) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(SEEDS / "encoders" / "wav2vec2", folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["auto_map"] = {"AutoModel": "modeling.Trap", "AutoConfig": "modeling.Trap"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "modeling.py").write_text(f"import os; os.mkdir({str(sprung)!r})")
    (folder / "pytorch_model.bin").write_bytes(pickled)
    cached_frontend(found(PretrainedSettings(model=str(folder))))  # the safetensors beside them are read
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="a pickle, which may hold any program"):
        found(PretrainedSettings(model=str(folder)))
    (folder / "model.safetensors").write_bytes(pickled)
    with pytest.raises(UserError):
        cached_frontend(found(PretrainedSettings(model=str(folder))))
    assert not sprung.exists()


@pytest.mark.parametrize("place", ["../outside.safetensors", "/etc/passwd", "a/../../outside.safetensors"])
def test_an_encoder_whose_parts_lie_elsewhere(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(SEEDS / "encoders" / "wav2vec2", folder)
    (folder / "a").mkdir()
    (folder / "model.safetensors").rename(tmp_path / "outside.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": place}}))
    with pytest.raises(UserError, match="not all of its parts"):
        found(PretrainedSettings(model=str(folder)))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """An audformat database that is as it should be."""
    pytest.importorskip("audformat")
    folder = tmp_path / "database"
    shutil.copytree(SEEDS / "audformat" / "csv", folder)
    read_target(str(folder))
    return folder


def test_a_pickled_table_of_a_database_is_passed_over(database: Path, sprung: Path, pickled: bytes) -> None:
    (database / "db.labels.pkl").write_bytes(pickled)
    assert len(read_target(str(database))) == 2
    (database / "db.labels.csv").unlink()
    with pytest.raises(UserError, match="is there as a pickle alone, which may hold any program"):
        read_target(str(database))
    assert not sprung.exists()


@pytest.mark.parametrize("place", ["../outside", "..\\outside", "labels/../../outside", ""])
def test_a_table_of_a_database_that_lies_elsewhere(
    place: str, database: Path, sprung: Path, pickled: bytes
) -> None:
    (database.parent / "db.outside.pkl").write_bytes(pickled)
    (database.parent / "outside.pkl").write_bytes(pickled)
    header = (database / "db.yaml").read_text(encoding="utf-8")
    (database / "db.yaml").write_text(header.replace("\n  labels:", f"\n  {json.dumps(place)}:"), encoding="utf-8")
    with pytest.raises(UserError, match="is not named like a file"):
        read_target(str(database))
    assert not sprung.exists()


def test_the_header_of_a_database(database: Path, sprung: Path, tagged: str) -> None:
    with (database / "db.yaml").open("a", encoding="utf-8") as file:
        file.write(f"trap: {tagged}")
    with pytest.raises(UserError, match="cannot be read as an audformat database"):
        read_target(str(database))
    assert not sprung.exists()


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet"])
def test_a_table(name: str, tmp_path: Path, sprung: Path, pickled: bytes) -> None:
    (tmp_path / name).write_bytes(pickled)
    with pytest.raises(UserError):
        read_target(str(tmp_path / name))
    assert not sprung.exists()


def test_cells_of_a_table_are_text(tmp_path: Path, sprung: Path) -> None:
    pytest.importorskip("pyarrow")
    program = f"=cmd|'/C mkdir {sprung}'!A0"
    (tmp_path / "a.wav").touch()
    table = pd.DataFrame(
        {"file": ["a.wav"], "speaker": [program], "mine": [f"__import__('os').mkdir({str(sprung)!r})"]}
    )
    for name in ("t.csv", "t.parquet"):
        table.to_csv(tmp_path / name, index=False) if name == "t.csv" else table.to_parquet(tmp_path / name)
        assert read_target(str(tmp_path / name)).table["speaker"].tolist() == [program]
    assert not sprung.exists()


def test_settings(tmp_path: Path, sprung: Path, tagged: str) -> None:
    (tmp_path / "c.yaml").write_text(f"seed: {tagged}")
    with pytest.raises(UserError, match="is not YAML that can be read"):
        read_yaml(tmp_path / "c.yaml", "seed: 1")
    with pytest.raises(UserError, match="cannot read the value"):
        make_config(assignments=[f"seed={tagged.strip()}"])
    assert not sprung.exists()


def test_an_exported_model_reads_no_other_file(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    (tmp_path / "secret").write_bytes(bytes(16))
    (tmp_path / "inside").mkdir()
    for place in ("../secret", str(tmp_path / "secret")):
        model = onnx.load(SEEDS / "onnx" / "model.onnx")
        tensor = max(model.graph.initializer, key=lambda one: len(one.raw_data))
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=place)
        (tmp_path / "inside" / "m.onnx").write_bytes(model.SerializeToString())
        with pytest.raises(UserError, match="is not an ONNX model that can be run"):
            OnnxRecogniser(tmp_path / "inside" / "m.onnx")


def test_a_checkpoint_to_resume_from(tmp_path: Path, sprung: Path) -> None:
    """As Lightning reads it for didan."""
    torch.save({"state_dict": Trap(sprung)}, tmp_path / "last.ckpt")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert not sprung.exists()


def test_records(tmp_path: Path, sprung: Path, pickled: bytes) -> None:
    (tmp_path / PACKED).write_bytes(pickled)
    with pytest.raises(UserError):
        read_records(tmp_path)
    assert not sprung.exists()


def test_features_are_no_pickle(tmp_path: Path, sprung: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([Trap(sprung)], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        np.load(tmp_path / "a.npy")
    assert not sprung.exists()
