"""Run records of a benchmark that was never run, with known differences between methods."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from didan.selection import CRITERIA

EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness")
SPEAKERS = {"emodb": 10, "casia": 4, "ravdess": 24}
TASKS = (("emodb", "casia"), ("casia", "ravdess"))


def made_up_records(
    tasks: Sequence[tuple[str, ...]] = TASKS,
    methods: Sequence[str] = ("source-only", "didan"),
    features: Sequence[str] = ("spectrogram",),
    n_seeds: int = 3,
    *,
    n_per_emotion: int = 6,
    gain: float = 0.1,
    with_speakers: bool = True,
    extras: bool = True,
) -> list[dict[str, Any]]:
    """Records of every combination.

    Args:
        tasks: names of corpora, the target last.
        methods: source-only recognises 35 %, didan ``gain`` more, the others something between.
        features: kinds.
        n_seeds: per method.
        n_per_emotion: utterances of a speaker.
        gain: of didan, a share.
        with_speakers: whether they are known.
        extras: whether there are label-free scores, curves, domain distances and a map at seed 0.
    """
    rng = np.random.default_rng(0)
    records = []
    for kind in features:
        for *sources, target in tasks:
            n_speakers = SPEAKERS.get(target, 6)
            ease = rng.normal(0, 0.08, (n_speakers, len(EMOTIONS)))
            for method in methods:
                better = {"source-only": 0.0, "didan": gain, "target-only": 0.4}.get(
                    method, gain * rng.uniform(-0.5, 1.2)
                )
                for seed in range(n_seeds):
                    p = np.clip(0.35 + better + ease + rng.normal(0, 0.02), 0.02, 0.98)
                    hits = rng.binomial(n_per_emotion, p)
                    records.append(_record(rng, (kind, method, seed), sources, target, hits, n_per_emotion))
    for record in records:
        if not with_speakers:
            record |= {"speakers": {}, "n_speakers": None, "resampled": "utterance"}
        if extras:
            record |= _extras(rng, record)
    return records


def _record(
    rng: np.random.Generator,
    run: tuple[str, str, int],
    sources: list[str],
    target: str,
    hits: np.ndarray[Any, Any],
    n_per_emotion: int,
) -> dict[str, Any]:
    kind, method, seed = run
    counts = np.full(hits.shape, n_per_emotion)
    recalls = hits.sum(axis=0) / counts.sum(axis=0)
    confusion = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
    for row in range(len(EMOTIONS)):
        missed = rng.multinomial(
            (counts - hits).sum(axis=0)[row], np.full(len(EMOTIONS) - 1, 1 / (len(EMOTIONS) - 1))
        )
        confusion[row] = np.insert(missed, row, hits.sum(axis=0)[row])
    uar = float(recalls.mean())
    return {
        "task": {"sources": sources, "target": target},
        "features": kind,
        "normalisation": "corpus",
        "method": method,
        "seed": seed,
        "oracle": method == "target-only",
        "selection": "last step; settings fixed beforehand, without target labels",
        "emotions": list(EMOTIONS),
        "uar": uar,
        "war": float(hits.sum() / counts.sum()),
        "n": int(counts.sum()),
        "recall": dict(zip(EMOTIONS, recalls.tolist(), strict=True)),
        "confusion": confusion.tolist(),
        "uar_ci95": [uar - 0.05, uar + 0.05],
        "resampled": "speaker",
        "n_speakers": len(hits),
        "speakers": {
            f"{number:02d}": {"hits": h.tolist(), "counts": c.tolist()}
            for number, (h, c) in enumerate(zip(hits, counts, strict=True))
        },
        "label_free": {},
        "domain": None,
        "curves": {},
        "map": None,
        "leakage": {
            "shared_speakers": [],
            "identical_files": 0,
            "evaluated_in_source": 0,
            "labels_read": {
                "training": "target labels" if method == "target-only" else "source labels",
                "evaluation": "labels of the corpus evaluated",
            },
        },
        "cost": {"seconds": float(rng.uniform(20, 60)), "peak_memory_mb": int(rng.integers(800, 1200))},
        "versions": {"didan": "0.1.0", "torch": "2.13.0"},
        "hardware": {"processor": "x86_64", "threads": 1, "gpu": None},
        "settings": {
            "seed": seed,
            "optimisation": {"steps": 400, "learning_rate": 1e-3},
            "method_settings": {} if method == "source-only" else {"trade_off": 1.0, "name": method},
        },
    }


def _extras(rng: np.random.Generator, record: dict[str, Any]) -> dict[str, Any]:
    steps = list(range(1, 121))
    fall = np.exp(-np.arange(120) / 40)
    curves: dict[str, Any] = {"step": steps, "fit": (fall + rng.normal(0, 0.02, 120)).tolist()}
    if record["method"] not in ("source-only", "target-only"):
        curves["alignment"] = (rng.uniform(0.2, 9) * (0.3 + 0.7 * fall + rng.normal(0, 0.03, 120))).tolist()
    if record["method"] == "didan":
        curves["residual"] = (0.5 + 0.4 * fall + rng.normal(0, 0.02, 120)).tolist()
    accuracy = float(rng.uniform(0.6, 0.99))
    found: dict[str, Any] = {
        "curves": curves,
        "domain": {"accuracy": accuracy, "a_distance": 2 * (2 * accuracy - 1)},
        "label_free": {name: float(record["uar"] + rng.normal(0, 0.1)) for name in CRITERIA},
    }
    found["label_free"]["deep-embedded-validation"] = None
    if record["seed"] == 0:
        emotion = rng.integers(0, len(EMOTIONS), 400)
        domain = rng.integers(0, 2, 400)
        shift = 2.0 if record["method"] == "source-only" else 0.3
        points = rng.normal(0, 1, (400, 2)) + 2 * np.eye(5)[emotion][:, :2] + shift * domain[:, None]
        found["map"] = {
            "x": points[:, 0].tolist(),
            "y": points[:, 1].tolist(),
            "domain": ["source" if d == 0 else "target" for d in domain],
            "emotion": [EMOTIONS[e] for e in emotion],
        }
    return found
