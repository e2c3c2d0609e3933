"""Evaluation: predictions and labels become figures. The one place where target labels are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from didan.audio import Utterance
from didan.corpora import Corpus
from didan.corpora.emotions import class_indices, counts_in_words, emotion_counts
from didan.corpora.leakage import DEFAULTS_CHOSEN_ON, identical_files, in_hindsight, shared_speakers
from didan.errors import AudioError, OnDamaged, report_damaged
from didan.features import FrontendSettings, default_cache
from didan.features.encoders.trained_on import heard_in_training
from didan.features.fingerprints import Contents, Fingerprints
from didan.files import as_json, written_whole
from didan.inference.adapt_outputs import adapt_outputs
from didan.inference.predict import Prediction, predict
from didan.inference.segments import StoredSegments, store_segments
from didan.metrics import recalls, resampling_unit, uar_interval, unweighted_average_recall
from didan.model.trained import TrainedModel
from didan.parallel import in_processes
from didan.typing import Floats, Labels, Progress

AS_PREDICTED = "as predicted"
OWN_STATISTICS = "statistics of the evaluated speakers alone, not as predicted"

_FEW_SPEAKERS = 10


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How well a model recognises the emotions of a labelled corpus.

    Attributes:
        corpus: its name.
        emotions: of the model, in the order of ``confusion``.
        uar: unweighted average recall in [0, 1], over the emotions that occur.
        war: share of all utterances recognised.
        n: number of utterances.
        recall: by emotion; None where the emotion does not occur.
        confusion: counts, true emotion by row, predicted by column; utterances without an emotion are in no
            column.
        n_speechless: utterances given no emotion because there is too little speech; they count as errors.
        uar_ci95: bootstrap interval of ``uar``, see :func:`didan.metrics.uar_interval`.
        resampled: ``speaker``, or ``utterance`` where speakers are unknown or there is only one.
        n_speakers: how many there are, None where unknown.
        selection: how the model was chosen.
        normalised_by: ``as predicted``, or whose statistics normalised the features.
        leakage: what the source shares with the training target and with this corpus, and which labels were
            read by what.
        utterances: file, speaker, emotion, predicted, and the probability of each emotion.
        left_out: how many utterances of the corpus have which emotion that the model does not know.
        n_damaged: how many cannot be read; they are left out too.
    """

    corpus: str
    emotions: tuple[str, ...]
    uar: float
    war: float
    n: int
    recall: dict[str, float | None]
    confusion: list[list[int]]
    n_speechless: int
    uar_ci95: tuple[float, float]
    resampled: str
    n_speakers: int | None
    selection: str
    normalised_by: str
    leakage: dict[str, Any]
    utterances: pd.DataFrame
    left_out: dict[str, int] = field(default_factory=dict)
    n_damaged: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Everything but the utterances, for a JSON file."""
        return {
            "uar": self.uar,
            "war": self.war,
            "n": self.n,
            "emotions": list(self.emotions),
            "recall": self.recall,
            "confusion": self.confusion,
            "n_speechless": self.n_speechless,
            "n_damaged": self.n_damaged,
            "left_out": self.left_out,
            "uar_ci95": list(self.uar_ci95),
            "resampled": self.resampled,
            "n_speakers": self.n_speakers,
            "corpus": self.corpus,
            "selection": self.selection,
            "normalised_by": self.normalised_by,
            "leakage": self.leakage,
        }

    def remarks(self) -> list[str]:
        """Caveats that belong to the figures."""
        lines = []
        if self.resampled == "utterance":
            lines.append(
                "speakers are unknown or only one, so the interval resamples utterances and is too narrow"
            )
        elif self.n_speakers is not None and self.n_speakers < _FEW_SPEAKERS:
            lines.append(f"only {self.n_speakers} speakers, so the interval is rough")
        if self.left_out:
            lines.append(f"left out, since the model does not know them: {counts_in_words(self.left_out)}")
        if self.n_damaged:
            lines.append(f"left out, since they cannot be read: {self.n_damaged} utterances")
        if self.n_speechless:
            lines.append(f"{self.n_speechless} utterances hold too little speech to predict; they count as errors")
        missing = [emotion for emotion, recall in self.recall.items() if recall is None]
        if missing:
            lines.append(f"{self.corpus} has no {', '.join(missing)}; UAR is over the other emotions")
        if self.leakage["evaluated_in_source"]:
            lines.append(
                f"{len(self.leakage['evaluated_in_source'])} of the recordings were trained on with their labels; "
                "these figures say nothing about new recordings"
            )
        lines += [
            f"{phrase}, so this says little about speech that it has not heard"
            for phrase in self.leakage.get("encoder_trained_on", [])
        ]
        if self.corpus in DEFAULTS_CHOSEN_ON:
            lines.append(f"the defaults were chosen on {self.corpus}, with its labels, so this is optimistic")
        if self.leakage["shared_speakers"]:
            lines.append(f"the source has some of the speakers too: {', '.join(self.leakage['shared_speakers'])}")
        return lines

    def write(self, file: Path) -> None:
        """Write :meth:`as_dict` as JSON, whole or not at all.

        Raises:
            UserError: the file cannot be written.
        """
        with written_whole(file) as partial:
            partial.write_text(as_json(self.as_dict(), indent=2) + "\n", encoding="utf-8")


def evaluate(
    model: TrainedModel,
    corpus: Corpus,
    *,
    group: str | None = None,
    own_statistics: bool = False,
    adapted_by: str | None = None,
    cache: str | Path | None = None,
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
) -> Evaluation:
    """Predict a labelled corpus and compare the predictions with its labels.

    The probabilities are those that :func:`didan.inference.predict` gives for the corpus' recordings, to the last
    bit. All utterances are predicted; those of emotions that the model does not know are left out of the figures.

    Args:
        model: the model.
        corpus: labelled utterances.
        group: what utterances are normalised together, see :class:`didan.features.NormalisationSettings`; as the
            model was trained if None.
        own_statistics: normalise each group with its own statistics alone. No label is used for it, but all of a
            speaker's utterances, in every emotion, are: prediction does not do this, and the figures say so
            wherever they are shown.
        adapted_by: adapt the outputs in this way, see :mod:`didan.inference.adapt_outputs`.
        cache: folder for features; the user's cache folder if None.
        progress: called after every utterance.
        on_damaged: called with the reason for an utterance that cannot be read, which is then left out; if None
            such utterances are an error.

    Raises:
        UserError: the corpus has none of the model's emotions; see also :func:`didan.features.extract`.
    """
    corpus.only(model.emotions)  # before anything is read
    grouped = corpus.grouped(group or model.group, or_speaker=group is None)
    utterances = grouped.unlabelled().utterances()
    cache = Path(cache or default_cache())
    work = partial(_damage, model.config.frontend, cache)
    damage = in_processes(work, utterances, progress=progress, stage=f"features of {corpus.name}")
    report_damaged([error for error in damage if error is not None], len(utterances), on_damaged)
    rows = [row for row, error in enumerate(damage) if error is None]
    grouped, utterances = grouped.rows(rows), [utterances[row] for row in rows]
    segments = StoredSegments(model.config.frontend, cache)
    if own_statistics:
        model = replace(model, normaliser=replace(model.normaliser, shrinkage=0))
    predictions = list(predict(model, utterances, segments=segments))
    normalised_by = OWN_STATISTICS if own_statistics else AS_PREDICTED
    if adapted_by is not None:
        predictions = adapt_outputs(predictions, adapted_by)
        normalised_by = f"{normalised_by}, outputs adapted by {adapted_by}"
    result = compare_predictions(model, grouped, predictions, cache, normalised_by)
    return replace(result, n_damaged=len(damage) - len(rows))


def _damage(frontend: FrontendSettings, cache: Path, utterance: Utterance) -> AudioError | None:
    try:
        store_segments(frontend, cache, utterance)
    except AudioError as error:
        return error
    return None


def compare_predictions(
    model: TrainedModel,
    corpus: Corpus,
    predictions: Sequence[Prediction],
    cache: Path,
    normalised_by: str = AS_PREDICTED,
) -> Evaluation:
    """Compare a model's predictions with the labels of the corpus that they are for.

    Args:
        model: the model.
        corpus: labelled utterances.
        predictions: one for each, in their order.
        cache: folder where digests of the recordings are kept.
        normalised_by: see :class:`Evaluation`.
    """
    known = corpus.table["emotion"].isin(model.emotions).to_numpy()
    kept = corpus.only(model.emotions)
    probabilities = np.array(
        [
            [np.nan] * len(model.emotions) if one.probabilities is None else list(one.probabilities.values())
            for one, takes_part in zip(predictions, known, strict=True)
            if takes_part
        ]
    )
    index = model.source_index.table
    shared = {
        speaker
        for name, part in index.groupby("corpus")
        for speaker in shared_speakers(str(name), part["speaker"], kept.name, kept.table["speaker"])
    }
    contents = Fingerprints(cache).contents(kept.unlabelled().utterances())
    report_damaged([own for own in contents if isinstance(own, AudioError)], len(contents), None)
    digests = [(own.file, own.audio) for own in contents if isinstance(own, Contents)]
    leakage = {
        **model.record["leakage"],
        "shared_speakers": sorted(shared),
        "evaluated_in_source": identical_files(
            index[["digest", "audio"]].rename(columns={"digest": "file"}),
            pd.DataFrame(digests, columns=["file", "audio"]),
            [str(file) for file in kept.table["file"]],
        ),
        "encoder_trained_on": heard_in_training(
            [encoder["model"] for encoder in model.record.get("encoders", [])], [corpus.name]
        ),
    }
    result = compare(
        kept,
        model.emotions,
        probabilities,
        selection=model.record["selection"],
        leakage=leakage,
        normalised_by=normalised_by,
    )
    return replace(result, left_out=emotion_counts(corpus.table.loc[~known, "emotion"]))


def compare(
    corpus: Corpus,
    emotions: tuple[str, ...],
    probabilities: Floats,
    *,
    selection: str,
    leakage: dict[str, Any],
    normalised_by: str = AS_PREDICTED,
) -> Evaluation:
    """Compare predictions, of whatever made them, with the labels of a corpus.

    Args:
        corpus: labelled utterances, of these emotions only.
        emotions: what the columns of ``probabilities`` are.
        probabilities: or any scores of which the largest decides, shape (n, n_emotions); NaN where there is no
            prediction.
        selection: how the settings of what made the predictions were chosen.
        leakage: what source and target share, and which labels were read by what before.
        normalised_by: see :class:`Evaluation`.
    """
    speechless = np.isnan(probabilities).any(axis=1)
    predicted = np.where(speechless, -1, np.nan_to_num(probabilities).argmax(axis=1)).astype(np.int64)
    labels = class_indices(corpus.table, emotions)
    speakers = corpus.table["speaker"].to_numpy() if corpus.unlabelled().has_speakers else None
    n_speakers = None if speakers is None else len(set(speakers))
    per_emotion = recalls(labels, predicted, len(emotions))
    read = {**leakage["labels_read"], "evaluation": "labels of the corpus evaluated"}
    utterances = corpus.table[["file", "start", "end", "speaker", "emotion"]].assign(
        predicted=pd.Series([None if index < 0 else emotions[index] for index in predicted], dtype=object),
        **{emotion: probabilities[:, index] for index, emotion in enumerate(emotions)},
    )
    return Evaluation(
        corpus=corpus.name,
        emotions=emotions,
        uar=unweighted_average_recall(labels, predicted),
        war=float((labels == predicted).mean()),
        n=len(labels),
        recall={e: None if np.isnan(r) else float(r) for e, r in zip(emotions, per_emotion, strict=True)},
        confusion=_confusion(labels, predicted, len(emotions)),
        n_speechless=int(speechless.sum()),
        uar_ci95=uar_interval(labels, predicted, speakers, corpus=corpus.name),
        resampled=resampling_unit(speakers),
        n_speakers=n_speakers,
        selection=in_hindsight(selection, corpus.name),
        normalised_by=normalised_by,
        leakage={**leakage, "labels_read": read},
        utterances=utterances,
    )


def _confusion(labels: Labels, predicted: Labels, n_emotions: int) -> list[list[int]]:
    counts: list[list[int]] = confusion_matrix(labels, predicted, labels=range(n_emotions)).tolist()
    return counts
