"""Run source-only, DIDAN and the functionals' SVM between corpora, and keep a record of every run.

    python -m results.run --corpus emodb=PATH --corpus casia=PATH --corpus ravdess=PATH --workers 2

A record is a small JSON file in ``results/records``; runs whose record exists are not repeated. All settings
are the defaults of ``didan train``: nothing was chosen by looking at these results. No audio and no features
are kept. ``python -m results.table`` makes the README's table of the records.
"""

import argparse
import itertools
import json
import os
import subprocess
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).parent / "records"
METHODS = ("source-only", "didan")
SVMS = ("svm-linear", "svm-rbf")


def record_name(source: str, target: str, method: str, seed: int | None) -> str:
    """File name of a record; the SVMs have no randomness and no seed."""
    return f"{source}-{target}-{method}{'' if seed is None else f'-{seed}'}.json"


def run_network(corpora: dict[str, str], source: str, target: str, method: str, seed: int) -> dict[str, Any]:
    """Train and evaluate once."""
    import didan
    from didan.training.config import make_config

    read = {name: didan.load_corpus(name, corpora[name]) for name in (source, target)}
    config = make_config(method, seed=seed)
    model = didan.train(read[source], read[target], config=config)
    result = model.evaluate(read[target])
    return {
        **result.as_dict(),
        "config": model.config.model_dump(mode="json"),
        **{key: model.record[key] for key in ("seconds", "peak_memory_mb", "versions", "hardware")},
    }


def run_svm(corpora: dict[str, str], source: str, target: str, kind: str) -> dict[str, Any]:
    """A balanced SVM on eGeMAPS functionals, each corpus normalised by its own mean and deviation."""
    import numpy as np
    from sklearn.metrics import confusion_matrix
    from sklearn.svm import SVC, LinearSVC

    import didan
    from didan.corpora.task import make_task
    from didan.evaluation import recalls, uar_interval, unweighted_average_recall
    from didan.frontends import FunctionalsSettings, default_cache, extract, normalised

    read = {name: didan.load_corpus(name, corpora[name]) for name in (source, target)}
    task = make_task([read[source]], read[target])
    labelled = read[target].only(task.emotions)
    inputs = []
    for recordings in (task.sources[0].unlabelled(), task.target):
        extracted = extract(recordings, FunctionalsSettings(), default_cache())
        features = normalised(recordings, extracted.files, extracted.contents, "corpus")
        inputs.append(np.concatenate([features[i] for i in range(len(features))]))
    svm = (
        LinearSVC(C=0.01, class_weight="balanced", random_state=0, max_iter=5000)
        if kind == "svm-linear"
        else SVC(kernel="rbf", C=1.0, class_weight="balanced")
    )
    predicted_names = svm.fit(inputs[0], task.sources[0].table["emotion"]).predict(inputs[1])
    class_of = {emotion: index for index, emotion in enumerate(task.emotions)}
    labels = np.array([class_of[emotion] for emotion in labelled.table["emotion"]])
    predicted = np.array([class_of[emotion] for emotion in predicted_names])
    speakers = labelled.table["speaker"].to_numpy()
    return {
        "uar": unweighted_average_recall(labels, predicted),
        "war": float((labels == predicted).mean()),
        "n": len(labels),
        "emotions": list(task.emotions),
        "recall": dict(zip(task.emotions, recalls(labels, predicted, len(task.emotions)).tolist(), strict=True)),
        "confusion": confusion_matrix(labels, predicted).tolist(),
        "uar_ci95": list(uar_interval(labels, predicted, speakers)),
        "n_speakers": len(set(speakers)),
        "selection": "settings fixed beforehand, without target labels",
    }


def run(corpora: dict[str, str], source: str, target: str, method: str, seed: int | None, commit: str) -> str:
    """Do one run and write its record, whole or not at all."""
    warnings.simplefilter("ignore")
    figures = (
        run_svm(corpora, source, target, method)
        if seed is None
        else run_network(corpora, source, target, method, seed)
    )
    record = {"source": source, "target": target, "method": method, "seed": seed, "commit": commit, **figures}
    # File names of the user's disk are nobody's business: only how many files two corpora share is kept.
    leakage = record.get("leakage", {})
    for key in ("identical_files", "evaluated_in_source"):
        if key in leakage:
            leakage[key] = len(leakage[key])
    file = RECORDS / record_name(source, target, method, seed)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    partial.replace(file)
    return f"{source} -> {target}, {method}, seed {seed}: UAR {100 * record['uar']:.1f} %"


def main() -> None:
    """Do all runs that have no record yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", action="append", required=True, metavar="NAME=PATH")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    corpora = dict(pair.split("=", 1) for pair in arguments.corpus)
    RECORDS.mkdir(exist_ok=True)
    pairs = list(itertools.permutations(corpora, 2))
    todo: list[tuple[str, str, str, int | None]] = [(*pair, svm, None) for svm in SVMS for pair in pairs]
    todo += [(*pair, method, seed) for seed in range(arguments.seeds) for pair in pairs for method in METHODS]
    todo = [job for job in todo if not (RECORDS / record_name(*job)).exists()]
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    # Threads of several runs at once would fight for the same cores.
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(arguments.workers) as pool:
        jobs = [pool.submit(run, corpora, *job, commit) for job in todo]
        for done, job in enumerate(as_completed(jobs), start=1):
            print(f"[{done}/{len(jobs)}] {job.result()}", flush=True)


if __name__ == "__main__":
    main()
