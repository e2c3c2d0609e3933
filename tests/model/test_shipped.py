"""What ships with didan is small, names nobody, and is as good as any other model directory."""

import zipfile
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from benchmarks.base import base
from benchmarks.conditions import telephone

import didan
from didan.corpora import Corpus
from didan.model.directory import load, write
from didan.model.find import SHIPPED
from didan.model.trained import TrainedModel
from didan.training.adapt import adapt, adapting_config

LARGEST = 1_500_000


@pytest.mark.parametrize("name", SHIPPED)
def test_it_fits_into_a_wheel(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "wheel", "w", zipfile.ZIP_DEFLATED) as wheel:
        for file in SHIPPED[name].iterdir():
            wheel.write(file, file.name)
    assert (tmp_path / "wheel").stat().st_size < LARGEST


def test_it_predicts_and_says_what_it_is(target: Corpus) -> None:
    model = didan.load("base")
    table = model.predict(*target.table["file"][:3])
    assert len(table) == 3
    np.testing.assert_allclose(table[list(model.emotions)].sum(axis=1), 1, rtol=1e-5)
    card = (SHIPPED["base"] / "model-card.md").read_text()
    assert "CC BY 4.0" in card
    assert "2.00 s of acted German" in card
    for corpus in ("casia", "ravdess"):
        for how, group in product(("", ", adapted to it"), ("", ", speakers unknown")):
            assert f"| {corpus}{how}{group} | " in card
            assert f"| {corpus} by telephone{how}{group} | " in card


def test_it_names_no_place_and_no_machine() -> None:
    table = load("base").source_index.table
    assert table["file"].str.fullmatch(r"\d{2}[ab]\d{2}[WLEAFTN][a-z]?\.\w+").all()
    text = (SHIPPED["base"] / "config.yaml").read_text()
    for word in ("/home", "/root", "/work", "/data", "hardware", "processor"):
        assert word not in text


def test_it_adapts_without_any_corpus(target: Corpus, session_cache: Path) -> None:
    model = load("base")
    assert not model.is_adapted
    config = adapting_config(model, assignments=["optimisation.steps=20"])
    adapted, change = adapt(model, target.unlabelled(), config=config, cache=session_cache)
    assert change.n == len(target)
    assert adapted.config.method == "didan"
    assert adapted.is_adapted


def test_adapted_to_calls_it_hears_its_source_by_telephone(
    target: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    model = load("base")
    config = adapting_config(model, assignments=["optimisation.steps=20"])
    calls = telephone(target, 1, tmp_path / "calls").heard
    lines = [
        adapt(model, recordings.unlabelled(), config=config, cache=session_cache)[0].record["lines"]
        for recordings in (target, calls)
    ]
    assert lines[0] == {}
    assert list(lines[1]) == ["emodb"]


@pytest.fixture(scope="module")
def made(tiny_corpora: tuple[Corpus, Corpus], session_cache: Path) -> TrainedModel:
    return base(tiny_corpora[0], session_cache)


def test_a_compact_directory_is_the_model_in_half_precision(made: TrainedModel, tmp_path: Path) -> None:
    write(made, tmp_path, compact=True)
    read = load(tmp_path)
    for name, weights in made.network.state_dict().items():
        assert torch.equal(read.network.state_dict()[name], weights.half().float())
    # What the network makes of the source is made again, of features in bytes.
    for layer, embeddings in made.source_index.embeddings.items():
        again = read.source_index.embeddings[layer]
        assert float((again - embeddings).norm() / embeddings.norm()) < 0.02
    pd.testing.assert_frame_equal(read.source_index.table, made.source_index.table)
    assert read.source_index.carried is not None
    assert made.source_index.carried is not None
    assert read.source_index.carried.line == made.source_index.carried.line


def test_to_make_it_again_gives_the_same_files(
    made: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path: Path
) -> None:
    folders = tmp_path / "once", tmp_path / "again"
    for folder, model in zip(folders, (made, base(tiny_corpora[0], session_cache)), strict=True):
        folder.mkdir()
        write(model, folder, compact=True)
    once, again = ({file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders)
    assert once == again
