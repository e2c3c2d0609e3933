import numpy as np
import pytest
from matplotlib.collections import PathCollection

from didan.report import plots
from didan.report.comparisons import against
from didan.report.dataframes import domain_frame
from didan.report.results import Benchmark
from report.made_up import made_up_records

SPECTROGRAM = "spectrogram"
METHODS = ["source-only", "didan", "mmd", "target-only"]


@pytest.fixture(scope="module")
def benchmark() -> Benchmark:
    return Benchmark(made_up_records(methods=METHODS))


def test_points_of_the_forest_are_the_differences(benchmark: Benchmark) -> None:
    figure = plots.plot_differences(benchmark, SPECTROGRAM, "source-only")
    assert figure is not None
    assert [axes.get_title().replace("\n", " ") for axes in figure.axes] == ["mean over tasks", *benchmark.tasks]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    for axes, task in zip(figure.axes, (None, *benchmark.tasks), strict=True):
        points = [line for line in axes.get_lines() if line.get_marker() == "o"]
        drawn = {names[round(float(p.get_ydata()[0]))]: float(p.get_xdata()[0]) for p in points}  # type: ignore[index,arg-type]
        filled = {names[round(float(p.get_ydata()[0]))] for p in points if p.get_markerfacecolor() != "white"}  # type: ignore[index,arg-type]
        found = against(benchmark, SPECTROGRAM, "source-only", task)
        assert drawn == pytest.approx({c.method: 100 * c.difference for c in found})
        assert filled == {c.method for c in found if c.significant}


def test_nothing_to_draw() -> None:
    bare = Benchmark(made_up_records(methods=["didan"], extras=False))
    assert plots.plot_differences(bare, SPECTROGRAM, "source-only") is None
    assert plots.plot_criteria(bare, SPECTROGRAM) is None
    assert plots.plot_curves(bare, SPECTROGRAM, "alignment") is None
    assert plots.plot_maps(list(bare.results[SPECTROGRAM]["didan"].values())) is None


def test_confusions_are_shares_of_all_seeds_together(benchmark: Benchmark) -> None:
    cells = [list(benchmark.results[SPECTROGRAM][m].values()) for m in METHODS[:2]]
    figure = plots.plot_confusions(cells)
    for axes, cell in zip(figure.axes, [cell for row in cells for cell in row], strict=True):
        counts = np.sum([run["confusion"] for run in cell.runs], axis=0)
        shares = 100 * counts / counts.sum(axis=1, keepdims=True)
        assert [text.get_text() for text in axes.texts] == [f"{share:.0f}" for share in shares.ravel()]


def test_maps_colour_every_utterance_by_corpus_and_by_emotion(benchmark: Benchmark) -> None:
    cells = [benchmark.results[SPECTROGRAM][m]["emodb → casia"] for m in METHODS[:2]]
    figure = plots.plot_maps(cells)
    assert figure is not None
    for axes, key, cell in zip(
        figure.axes, ("domain", "domain", "emotion", "emotion"), (*cells, *cells), strict=True
    ):
        points = axes.collections[0]
        assert isinstance(points, PathCollection)
        found = cell.runs[0]["map"]
        colour_at = {
            (round(float(x), 9), round(float(y), 9)): tuple(colour)
            for (x, y), colour in zip(
                np.asarray(points.get_offsets()), np.asarray(points.get_facecolor()), strict=True
            )
        }
        by_name: dict[str, set[tuple[float, ...]]] = {}
        for x, y, name in zip(found["x"], found["y"], found[key], strict=True):
            by_name.setdefault(name, set()).add(colour_at[round(x, 9), round(y, 9)])
        assert all(len(colours) == 1 for colours in by_name.values())
        assert len(set.union(*by_name.values())) == len(by_name)


def test_curves_are_means_over_seeds(benchmark: Benchmark) -> None:
    figure = plots.plot_curves(benchmark, SPECTROGRAM, "residual")
    assert figure is not None
    axes = figure.axes[0]
    assert axes.get_title() == "didan"
    runs = benchmark.results[SPECTROGRAM]["didan"][benchmark.tasks[0]].runs
    means = np.mean([run["curves"]["residual"] for run in runs], axis=0).reshape(40, 3).mean(axis=1)
    np.testing.assert_allclose(np.asarray(axes.get_lines()[0].get_ydata()), means)


def test_curves_may_have_gaps() -> None:
    records = made_up_records(n_seeds=1)
    for record in records:
        record["curves"]["fit"][:5] = [None] * 5
    assert plots.plot_curves(Benchmark(records), SPECTROGRAM, "fit") is not None


def test_domain_points_are_those_of_the_frame(benchmark: Benchmark) -> None:
    frame = domain_frame(benchmark)
    axes = plots.plot_domain(frame, METHODS, benchmark.tasks).axes[0]
    for line, task in zip(axes.get_lines(), benchmark.tasks, strict=True):
        drawn = dict(
            zip(np.asarray(line.get_ydata()).tolist(), np.asarray(line.get_xdata()).tolist(), strict=True)
        )
        part = frame[frame["task"] == task].set_index("method")["a_distance"]
        assert drawn == {METHODS.index(str(method)): value for method, value in part.items()}
