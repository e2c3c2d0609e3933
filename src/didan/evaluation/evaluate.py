"""Evaluation: the one place where target labels are read."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import confusion_matrix
from torch import Tensor

from didan.corpora import Corpus
from didan.corpora.emotions import class_indices
from didan.corpora.leakage import identical_files, shared_speakers
from didan.features import FeatureSet, default_cache, load_features
from didan.files import written_whole
from didan.metrics import recalls, resampling_unit, uar_interval, unweighted_average_recall
from didan.parallel import Progress

if TYPE_CHECKING:
    from didan.model.trained import Model

_FEW_SPEAKERS = 10


@dataclass(frozen=True)
class Evaluation:
    """How well a model recognises the emotions of a labelled corpus.

    Attributes:
        corpus: its name.
        emotions: of the model, in the order of ``confusion``.
        uar: unweighted average recall in [0, 1], over the emotions that occur.
        war: share of all utterances recognised.
        n: number of utterances.
        recall: by emotion; None where the emotion does not occur.
        confusion: counts, true emotion by row, predicted by column.
        uar_ci95: bootstrap interval of ``uar``, see :func:`didan.metrics.uar_interval`.
        resampled: ``speaker``, or ``utterance`` where speakers are unknown or there is only one.
        n_speakers: how many there are, None where unknown.
        selection: how the model was chosen.
        leakage: what the source shares with the training target and with this corpus, and which labels were
            read by what.
        utterances: file, speaker, emotion, predicted, and the probability of each emotion.
    """

    corpus: str
    emotions: tuple[str, ...]
    uar: float
    war: float
    n: int
    recall: dict[str, float | None]
    confusion: list[list[int]]
    uar_ci95: tuple[float, float]
    resampled: str
    n_speakers: int | None
    selection: str
    leakage: dict[str, Any]
    utterances: pd.DataFrame

    def as_dict(self) -> dict[str, Any]:
        """Everything but the utterances, for a JSON file."""
        return {
            "uar": self.uar,
            "war": self.war,
            "n": self.n,
            "emotions": list(self.emotions),
            "recall": self.recall,
            "confusion": self.confusion,
            "uar_ci95": list(self.uar_ci95),
            "resampled": self.resampled,
            "n_speakers": self.n_speakers,
            "corpus": self.corpus,
            "selection": self.selection,
            "leakage": self.leakage,
        }

    def remarks(self) -> list[str]:
        """What a reader of the figures must know."""
        lines = []
        if self.resampled == "utterance":
            lines.append(
                "speakers are unknown or only one, so the interval resamples utterances and is too narrow"
            )
        elif self.n_speakers is not None and self.n_speakers < _FEW_SPEAKERS:
            lines.append(f"only {self.n_speakers} speakers, so the interval is rough")
        missing = [emotion for emotion, recall in self.recall.items() if recall is None]
        if missing:
            lines.append(f"{self.corpus} has no {', '.join(missing)}; UAR is over the other emotions")
        if self.leakage["evaluated_in_source"]:
            lines.append(
                f"{len(self.leakage['evaluated_in_source'])} of the recordings were trained on with their labels; "
                "these figures say nothing about new recordings"
            )
        if self.leakage["shared_speakers"]:
            lines.append(f"the source has some of the speakers too: {', '.join(self.leakage['shared_speakers'])}")
        return lines

    def write(self, file: Path) -> None:
        """Write :meth:`as_dict` as JSON, whole or not at all.

        Raises:
            UserError: the file cannot be written.
        """
        with written_whole(file) as partial:
            partial.write_text(json.dumps(self.as_dict(), indent=2) + "\n", encoding="utf-8")


def evaluate(
    model: "Model", corpus: Corpus, cache: Path | None = None, progress: Progress | None = None
) -> Evaluation:
    """Compare a model's predictions with the labels of a corpus.

    Utterances of emotions that the model does not know are left out. Where the model normalises per corpus or
    per speaker, the statistics are those of the utterances evaluated, which uses no label.

    Args:
        model: the model.
        corpus: labelled utterances.
        cache: folder for features; the user's cache folder if None.
        progress: called after every utterance.

    Raises:
        UserError: the corpus has none of the model's emotions; see also :func:`didan.features.extract`.
    """
    kept = corpus.only(model.emotions)
    settings = model.config
    features = load_features(
        kept.unlabelled(), settings.frontend, settings.normalisation, cache or default_cache(), progress
    )
    return evaluate_scores(model, kept, features, model.outputs(features).scores)


def evaluate_scores(model: "Model", kept: Corpus, features: FeatureSet, scores: Tensor) -> Evaluation:
    """Compare the scores that a model has given already with the labels; see :func:`evaluate`.

    Args:
        model: the model.
        kept: labelled utterances of the model's emotions.
        features: of these utterances.
        scores: what the network made of them, shape (n, n_emotions).
    """
    leakage = {**model.record["leakage"]}
    leakage["shared_speakers"] = sorted(
        {
            speaker
            for name, part in model.reference.table.groupby("corpus")
            for speaker in shared_speakers(str(name), part["speaker"], kept.name, kept.table["speaker"])
        }
    )
    leakage["evaluated_in_source"] = identical_files(
        model.reference.table[["digest", "audio"]].rename(columns={"digest": "file"}),
        features.contents,
        [str(file) for file in kept.table["file"]],
    )
    probabilities = model.probabilities(scores).numpy()
    return compare(kept, model.emotions, probabilities, model.record["selection"], leakage)


def compare(
    corpus: Corpus,
    emotions: tuple[str, ...],
    probabilities: npt.NDArray[np.floating],
    selection: str,
    leakage: dict[str, Any],
) -> Evaluation:
    """Compare predictions, of whatever made them, with the labels of a corpus.

    Args:
        corpus: labelled utterances, of these emotions only.
        emotions: what the columns of ``probabilities`` are.
        probabilities: or any scores of which the largest decides, shape (n, n_emotions).
        selection: how the settings of what made the predictions were chosen.
        leakage: what source and target share, and which labels were read by what before.
    """
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    labels = class_indices(corpus.table, emotions)
    speakers = corpus.table["speaker"].to_numpy() if corpus.unlabelled().has_speakers else None
    n_speakers = None if speakers is None else len(set(speakers))
    per_emotion = recalls(labels, predicted, len(emotions))
    read = {**leakage["labels_read"], "evaluation": "labels of the corpus evaluated"}
    utterances = corpus.table[["file", "start", "end", "speaker", "emotion"]].assign(
        predicted=[emotions[index] for index in predicted],
        **{emotion: probabilities[:, index] for index, emotion in enumerate(emotions)},
    )
    return Evaluation(
        corpus.name,
        emotions,
        unweighted_average_recall(labels, predicted),
        float((labels == predicted).mean()),
        len(labels),
        {e: None if np.isnan(r) else float(r) for e, r in zip(emotions, per_emotion, strict=True)},
        confusion_matrix(labels, predicted, labels=range(len(emotions))).tolist(),
        uar_interval(labels, predicted, speakers, corpus=corpus.name),
        resampling_unit(speakers),
        n_speakers,
        selection,
        {**leakage, "labels_read": read},
        utterances,
    )
