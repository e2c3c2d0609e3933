"""Make two synthetic corpora, train on one, recognise the other: source-only against DIDAN."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from didan.errors import UserError
from didan.evaluation import Evaluation, evaluate
from didan.model.config import make_config
from didan.model.trained import TrainedModel
from didan.synthesis import make_corpus, style
from didan.training.train import train
from didan.typing import Progress

METHODS = ("source-only", "didan")
EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness", "surprise")


@dataclass(frozen=True)
class Comparison:
    """The runs of the demonstration.

    Attributes:
        source: what the source is, in words.
        target: what the target is, in words.
        steps: training steps of each run.
        models: by method, one per seed.
        evaluations: by method, one per seed, on the target.
    """

    source: str
    target: str
    steps: int
    models: dict[str, list[TrainedModel]]
    evaluations: dict[str, list[Evaluation]]

    def uar(self, method: str) -> tuple[float, float]:
        """Mean and standard deviation of a method's UAR over the seeds, in percent."""
        values = [100 * evaluation.uar for evaluation in self.evaluations[method]]
        return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

    def gains(self) -> list[float]:
        """UAR of DIDAN less that of source-only, seed by seed, in points."""
        pairs = zip(self.evaluations["didan"], self.evaluations["source-only"], strict=True)
        return [100 * (adapted.uar - plain.uar) for adapted, plain in pairs]


def run_demo(
    out: Path,
    *,
    n_seeds: int = 3,
    n_speakers: int = 8,
    n_per_emotion: int = 6,
    steps: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Run the demonstration.

    Corpora, features and models are left in ``out``; the report is written by the caller.

    Args:
        out: folder for everything, which must not exist.
        n_seeds: trainings per method.
        n_speakers: per corpus.
        n_per_emotion: utterances per speaker and emotion.
        steps: per training; as many as are the default if None.
        progress: called as the stages proceed.

    Raises:
        UserError: the folder exists or cannot be written.
    """
    if out.exists():
        raise UserError(f"{out} exists already; choose another folder with --out or delete it")

    def report(what: str, done: int, total: int) -> None:
        if progress:
            progress(what, done, total)

    corpora = []
    for number, name in enumerate(("alpha", "beta")):
        report("making two corpora", number, 2)
        corpora.append(
            make_corpus(
                out / name,
                style(name),
                n_speakers=n_speakers,
                n_per_emotion=n_per_emotion,
                emotions=EMOTIONS,
                seed=number,
            )
        )
    report("making two corpora", 2, 2)
    source, target = corpora
    changes = [] if steps is None else [f"optimisation.steps={steps}"]
    models: dict[str, list[TrainedModel]] = {method: [] for method in METHODS}
    evaluations: dict[str, list[Evaluation]] = {method: [] for method in METHODS}
    for method in METHODS:
        for seed in range(n_seeds):
            config = make_config(method, seed=seed, assignments=changes)

            def hook(what: str, done: int, total: int, named: str = f"{method}, seed {seed}") -> None:
                report(named if what == "training" else what, done, total)

            model = train(
                source,
                target,
                config=config,
                out=out / "models" / f"{method}-{seed}",
                cache=out / "features",
                progress=hook,
            )
            models[method].append(model)
            evaluations[method].append(evaluate(model, target, cache=out / "features"))
    return Comparison(
        f"{n_speakers} speakers of an invented language in a quiet studio",
        f"{n_speakers} other speakers of another one, in a noisy room, over a narrow microphone",
        models["didan"][0].config.optimisation.steps,
        models,
        evaluations,
    )
