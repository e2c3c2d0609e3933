"""A model's directory on disk. Nothing in it is ever executed: no pickle is written or read."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import yaml
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file
from torch import Tensor

from didan.csv import read_csv
from didan.errors import UserError, reason
from didan.features import (
    FrontendSettings,
    Normaliser,
    PretrainedSettings,
    encoders_of,
    parts_of,
    with_parts,
)
from didan.features.encoders.weights import FILES as ENCODER_FILES
from didan.files import written_whole
from didan.model.config import Config
from didan.model.find import find_model
from didan.model.trained import CarriedFeatures, SourceIndex, TrainedModel, TrainedNetwork
from didan.networks import build_network
from didan.yaml import parse_yaml

if TYPE_CHECKING:
    from didan.features import PackedFeatures

# Raised with the files, and with what features mean: a network knows only those that it was trained with.
_FORMAT = 9
_EMBEDDINGS, _FEATURES = "source-index.safetensors", "source-features.safetensors"
_CARRIED = "source-carried.safetensors"
_ENCODERS = "encoders"
_TEXT = {"corpus", "speaker", "group", "digest", "audio"}
"""Columns of names."""


def save(model: TrainedModel, folder: Path) -> None:
    """Write the model directory, whole or not at all.

    Raises:
        UserError: the folder exists already, or cannot be written.
    """
    if folder.exists():
        raise UserError(f"{folder} exists already; choose another name or delete it")
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write(model, partial)
        partial.replace(folder)
    except (OSError, SafetensorError) as error:
        raise UserError(f"cannot write {folder} ({reason(error)})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write(model: TrainedModel, folder: Path, *, encoders: Config | None = None, compact: bool = False) -> None:
    """Write a model's files into a folder that is there.

    Args:
        model: the model.
        folder: the folder.
        encoders: the configuration that says where encoders to include are, if not the model's.
        compact: write weights in half precision, features of the source in bytes, and no embeddings of it, which
            are made of these features when the model is loaded; for a model that includes them.
    """
    from didan.model.card import model_card

    weights = {name: tensor.contiguous() for name, tensor in model.network.state_dict().items()}
    if compact:
        floating = {name for name, tensor in weights.items() if tensor.is_floating_point()}
        weights |= {name: weights[name].half() for name in floating}
    save_file(weights, folder / "model.safetensors")
    _write_config(model, folder / "config.yaml")
    model.history.to_csv(folder / "history.csv", index=False)
    index = model.source_index
    if not compact:
        save_file(index.embeddings, folder / _EMBEDDINGS)
    index.table.to_csv(folder / "source-index.csv", index=False)
    if index.features is not None:
        save_arrays(index.features.as_arrays(in_bytes=compact), folder / _FEATURES)
    if index.carried is not None:
        by_line = index.carried.features.as_arrays(in_bytes=compact)
        save_arrays(by_line | _line_as_arrays(index.carried), folder / _CARRIED)
    (folder / "model-card.md").write_text(model_card(model), encoding="utf-8")
    if model.includes_encoder:
        _copy_encoders((encoders or model.config).frontend, folder / _ENCODERS)
    for file in folder.rglob("*.safetensors"):  # its writer lets nobody but the owner read them
        shutil.copymode(folder / "config.yaml", file)


def _copy_encoders(frontend: FrontendSettings, folder: Path) -> None:
    """Put a frontend's encoders into a model directory, each under its digest."""
    for encoder in encoders_of(frontend):
        own = folder / _digest(encoder)
        own.mkdir(parents=True, exist_ok=True)
        source = encoder.weights().folder
        for file in sorted(file for pattern in ENCODER_FILES for file in source.glob(pattern)):
            shutil.copyfile(file, own / file.name)


def _with_own_encoders(config: Config, folder: Path) -> Config:
    """A configuration that takes encoders from the model directory, where they are there."""
    parts = [
        part.model_copy(update={"model": str(folder / _digest(part))})
        if isinstance(part, PretrainedSettings) and (folder / _digest(part)).is_dir()
        else part
        for part in parts_of(config.frontend)
    ]
    return config.model_copy(update={"frontend": with_parts(config.frontend, parts)})


def _digest(encoder: PretrainedSettings) -> str:
    return str(encoder.sha256)[:16]


