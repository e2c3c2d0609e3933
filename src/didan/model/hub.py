"""Sharing models on the Hugging Face Hub, or in a folder of its format; needs the extra ``hub``.

PretrainedModel(model).save_pretrained("folder")
PretrainedModel(model).push_to_hub("user/name")
model = PretrainedModel.from_pretrained("user/name").model
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from huggingface_hub import ModelHubMixin, snapshot_download

from didan.features import PretrainedSettings, parts_of, with_parts
from didan.model.card import model_card
from didan.model.config import Config
from didan.model.directory import load, write
from didan.model.trained import TrainedModel


class PretrainedModel(ModelHubMixin, library_name="didan", tags=["speech-emotion-recognition"]):
    """A model as the hub stores it: its directory, with the card as README.md.

    Paths of recordings are cut to what lies below the corpus' folder, so that nothing of the machine that trained
    it shows. To adapt it, say where the recordings are (``search_paths``), unless it includes their features.

    Args:
        model: the model.
    """

    def __init__(self, model: TrainedModel) -> None:
        self.model = model
        self._hub_mixin_config = None  # the mixin would write its arguments down; config.yaml has it all

    def _save_pretrained(self, save_directory: Path) -> None:
        shared = without_paths(self.model)
        write(shared, save_directory, encoders=self.model.config)
        (save_directory / "README.md").write_text(model_card(shared), encoding="utf-8")

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        **model_kwargs: Any,
    ) -> "PretrainedModel":
        folder = Path(model_id)
        if not folder.is_dir():
            folder = Path(
                snapshot_download(
                    model_id,
                    revision=revision,
                    cache_dir=cache_dir,
                    force_download=force_download,
                    local_files_only=local_files_only,
                    token=token,
                )
            )
        return cls(load(folder))


def without_paths(model: TrainedModel) -> TrainedModel:
    """The same model, which no longer says where on a machine its recordings lay."""
    table = model.source_index.table
    # Groups may be files or folders; which they are does not matter, only who shares one.
    table = table.assign(
        group=table["group"].map({name: str(n) for n, name in enumerate(table["group"].dropna().unique())})
    )
    parts = [part.assign(file=_below(part["file"])) for _, part in table.groupby("corpus", sort=False)]
    leakage = model.record.get("leakage", {})
    names = [Path(file).name for file in leakage.get("identical_files", [])]
    return replace(
        model,
        config=_without_folders(model.config),
        source_index=replace(model.source_index, table=pd.concat(parts).loc[table.index]),
        record={
            **model.record,
            "leakage": {**leakage, "identical_files": names},
            **({"encoders": list(map(_named, model.record["encoders"]))} if "encoders" in model.record else {}),
        },
    )


def _without_folders(config: Config) -> Config:
    """A configuration that names encoders which lie in a folder here by the folder's name."""
    parts = [
        part.model_copy(update={"model": _named({"model": part.model})["model"]})
        if isinstance(part, PretrainedSettings)
        else part
        for part in parts_of(config.frontend)
    ]
    whisper = config.network.whisper
    if whisper is not None:
        whisper = whisper.model_copy(update={"model": _named({"model": whisper.model})["model"]})
    return config.model_copy(
        update={
            "frontend": with_parts(config.frontend, parts),
            "network": config.network.model_copy(update={"whisper": whisper}),
        }
    )


def _named(encoder: dict[str, Any]) -> dict[str, Any]:
    folder = Path(encoder["model"]).expanduser()
    return {**encoder, "model": folder.name} if folder.is_dir() or folder.is_absolute() else encoder


def _below(files: "pd.Series[str]") -> list[str]:
    folders = [os.path.dirname(file) for file in files]  # noqa: PTH120
    common = os.path.commonpath(folders) if any(folders) else ""
    return [os.path.relpath(file, common) if common else file for file in files]
