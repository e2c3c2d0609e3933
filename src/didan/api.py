"""What programs use: train or load a model, then predict, explain, evaluate, save."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from didan.corpora import Corpus, Recordings
from didan.errors import UserError
from didan.evaluation import Evaluation
from didan.evaluation import evaluate as evaluate_model
from didan.features.table import feature_table
from didan.inference.explain import Explanation
from didan.inference.explain import explain as explain_recording
from didan.inference.predict import predict, utterances_in
from didan.model import directory
from didan.model.config import Config
from didan.model.trained import TrainedModel
from didan.speech.utterances import find_utterances
from didan.training.train import train as train_model


@dataclass(frozen=True)
class Model:
    """A trained recogniser.

    Attributes:
        trained: network, normaliser and everything else it is made of.
    """

    trained: TrainedModel

    @property
    def emotions(self) -> tuple[str, ...]:
        """What it predicts."""
        return self.trained.emotions

    @property
    def config(self) -> Config:
        """All settings."""
        return self.trained.config

    @property
    def record(self) -> dict[str, Any]:
        """What it was trained on and with."""
        return self.trained.record

    def predict(
        self,
        *audio: str | Path,
        recordings: Corpus | Recordings | None = None,
        window: float | None = None,
        hop: float | None = None,
        group: str | None = None,
    ) -> pd.DataFrame:
        """Predict the emotion of files, folders or recordings; see :func:`didan.inference.predict.predict`.

        Args:
            audio: files or folders.
            recordings: utterances, as :func:`didan.read_target` reads them; their speakers, if named, are
                normalised together.
            window: seconds of each window, for a timeline.
            hop: seconds from one window to the next.
            group: what utterances are normalised together; as the model was trained if None.

        Returns:
            A row per utterance: ``file``, ``emotion`` (None where there is too little speech) and the probability
            of each emotion; ``start`` and ``end`` in seconds too where there are windows or parts of files.
        """
        utterances = [] if recordings is None else grouped(recordings, group or self.trained.group, group is None)
        if audio:
            files = utterances_in(list(map(Path, audio)), group or self.trained.group, or_none=group is None)
            utterances = [*utterances, *files]
        predictions = list(predict(self.trained, utterances, window=window, hop=hop))
        parts = window is not None or any(one.start == one.start or one.end == one.end for one in utterances)
        rows = [{**vars(one), **(one.probabilities or {})} for one in predictions]
        return pd.DataFrame(
            rows, columns=["file", *(["start", "end"] if parts else []), "emotion", *self.emotions]
        )

    def explain(self, audio: str | Path, n: int = 5) -> Explanation:
        """The source utterances that a recording resembles; see :func:`didan.inference.explain.explain`."""
        return explain_recording(self.trained, Path(audio), n)

    def evaluate(
        self, corpus: Corpus | Recordings, *, group: str | None = None, cache: str | Path | None = None
    ) -> Evaluation:
        """Predict a labelled corpus and compare with its labels; see :func:`didan.evaluation.evaluate`.

        Raises:
            UserError: there are no labels.
        """
        if isinstance(corpus, Recordings):
            raise UserError(
                f"{corpus.name} has no labels to compare predictions with; label some of it in a table with the "
                "columns file and emotion"
            )
        return evaluate_model(self.trained, corpus, group=group, cache=cache)

    def save(self, folder: str | Path) -> None:
        """Write the model directory, whole or not at all; see :func:`didan.model.directory.save`."""
        directory.save(self.trained, Path(folder))


def grouped(recordings: Corpus | Recordings, group: str, or_speaker: bool) -> list[Any]:
    """The utterances of a corpus or of recordings, with their groups; no label goes with them."""
    return recordings.grouped(group, or_speaker=or_speaker).unlabelled().utterances()


def train(
    source: Corpus | Sequence[Corpus], target: Corpus | Recordings, method: str | None = None, **options: Any
) -> Model:
    """Train on labelled sources and adapt to a target without labels; see :func:`didan.training.train.train`.

    Long recordings without labels are cut at their pauses; see :func:`didan.speech.utterances.find_utterances`.
    """
    if isinstance(target, Recordings):
        target = find_utterances(target, options.get("progress"), options.get("on_damaged"))
    return Model(train_model(source, target, method, **options))


def load(name: str | Path) -> Model:
    """Load a model: its folder, ``base``, or an id on the hub; see :func:`didan.model.directory.load`."""
    return Model(directory.load(name))


def functionals(audio: str | Path | Iterable[str | Path] | Corpus | Recordings, **options: Any) -> pd.DataFrame:
    """Functionals of audio files as a table with a named column for each; see
    :func:`didan.features.table.feature_table`.

    Args:
        audio: a file, a folder, several of them, or recordings.
        **options: ``parts`` of the functionals, ``cache`` for features, ``progress``.

    Returns:
        Shape (n, 552) by default, indexed by ``file``, ``start`` and ``end``.
    """
    if isinstance(audio, str | Path):
        audio = [audio]
    if isinstance(audio, Corpus | Recordings):
        utterances = audio.unlabelled().utterances()
    else:
        utterances = utterances_in([Path(path) for path in audio])
    return feature_table(utterances, **options)
