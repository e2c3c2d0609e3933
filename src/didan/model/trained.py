"""A trained recogniser: what it predicts with, and what it was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from didan.features.frontend import cached_frontend, extract_features
from didan.features.normaliser import Moments, Normaliser, Statistics
from didan.model.config import Config
from didan.model.find import is_adapted
from didan.networks import Network, Output, ScoreLink
from didan.typing import Answers, Features, Samples

if TYPE_CHECKING:
    import pandas as pd

    from didan.features import FeatureSet, Line, PackedFeatures, Spectra


@dataclass(frozen=True, kw_only=True)
class CarriedFeatures:
    """Features of all source utterances as the line of the model's target would have carried them.

    Attributes:
        features: of the frontend.
        line: the line.
        spectra: of the source's own recordings, which tell of another target whether the line suits it.
    """

    features: "PackedFeatures"
    line: "Line"
    spectra: "Spectra"


@dataclass(frozen=True, kw_only=True)
class SourceIndex:
    """The source utterances as the network sees them: what explanations and re-adaptation draw on.

    Attributes:
        table: columns ``file``, ``start``, ``end``, where some are one channel of several ``audio_channel``,
            ``corpus``, ``speaker``, ``group``, ``emotion``; ``source``, the number of the corpus, since two may
            have one name; ``digest`` and ``audio``, which tell whether a recording is this one (see
            :class:`didan.features.fingerprints.Contents`); and ``validation``, whether it was held out of
            training.
        embeddings: features of each layer, shape (n, width); none of a model that was adapted without its source
            and does not include features of it.
        features: of the frontend, if the model includes them; with them it can be adapted where the recordings are
            not.
        carried: the same by the line of the target, where it was trained so.
    """

    table: "pd.DataFrame"
    embeddings: dict[str, Tensor]
    features: "PackedFeatures | None" = None
    carried: CarriedFeatures | None = None


@dataclass(kw_only=True)
class TrainedNetwork:
    """A network with everything needed to use it on new recordings; a :class:`didan.inference.Recogniser`.

    Attributes:
        config: all settings.
        emotions: what the network's outputs mean, in order.
        network: see :class:`didan.networks.Network`.
        normaliser: of the target domain, for what the network's backbone makes of an utterance; training,
            evaluation, prediction and export all use it.
        temperature: of the softmax that makes scores probabilities; see :mod:`didan.training.calibration`.
        record: what it was trained on and with: corpora, leakage, selection, versions, hardware, seconds.
    """

    config: Config
    emotions: tuple[str, ...]
    network: Network
    normaliser: Normaliser
    temperature: float
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def link(self) -> ScoreLink:
        """Between scores and probabilities."""
        return ScoreLink(self.config.optimisation.loss)

    @property
    def group(self) -> str:
        """What utterances are normalised together, by default."""
        return self.config.normalisation.group

    @property
    def is_adapted(self) -> bool:
        """Whether to other recordings than it has learnt from."""
        return is_adapted(self.config.method, self.record.get("sources", ()), self.record.get("target", ""))

    def prepare(self, samples: Samples) -> Features:
        """Features of an utterance before normalisation, shape (frames, bands)."""
        return extract_features(cached_frontend(self.config.frontend), samples)

    def moments(self, prepared: Sequence[Features]) -> list[Moments]:
        """Moments of what the network's backbone makes of each utterance, which is what is normalised."""
        return [Moments.of(self.network.vectors([features])) for features in prepared]

    def answer(self, prepared: Sequence[Features], statistics: Sequence[Statistics]) -> Answers:
        """Calibrated probabilities and embeddings; see :class:`didan.inference.Recogniser`.

        Utterances go through the network one by one, so that an answer does not depend, not even in its last bit,
        on which others were asked about at the same time.
        """
        outputs = [self.forward(features, own) for features, own in zip(prepared, statistics, strict=True)]
        none = torch.zeros(0, self.network.widths["fc1"])
        scores = torch.cat([torch.zeros(0, len(self.emotions)), *(output.scores for output in outputs)])
        embeddings = torch.cat([none, *(output.embeddings["fc1"] for output in outputs)])
        return Answers(self.probabilities(scores).numpy(), embeddings.numpy())

    def forward(self, features: Features, statistics: Statistics) -> Output:
        """Run the network over one utterance, given its features before normalisation."""
        return self.network.outputs(statistics.apply(self.network.vectors([features])).astype(np.float32))

    def outputs(self, features: "FeatureSet") -> Output:
        """Run the network over a set of utterances, given their features as the frontend makes them."""
        return self.network.run(features)

    def probabilities(self, scores: Tensor) -> Tensor:
        """Scores as calibrated probabilities, shape (n, n_emotions)."""
        return self.link.probabilities(scores, self.temperature)


@dataclass(kw_only=True)
class TrainedModel(TrainedNetwork):
    """A trained network with what it was made of, which explanations, cards and adapting again need.

    Attributes:
        source_index: the source utterances.
        history: one row per training step.
        includes_encoder: whether its directory holds the frontend's encoders, if there are any.
    """

    source_index: SourceIndex
    history: "pd.DataFrame"
    includes_encoder: bool = False
