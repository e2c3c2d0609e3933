"""What tests of several commands share."""

import shutil
from pathlib import Path

import pytest

from didan.corpora import Corpus
from didan.model.directory import save
from didan.model.trained import TrainedModel


@pytest.fixture(scope="module")
def model(untrained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that is quickly made."""
    folder = tmp_path_factory.mktemp("model") / "model"
    save(untrained, folder)
    return folder


@pytest.fixture
def calls(target: Corpus, tmp_path: Path) -> Path:
    """A folder with the recordings of the target, under names that say nothing."""
    folder = tmp_path / "calls"
    folder.mkdir()
    for number, file in enumerate(target.table["file"]):
        shutil.copy(file, folder / f"{number}.wav")
    return folder