def _other_format(given: int) -> str:
    """What to say of a model whose features or weights mean something else here."""
    if given > _FORMAT:
        return f"is a model of format {given}, of a newer didan; this one reads {_FORMAT}: update didan"
    return (
        f"is a model of format {given}, of an older didan; this one reads {_FORMAT}: train it again, on the "
        "corpora and with the settings that its config.yaml names"
    )


def _write_config(model: TrainedModel, file: Path) -> None:
    content = {
        "format": _FORMAT,
        "emotions": list(model.emotions),
        "temperature": model.temperature,
        "bands": int(model.network.backbone.n_bands),  # type: ignore[arg-type]
        "config": model.config.model_dump(mode="json"),
        "normaliser": model.normaliser.to_dict(),
        "record": model.record,
    }
    file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110), encoding="utf-8")


def note_evaluation(model: TrainedModel, folder: Path, corpus: str, figures: dict[str, Any]) -> None:
    """Add an evaluation to a model's record and card.

    Args:
        model: the model.
        folder: its directory, which must not be that of a model that ships.
        corpus: what it was evaluated on.
        figures: as :meth:`didan.evaluation.Evaluation.as_dict` gives them.

    Raises:
        UserError: the folder cannot be written.
    """
    from didan.model.card import model_card

    kept = ("uar", "recall", "uar_ci95", "resampled", "n_speakers", "war", "n", "selection", "normalised_by")
    model.record.setdefault("evaluations", {})[corpus] = {key: figures[key] for key in kept}
    with written_whole(folder / "config.yaml") as partial:
        _write_config(model, partial)
    with written_whole(folder / "model-card.md") as partial:
        partial.write_text(model_card(model), encoding="utf-8")


def load(name: str | Path) -> TrainedModel:
    """Load a model. Nothing in its directory is executed: no pickle is read.

    Args:
        name: what :func:`didan.model.find.find_model` takes: a folder, ``base``, or an id on the hub.

    Raises:
        UserError: there is no such model, or the folder is not a whole model directory.
    """
    from didan.model.source import source_set

    folder = find_model(name)
    with _whole(folder):
        content = _read_config(folder)
        compact = (folder / _FEATURES).exists() and not (folder / _EMBEDDINGS).exists()
        index = SourceIndex(
            table=read_csv(folder / "source-index.csv", _TEXT.__contains__),
            embeddings={} if compact else load_file(folder / _EMBEDDINGS),
            features=_read_features(folder / _FEATURES),
            carried=_read_carried(folder / _CARRIED),
        )
        network = _read_network(folder, content)
        _refuse_unfitting(index, network.emotions, content["bands"])
        model = TrainedModel(
            **vars(network),
            includes_encoder=(folder / _ENCODERS).is_dir(),
            source_index=index,
            history=read_csv(folder / "history.csv", _TEXT.__contains__),
        )
        if compact and index.features is not None:
            embeddings = model.outputs(source_set(model, index.features)).embeddings
            model.source_index = replace(index, embeddings=embeddings)
    return model


def load_network(name: str | Path) -> TrainedNetwork:
    """The same without what the model was made of, which prediction does not need; pandas is not imported."""
    folder = find_model(name)
    with _whole(folder):
        return _read_network(folder, _read_config(folder))


@contextmanager
def _whole(folder: Path) -> Iterator[None]:
    """What goes wrong while a model directory is read is said of the directory."""
    try:
        yield
    except (
        OSError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
        MemoryError,
        RuntimeError,
        ValidationError,
        SafetensorError,
    ) as error:
        detail = " ".join(str(error).split())[:200]
        raise UserError(
            f"{folder} is not a complete model directory ({type(error).__name__}: {detail})"
        ) from error


