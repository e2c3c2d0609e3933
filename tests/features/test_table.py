"""Functionals for anybody's own work, against what the frontend says of the same samples."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import didan
from didan.audio import Utterance, audio_info, read_audio
from didan.corpora import Corpus
from didan.errors import UserError
from didan.features import FunctionalsSettings, build_frontend, extract_features
from didan.features.table import feature_table


def test_a_named_column_for_each_functional(source: Corpus, session_cache: Path) -> None:
    files = [Path(file) for file in source.table["file"][:3]]
    table = feature_table([Utterance(file) for file in files], cache=session_cache)
    frontend = build_frontend(FunctionalsSettings())
    assert list(table.columns) == list(frontend.feature_names)
    assert table.index.names == ["file", "start", "end"]
    for file, (index, row) in zip(files, table.iterrows(), strict=True):
        assert index[0] == str(file)  # type: ignore[index]
        assert index[1] == pd.Timedelta(0)  # type: ignore[index]
        assert index[2].total_seconds() == pytest.approx(audio_info(file).seconds, abs=1e-6)  # type: ignore[index]
        np.testing.assert_array_equal(row.to_numpy(), extract_features(frontend, read_audio(file))[0])


def test_parts_of_files_and_of_functionals(source: Corpus, session_cache: Path) -> None:
    file = Path(source.table["file"][0])
    table = feature_table([Utterance(file, 0.1, 0.4)], parts=["cepstra"], cache=session_cache)
    assert table.index[0] == (str(file), pd.Timedelta(seconds=0.1), pd.Timedelta(seconds=0.4))
    frontend = build_frontend(FunctionalsSettings(parts=("cepstra",)))
    np.testing.assert_array_equal(table.to_numpy(), extract_features(frontend, read_audio(file, 0.1, 0.4)))


def test_nothing_to_compute_is_an_error() -> None:
    with pytest.raises(UserError, match="no audio"):
        feature_table([])


def test_a_file_a_folder_and_a_corpus_can_be_given(source: Corpus, session_cache: Path) -> None:
    file = Path(source.table["file"][0])
    one = didan.functionals(file, cache=session_cache)
    folder = didan.functionals(file.parent, cache=session_cache)
    corpus = didan.functionals(source, cache=session_cache)
    assert len(one) == 1
    assert len(folder) == sum(Path(name).parent == file.parent for name in source.table["file"])
    assert len(corpus) == len(source)
    pd.testing.assert_frame_equal(one, folder.loc[[one.index[0]]])
    pd.testing.assert_frame_equal(one, corpus.loc[[one.index[0]]])
