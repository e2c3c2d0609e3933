"""A trained recogniser: what it predicts with, and what it was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import Tensor, nn

from didan.audio import Samples
from didan.corpora import Corpus
from didan.features import (
    FeatureSet,
    Frontend,
    PackedFeatures,
    Statistics,
    build_frontend,
    extract_features,
    statistics,
)
from didan.model.config import Config
from didan.networks import Output, network_outputs

if TYPE_CHECKING:
    from didan.evaluation import Evaluation
    from didan.inference.explain import Explanation


@dataclass(frozen=True)
class Reference:
    """The source utterances as the network sees them: what explanations and re-adaptation draw on.

    Attributes:
        table: columns ``file``, ``start``, ``end``, ``corpus``, ``speaker``, ``emotion``; ``source``, the number
            of the corpus, since two may have one name; ``digest`` and ``audio``, which tell whether a recording is
            this one (see :class:`didan.features.store.Contents`);
            and ``validation``, whether it was held out of training.
        embeddings: features of each layer, shape (n, width).
        features: what the frontend made of them, if the model carries that along; with it the model can be adapted
            anew where the recordings are not.
    """

    table: pd.DataFrame
    embeddings: dict[str, Tensor]
    features: PackedFeatures | None = None


@dataclass
class Model:
    """A network with everything needed to use it on new recordings.

    Attributes:
        config: all settings.
        emotions: what the network's outputs mean, in order.
        network: see :class:`didan.networks.Network`.
        statistics: of the target's features, which normalise single recordings.
        reference: the source utterances.
        temperature: of the softmax that makes scores probabilities; see :mod:`didan.training.calibration`.
        history: one row per training step.
        record: what it was trained on and with: corpora, leakage, selection, versions, hardware, seconds.
    """

    config: Config
    emotions: tuple[str, ...]
    network: nn.Module
    statistics: Statistics
    reference: Reference
    temperature: float
    history: pd.DataFrame
    record: dict[str, Any] = field(default_factory=dict)

    def outputs(self, features: FeatureSet) -> Output:
        """Run the network over a set of utterances, whole, in batches of similar length.

        Returns:
            Embeddings and scores in the order of the utterances.
        """
        return network_outputs(self.network, features, features.lengths())

    def hear(self, waveforms: Sequence[Samples]) -> Output:
        """Run frontend and network over recordings that were not part of a corpus.

        They are normalised with the statistics of the target (each with its own, if the model normalises per
        utterance). Zeros at the end do not count: in an exported model, which must answer alike, they are what
        fills up a batch.

        Args:
            waveforms: 16 kHz samples of each utterance, at least one.
        """
        normalisation = self.config.normalisation
        features = []
        for waveform in waveforms:
            raw = extract_features(self._frontend, waveform)
            if normalisation != "none":
                raw = (statistics([raw]) if normalisation == "utterance" else self.statistics).apply(raw)
            features.append(np.asarray(raw, dtype=np.float32))
        return network_outputs(self.network, features, [len(one) for one in features])

    @cached_property
    def _frontend(self) -> Frontend:
        return build_frontend(self.config.frontend)

    def probabilities(self, scores: Tensor) -> Tensor:
        """Scores as calibrated probabilities, shape (n, n_emotions): ``softmax(scores / temperature)``."""
        return (scores / self.temperature).softmax(dim=1)

    def recognise(self, waveforms: Sequence[Samples]) -> npt.NDArray[np.float32]:
        """The calibrated probability of every emotion; see :class:`didan.inference.Recogniser`."""
        if not waveforms:
            return np.zeros((0, len(self.emotions)), dtype=np.float32)
        return self.probabilities(self.hear(waveforms).scores).numpy()

    def predict(self, *audio: str | Path, window: float | None = None, hop: float | None = None) -> pd.DataFrame:
        """Predict the emotion of files or folders, over time with ``window``; see :func:`didan.inference.predict`.

        Returns:
            A row per file: ``file``, ``emotion`` (None where nobody speaks) and the probability of each emotion;
            or per window, with its ``start`` and ``end`` in seconds.
        """
        from didan.inference import predict

        found = predict(self, [Path(path) for path in audio], window, hop)
        rows = [{**vars(one), **(one.probabilities or {})} for one in found]
        times = [] if window is None else ["start", "end"]
        return pd.DataFrame(rows, columns=["file", *times, "emotion", *self.emotions])

    def explain(self, audio: str | Path, n: int = 5) -> "Explanation":
        """The source utterances that a recording resembles; see :func:`didan.inference.explain.explain`."""
        from didan.inference.explain import explain

        return explain(self, Path(audio), n)

    def evaluate(self, corpus: Corpus, cache: Path | None = None) -> "Evaluation":
        """Compare predictions with a corpus' labels; see :func:`didan.evaluation.evaluate`."""
        from didan.evaluation import evaluate

        return evaluate(self, corpus, cache)

    def save(self, folder: str | Path) -> None:
        """Write the model directory, whole or not at all; see :func:`didan.model.directory.save`."""
        from didan.model.directory import save

        save(self, Path(folder))
