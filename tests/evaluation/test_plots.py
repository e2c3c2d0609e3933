import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from didan.errors import UserError
from didan.evaluation.plots import plot_confusion, plot_history, save_plot

COUNTS = [[8, 1, 1], [0, 3, 0], [0, 0, 0]]
EMOTIONS = ("anger", "fear", "sadness")


@pytest.fixture
def figure() -> Figure:
    return plot_confusion(COUNTS, EMOTIONS, "a title")


def test_numbers_drawn_are_counts_and_shares_of_the_true_emotion(figure: Figure) -> None:
    axes = figure.axes[0]
    cells = {}
    for text in axes.texts:
        matched = re.fullmatch(r"(\d+) %\n\((\d+)\)", text.get_text())
        assert matched
        x, y = text.get_position()
        cells[int(y), int(x)] = (int(matched[1]), int(matched[2]))
    percent = [[80, 10, 10], [0, 100, 0], [0, 0, 0]]
    assert cells == {
        (row, column): (percent[row][column], COUNTS[row][column]) for row in range(3) for column in range(3)
    }


def test_axes_are_named(figure: Figure) -> None:
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == list(EMOTIONS)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(EMOTIONS)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("recognised as", "true emotion")
    assert axes.get_title() == "a title"
    top, bottom = axes.get_ylim()[1], axes.get_ylim()[0]
    assert top < bottom  # the first row is at the top


@pytest.mark.parametrize(
    ("name", "begins"), [("a.png", b"\x89PNG"), ("a.PNG", b"\x89PNG"), ("a.pdf", b"%PDF"), ("a.svg", b"<?xml")]
)
def test_formats_by_suffix(figure: Figure, tmp_path: Path, name: str, begins: bytes) -> None:
    save_plot(figure, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.jpg", "a", "png"])
def test_unknown_suffix(figure: Figure, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"cannot draw .*\.png, \.pdf or \.svg"):
        save_plot(figure, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_does_not_exist(figure: Figure, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot write .*nowhere/a\.png \(no such file or directory\)"):
        save_plot(figure, tmp_path / "nowhere" / "a.png")


def test_full_disk_keeps_the_old_plot_and_nothing_else(
    figure: Figure, tmp_path: Path, small_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    file = tmp_path / "a.svg"
    file.write_text("the old one")
    with small_disk(1000), pytest.raises(UserError, match="cannot write"):
        save_plot(figure, file)
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_text() == "the old one"


def history(seed: int, columns: tuple[str, ...]) -> pd.DataFrame:
    values = np.random.default_rng(seed).random((30, len(columns)))
    return pd.DataFrame(values, columns=list(columns)).assign(step=np.arange(1, 31))


def test_history_draws_means_of_ten_steps_over_all_runs() -> None:
    runs = [history(seed, ("fit",)) for seed in (0, 1)]
    (axes,) = plot_history({"didan": runs}, {"fit": "loss"}).axes
    assert axes.get_title() == "loss"
    line = axes.get_lines()[0]  # others are for the legend
    np.testing.assert_array_equal(line.get_xdata(), [10, 20, 30])
    both = np.stack([run["fit"].to_numpy() for run in runs])
    np.testing.assert_allclose(np.asarray(line.get_ydata()), both.reshape(2, 3, 10).mean(axis=(0, 2)))


def test_history_leaves_out_runs_without_the_column() -> None:
    histories = {"plain": [history(0, ("fit",))], "didan": [history(1, ("fit", "alignment"))]}
    fit, alignment = plot_history(histories, {"fit": "loss", "alignment": "distance"}).axes
    for axes, names in ((fit, ["plain", "didan"]), (alignment, ["didan"])):
        legend = axes.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == names
