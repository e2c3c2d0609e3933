"""Is a re-adapted model as good as one trained from scratch for the target?

    python -m benchmarks.adapted --source emodb=/data/emodb --first casia=/data/casia \\
        --target ravdess=/data/ravdess

For every seed: train from source to first, re-adapt that model to the target, and train from source to target from
scratch. Only the evaluation reads the target's labels. Writes ``results/adapted/results.json`` and prints means.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from didan.corpora import read_corpus
from didan.evaluation.evaluate import AS_PREDICTED, evaluate
from didan.features import default_cache
from didan.files import written_whole
from didan.hardware import hardware, versions
from didan.model.config import make_config
from didan.training.adapt import adapt
from didan.training.train import SELECTION, train

OUT = Path(__file__).parents[1] / "results" / "adapted" / "results.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("source", "first", "target"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--frontend", nargs="+", default=["functionals"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as for didan train")
    parser.add_argument("--cache", type=Path, default=default_cache())
    arguments = parser.parse_args()
    source, first, target = (read_corpus(getattr(arguments, name)) for name in ("source", "first", "target"))
    emotions = [e for e in source.emotions if e in first.emotions and e in target.emotions]
    rows: list[dict[str, Any]] = []
    for frontend in arguments.frontend:
        for seed in range(arguments.seeds):
            config = make_config("didan", frontend, seed, assignments=arguments.set)
            cache = arguments.cache
            before = train(source, first, config=config, emotions=emotions, cache=cache)
            adapted, _ = adapt(before, target.only(tuple(emotions)).unlabelled(), config=config, cache=cache)
            joint = train(source, target, config=config, emotions=emotions, cache=cache)
            models = {"before": before, "adapted": adapted, "joint": joint}
            uars = {name: evaluate(model, target, cache=cache).uar for name, model in models.items()}
            rows.append({"config": config.model_dump(mode="json"), "normalised_by": AS_PREDICTED, **uars})
            print(frontend, seed, uars, flush=True)
    record = {
        "source": source.name,
        "first": first.name,
        "target": target.name,
        "emotions": emotions,
        "selection": SELECTION,
        "runs": rows,
        "versions": versions("didan", "torch"),
        "hardware": hardware(),
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(OUT) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for frontend in arguments.frontend:
        chosen = [row for row in rows if row["config"]["frontend"]["kind"] == frontend]
        percent = {name: 100 * np.array([row[name] for row in chosen]) for name in ("before", "adapted", "joint")}
        differences = percent["adapted"] - percent["joint"]
        error = differences.std(ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else np.nan
        means = ", ".join(f"{name} {values.mean():.1f}" for name, values in percent.items())
        print(f"{frontend}: UAR in %: {means}")
        print(f"    adapted minus joint: {differences.mean():+.1f} ± {error:.1f} (standard error over seeds)")


if __name__ == "__main__":
    main()
