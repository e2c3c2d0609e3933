"""Draw the pictures of the documentation: ``python docs/pictures/make.py`` (``--page`` for the page as well).

The page is photographed in chromium, on synthetic speech.
"""

import argparse
import shutil
import tempfile
import threading
from pathlib import Path

import numpy as np
import seaborn
import soundfile
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from didan.alignment import class_balanced_marginal, reconstruct

HERE = Path(__file__).parent
BLUE, ORANGE, GREEN, *_ = seaborn.color_palette("colorblind")


def box(axes: Axes, x: float, y: float, width: float, text: str, colour: object) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (x, y),
            width,
            0.8,
            boxstyle="round,pad=0.05",
            facecolor=(*colour, 0.18),
            edgecolor=colour,
            linewidth=1.2,
        )
    )
    axes.text(x + width / 2, y + 0.4, text, ha="center", va="center", fontsize=9)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: object = "0.3") -> None:
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color=colour, linewidth=1.1))


def overview() -> None:
    """What happens in a step of training."""
    figure = Figure(figsize=(9, 3.1), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-0.2, 11.4), ylim=(-0.5, 3.4))
    axes.axis("off")
    box(axes, 0, 2.2, 1.9, "source speech,\nlabelled", BLUE)
    box(axes, 0, 0.0, 1.9, "target speech,\nno labels", ORANGE)
    box(axes, 2.6, 1.1, 1.6, "functionals,\nnormalised", (0.4, 0.4, 0.4))
    box(axes, 4.9, 1.1, 1.6, "network\n(one for both)", (0.4, 0.4, 0.4))
    box(axes, 7.1, 2.2, 1.4, "features\n$H_s$", BLUE)
    box(axes, 7.1, 0.0, 1.4, "features\n$H_t$", ORANGE)
    box(axes, 9.2, 2.2, 2.0, "fit to the labels\n$L_{reg}$", BLUE)
    box(axes, 9.2, 0.0, 2.0, "implicit alignment\n$||H_t - W H_s||^2$", GREEN)
    arrow(axes, (1.98, 2.4), (2.6, 1.8), BLUE)
    arrow(axes, (1.98, 0.6), (2.6, 1.2), ORANGE)
    arrow(axes, (4.28, 1.5), (4.84, 1.5))
    arrow(axes, (6.58, 1.8), (7.04, 2.4), BLUE)
    arrow(axes, (6.58, 1.2), (7.04, 0.6), ORANGE)
    arrow(axes, (8.58, 2.6), (9.14, 2.6), BLUE)
    arrow(axes, (8.58, 0.4), (9.14, 0.4), ORANGE)
    arrow(axes, (8.3, 2.12), (9.4, 0.92), BLUE)
    figure.savefig(HERE / "overview.svg", metadata={"Date": None}, bbox_inches="tight")


def mixtures() -> None:
    """Which target points can be reconstructed from which source points, under three constraints."""
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1], 12)
    centres = np.array([[-1.2, 0.4], [1.2, 0.4]])
    source = centres[labels] + rng.normal(0, 0.32, (24, 2))
    target = centres[labels] + rng.normal(0, 0.32, (24, 2)) + [0.5, -1.7]
    H_s, H_t = torch.from_numpy(source), torch.from_numpy(target)
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    columns = (
        ("free coefficients: everything\nis reconstructed, nothing to align", {"constraint": "free"}),
        ("convex: mixtures stay inside\nthe source", {"constraint": "convex"}),
        (
            "balanced: and every emotion of the\nsource is used equally (the default)",
            {"constraint": "balanced", "source_marginal": class_balanced_marginal(torch.from_numpy(labels))},
        ),
    )
    for axes, (title, options) in zip(figure.subplots(1, 3, sharex=True, sharey=True), columns, strict=True):
        found = (reconstruct(H_t, H_s, penalty="none", **options).coefficients @ H_s).numpy()
        for there, here in zip(target, found, strict=True):
            axes.plot([there[0], here[0]], [there[1], here[1]], color=GREEN, linewidth=0.8, zorder=1)
        for marker, kind in (("o", 0), ("^", 1)):
            axes.scatter(
                *source[labels == kind].T, color=BLUE, marker=marker, s=28, label=f"source, emotion {kind + 1}"
            )
        axes.scatter(*target.T, color=ORANGE, s=20, label="target")
        axes.scatter(*found.T, facecolors="none", edgecolors=GREEN, s=40, label="its mixture $W H_s$")
        residual = np.linalg.norm(target - found) / np.linalg.norm(target)
        axes.set_title(f"{title}\nresidual {residual:.2f}", fontsize=9)
        axes.set(xticks=[], yticks=[], aspect="equal")
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    figure.savefig(HERE / "mixtures.svg", metadata={"Date": None}, bbox_inches="tight")


def page() -> None:
    """The web page with a recording of synthetic speech."""
    from playwright.sync_api import sync_playwright

    import didan
    from didan.audio import RATE, read_audio
    from didan.service.app import build_app
    from didan.service.limits import Limits
    from didan.service.server import listening, server_of
    from didan.synthesis import make_corpus, style
    from didan.web.page import mount_page

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, target = (
            make_corpus(folder / one, style(one), n_speakers=6, n_per_emotion=6, emotions=EMOTIONS, seed=number)
            for number, one in enumerate(("alpha", "beta"))
        )
        config = didan.make_config(assignments=["optimisation.steps=200"])
        model = didan.train(source, target, config=config, cache=folder / "cache")
        chosen = target.table.groupby("emotion")["file"].nth(7)
        pause = np.zeros(RATE // 2, dtype=np.float32)
        call = np.concatenate([part for file in chosen for part in (read_audio(file), pause)])
        soundfile.write(folder / "call.wav", call, RATE)
        models = {"calls": model.trained}
        app = build_app(models, Limits())
        mount_page(app, models, Limits())
        with listening("127.0.0.1", 0) as at, sync_playwright() as playwright:
            server = server_of(app)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [at]})
            thread.start()
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            tab = browser.new_page(viewport={"width": 1100, "height": 1350})
            tab.goto(f"http://127.0.0.1:{at.getsockname()[1]}")
            tab.set_input_files("input[type=file]", str(folder / "call.wav"))
            tab.wait_for_timeout(3000)
            tab.click("#predict")
            tab.wait_for_function("document.querySelector('#why').innerText.includes('alpha')")
            tab.wait_for_timeout(3000)
            tab.screenshot(path=HERE / "page.png", full_page=True)
            browser.close()
            server.should_exit = True
            thread.join()


EMOTIONS = ("anger", "happiness", "neutral", "sadness")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true")
    overview()
    mixtures()
    if parser.parse_args().page:
        page()
