"""Fields of a record beside its recalls: hits per speaker, domain gap, label-free criteria, curves, a map."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.preprocessing import StandardScaler

from didan.evaluation import Evaluation
from didan.selection import CRITERIA, LabelFreeOutputs, proxy_a_distance
from didan.typing import Floats

_CURVE_POINTS = 40
_MAP_UTTERANCES = 120
_MAP_POINTS = 10


def describe_evaluation(evaluation: Evaluation) -> dict[str, Any]:
    """Figures, and hits per speaker and emotion; how many files leaked, but not which."""
    figures = evaluation.as_dict()
    leakage = figures["leakage"]
    for key in ("identical_files", "evaluated_in_source"):
        leakage[key] = len(leakage.get(key, []))
    return {**figures, "speakers": per_speaker(evaluation.utterances, evaluation.emotions)}


def per_speaker(utterances: pd.DataFrame, emotions: tuple[str, ...]) -> dict[str, dict[str, list[int]]]:
    """Utterances recognised and utterances of every speaker, by emotion; empty if speakers are unknown.

    >>> table = pd.DataFrame({"speaker": ["a", "a"], "emotion": ["fear", "fear"], "predicted": ["fear", "anger"]})
    >>> per_speaker(table, ("anger", "fear"))
    {'a': {'hits': [0, 1], 'counts': [0, 2]}}
    """
    if utterances["speaker"].isna().any():
        return {}
    hit = utterances["emotion"] == utterances["predicted"]
    return {
        str(speaker): {
            "hits": [int((hit & own & (utterances["emotion"] == e)).sum()) for e in emotions],
            "counts": [int((own & (utterances["emotion"] == e)).sum()) for e in emotions],
        }
        for speaker in sorted(utterances["speaker"].unique(), key=str)
        for own in [utterances["speaker"] == speaker]
    }


def describe_criteria(outputs: LabelFreeOutputs) -> dict[str, float | None]:
    """The value of every label-free criterion, None where it needs what the run does not have."""
    values = {name: float(criterion(outputs)) for name, criterion in CRITERIA.items()}
    return {name: round(value, 6) if np.isfinite(value) else None for name, value in values.items()}


def describe_gap(
    source: Floats, target: Floats, source_table: pd.DataFrame, target_table: pd.DataFrame
) -> dict[str, float | str]:
    """Accuracy of a domain probe and proxy A-distance between source and target features.

    Whole speakers are held out, so that the probe is tested on voices that it does not know. A side whose speakers
    are unknown, or that has only one, goes by utterance.

    Args:
        source: features, shape (n_s, d).
        target: features, shape (n_t, d).
        source_table: ``corpus`` and ``speaker`` of the source utterances.
        target_table: ``speaker`` of the target utterances.

    Returns:
        ``accuracy``, ``a_distance``, and ``held_out``: ``speaker`` if it is so on both sides, else ``utterance``.
    """
    # Corpora number their speakers alike.
    names = source_table["corpus"] + " " + source_table["speaker"].astype("string")
    sides = _speakers(names), _speakers(target_table["speaker"].astype("string"))
    gap = proxy_a_distance(source, target, *sides)
    return {
        "accuracy": round(gap.accuracy, 4),
        "a_distance": round(gap.a_distance, 4),
        "held_out": "utterance" if any(speakers is None for speakers in sides) else "speaker",
    }


def _speakers(names: "pd.Series[str]") -> npt.NDArray[np.generic] | None:
    known = names.notna().all() and names.nunique() > 1
    return pd.factorize(names)[0] if known else None


def describe_history(history: pd.DataFrame) -> dict[str, list[float | None]]:
    """Training curves as means over at most forty stretches of equal length."""
    columns = [name for name in ("fit", "alignment", "residual") if name in history]
    stretch = np.arange(len(history)) * min(_CURVE_POINTS, len(history)) // len(history)
    means = history[["step", *columns]].groupby(stretch).agg({"step": "max", **dict.fromkeys(columns, "mean")})
    return {
        str(name): [round(float(x), 5) if np.isfinite(x) else None for x in values]
        for name, values in means.items()
    }


def describe_map(
    source: Floats, target: Floats, source_emotions: list[str], target_emotions: list[str]
) -> dict[str, Any] | None:
    """Up to 120 utterances of either side in two dimensions (t-SNE), for figures.

    Args:
        source: features, shape (n_s, d).
        target: features, shape (n_t, d).
        source_emotions: for the colours.
        target_emotions: for the colours, read by the evaluation.

    Returns:
        Coordinates in [-1, 1], domains and emotions; None where the features have collapsed to a few points.
    """
    rng = np.random.default_rng(0)
    chosen = [np.sort(rng.permutation(len(side))[:_MAP_UTTERANCES]) for side in (source, target)]
    together = np.concatenate([source[chosen[0]], target[chosen[1]]])
    if len(np.unique(together.round(6), axis=0)) < _MAP_POINTS:
        return None
    reduced = PCA(min(30, *together.shape), random_state=0).fit_transform(StandardScaler().fit_transform(together))
    perplexity = min(30.0, (len(reduced) - 1) / 3)
    points = TSNE(perplexity=perplexity, init="pca", random_state=0, n_jobs=1).fit_transform(reduced)
    points = points / np.abs(points).max()
    emotions = [source_emotions[i] for i in chosen[0]] + [target_emotions[i] for i in chosen[1]]
    return {
        "x": [round(float(x), 3) for x in points[:, 0]],
        "y": [round(float(y), 3) for y in points[:, 1]],
        "domain": ["source"] * len(chosen[0]) + ["target"] * len(chosen[1]),
        "emotion": emotions,
    }
