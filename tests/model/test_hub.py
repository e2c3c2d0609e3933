"""A model goes through a folder as the hub has it and comes back the same, without what only its maker knows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from didan import Model
from didan.corpora import Corpus
from didan.model.card import model_card
from didan.model.hub import PretrainedModel, without_paths
from didan.model.trained import TrainedModel


def test_a_model_comes_back_the_same(untrained: TrainedModel, target: Corpus, tmp_path: Path) -> None:
    PretrainedModel(untrained).save_pretrained(tmp_path / "hub")
    again = PretrainedModel.from_pretrained(str(tmp_path / "hub")).model
    files = target.table["file"].tolist()[:5]
    pd.testing.assert_frame_equal(Model(untrained).predict(*files), Model(again).predict(*files), check_exact=True)
    assert again.config == untrained.config
    assert again.record == untrained.record


def test_the_card_is_the_readme(untrained: TrainedModel, tmp_path: Path) -> None:
    PretrainedModel(untrained).save_pretrained(tmp_path / "hub")
    readme = (tmp_path / "hub" / "README.md").read_text()
    assert readme == model_card(untrained)
    assert yaml.safe_load(readme.split("---")[1])["library_name"] == "didan"
    assert not list((tmp_path / "hub").glob("*.pt")) + list((tmp_path / "hub").glob("*.bin"))


def test_nothing_tells_where_the_recordings_lay(untrained: TrainedModel, tmp_path: Path) -> None:
    folder = str(Path(untrained.source_index.table["file"].iloc[0]).parents[1])
    leakage = {**untrained.record["leakage"], "identical_files": [f"{folder}/a/b.wav"]}
    model = replace(untrained, record={**untrained.record, "leakage": leakage})
    PretrainedModel(model).save_pretrained(tmp_path / "hub")
    for file in (tmp_path / "hub").iterdir():
        assert folder.encode() not in file.read_bytes(), file.name
    shared = without_paths(model).source_index.table
    before = model.source_index.table
    assert [f"{folder}/{file}" for file in shared["file"]] == before["file"].tolist()
    names = ["file", "group"]
    pd.testing.assert_frame_equal(shared.drop(columns=names), before.drop(columns=names))


@pytest.mark.parametrize("column", ["file", "folder", "speaker", "some"])
def test_groups_keep_together_but_lose_their_names(untrained: TrainedModel, column: str) -> None:
    table = untrained.source_index.table
    groups = {
        "folder": table["file"].map(lambda file: str(Path(file).parent)),
        "some": table["speaker"].where(table["speaker"] != "alpha-02", np.nan),
    }.get(column, table.get(column))
    index = replace(untrained.source_index, table=table.assign(group=groups))
    shared = without_paths(replace(untrained, source_index=index)).source_index.table["group"]
    assert groups is not None
    assert (shared.isna() == groups.isna()).all()
    pairs = pd.DataFrame({"before": groups, "after": shared}).dropna().drop_duplicates()
    assert len(pairs) == groups.nunique() == shared.nunique()
    assert shared.dropna().str.fullmatch(r"\d+").all()