def _read_config(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = parse_yaml((folder / "config.yaml").read_text(encoding="utf-8"))
    if content["format"] != _FORMAT:
        raise UserError(f"{folder} {_other_format(content['format'])}")
    return content


def _read_network(folder: Path, content: dict[str, Any]) -> TrainedNetwork:
    config = _with_own_encoders(Config(**content["config"]), folder / _ENCODERS)
    emotions = tuple(content["emotions"])
    normaliser = Normaliser.from_dict(content["normaliser"])
    weights = load_file(folder / "model.safetensors")
    _refuse_other_sizes(weights, content["bands"], config.network.members, len(emotions))
    network = build_network(
        config.frontend.kind,
        content["bands"],
        len(emotions),
        config.network.dropout,
        config.network.whisper,
        members=config.network.members,
        hierarchical=config.hierarchical,
        empty=True,
    )
    network.load_state_dict(weights)
    if not all(bool(weights.isfinite().all()) for weights in network.state_dict().values()):
        raise UserError(f"{folder}: its weights are no numbers (NaN or infinite); train it again")
    if normaliser.width != network.width:
        raise ValueError(f"its normaliser is for {normaliser.width} features, its network for {network.width}")
    return TrainedNetwork(
        config=config,
        emotions=emotions,
        network=network.eval(),
        normaliser=normaliser,
        temperature=float(content["temperature"]),
        record=content["record"],
    )


def _refuse_other_sizes(weights: dict[str, Tensor], *sizes: int) -> None:
    """Refuse sizes of a network that its weights do not have, before there is any memory taken for it.

    Raises:
        ValueError: there are such sizes.
    """
    stored = {size for tensor in weights.values() if tensor.numel() for size in tensor.shape}
    if wrong := set(sizes) - stored:
        raise ValueError(f"its weights are of another network, none has the size {min(wrong)}")


def _refuse_unfitting(index: SourceIndex, emotions: tuple[str, ...], bands: int) -> None:
    """Refuse files of a model that are each whole and not of one another.

    Raises:
        ValueError, KeyError: there are such files.
    """
    for column in ("file", "start", "end", "corpus", "speaker", "group", "emotion", "source", "digest", "audio"):
        if column not in index.table.columns:
            raise KeyError(f"{column} is no column of source-index.csv")
    lengths = {len(rows) for rows in index.embeddings.values()}
    carried = None if index.carried is None else index.carried.features
    for features in (own for own in (index.features, carried) if own is not None):
        frames, counts = features.frames, features.counts
        if frames.ndim != 2 or frames.shape[1] != bands or not np.isfinite(frames).all():
            raise ValueError(f"features of the source are not {bands} numbers each")
        if counts.ndim != 1 or not np.issubdtype(counts.dtype, np.integer) or counts.min(initial=1) < 1:
            raise ValueError("features of the source are not counted")
        if counts.max(initial=0) > len(frames) or counts.sum() != len(frames):
            raise ValueError("features of the source are not as many as they are said to be")
        lengths.add(len(counts))
    if carried is not None and index.table["source"].nunique() > 1:
        raise ValueError("features by a line are of one source, and there are several")
    if not lengths <= {len(index.table)}:
        raise ValueError(f"source-index.csv has {len(index.table)} rows, other files {sorted(lengths)}")
    if not set(index.table["emotion"]) <= set(emotions):
        raise ValueError("source-index.csv has emotions that are not the model's")
    if not set(index.table["source"]) <= set(range(len(index.table))):
        raise ValueError("source-index.csv has numbers of corpora that are none")


def _read_features(file: Path) -> "PackedFeatures | None":
    from didan.features.features import PackedFeatures

    if not file.exists():
        return None
    return PackedFeatures.of_arrays(load_arrays(file))


def _line_as_arrays(carried: CarriedFeatures) -> dict[str, npt.NDArray[Any]]:
    """The line by which the source was carried, and what the source sounded like before."""
    return {
        "gains": np.array(carried.line.gains),
        "added": np.array(carried.line.noise),
        "over_noise": np.array([carried.line.over_noise]),
        "speech": carried.spectra.speech,
        "noise": carried.spectra.noise,
    }


def _read_carried(file: Path) -> CarriedFeatures | None:
    from didan.features import Line, PackedFeatures, Spectra

    if not file.exists():
        return None
    own = load_arrays(file)
    line = Line(gains=own["gains"].tolist(), noise=own["added"].tolist(), over_noise=own["over_noise"].item())
    if {own["speech"].shape, own["noise"].shape} != {(len(line.gains),)}:
        raise ValueError("spectra of the source are not what they are said to be")
    spectra = Spectra(own["speech"], own["noise"])
    if not all(np.isfinite(own[name]).all() for name in ("gains", "added", "over_noise", "speech", "noise")):
        raise ValueError("the line of the source is no numbers")
    return CarriedFeatures(features=PackedFeatures.of_arrays(own), line=line, spectra=spectra)
