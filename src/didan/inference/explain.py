"""Explanation by example: the source utterances of which a recording is a mixture, in the network's eyes.

    w = argmin ||h_t - w H_s||^2      w >= 0, sum w = 1

This is the reconstruction of :mod:`didan.alignment.reconstruction` for one utterance and the whole source corpus,
convex, in the layer that is aligned; ours, as is reading it as an explanation. It says what the recording is near
to, not why the network decides.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor
from torch.nn.functional import normalize

from didan.alignment import reconstruct
from didan.audio import stream_audio
from didan.corpora.corpus import CHANNEL
from didan.errors import AudioError, UserError
from didan.inference.predict import statistics_of, utterance_alone
from didan.inference.segments import StreamedSegments
from didan.model.trained import TrainedModel
from didan.speech import segment_at_pauses

LAYER = "fc1"
"""The layer whose features are aligned, and explained."""

_TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The source utterances of which a recording is a mixture.

    Attributes:
        file: the recording.
        start: first second of what is explained.
        end: last second.
        emotion: what the model predicts.
        probabilities: of every emotion.
        examples: the source utterances with the largest weights, largest first: columns ``weight``, ``emotion``,
            ``corpus``, ``speaker``, ``file``, ``start``, ``end``, and ``audio_channel`` if the source index
            has it.
        weights: by emotion, the sum of the weights of all its source utterances; they sum to 1.
        residual: share of the recording's features that no mixture of source utterances explains, 0 to 1; near 1
            the examples say little.
    """

    file: str
    start: float
    end: float
    emotion: str
    probabilities: dict[str, float]
    examples: pd.DataFrame
    weights: dict[str, float]
    residual: float


def explain(model: TrainedModel, audio: Path, n: int = 5) -> Explanation:
    """Name the source utterances that a recording resembles, with weights.

    Args:
        model: the model.
        audio: the recording; of one longer than 15 s the segment with the most speech is explained. It is
            normalised as a prediction of this recording alone is.
        n: how many utterances to name at most.

    Raises:
        AudioError: the recording cannot be read, or holds no speech.
        UserError: the model was adapted without its source, and does not include features of it.
    """
    if not model.source_index.embeddings:
        raise UserError(
            "the model was adapted without its source, which it has not heard since, so it cannot say what a "
            "recording resembles: adapt a model that was trained with --include-source-features"
        )
    spoken = (segment for segment in segment_at_pauses(stream_audio(audio)) if segment.is_spoken)
    most = max(spoken, key=lambda segment: segment.speech, default=None)
    if most is None:
        raise AudioError(f"{audio}: holds no speech, so there is nothing to explain")
    (statistics,) = statistics_of(model, utterance_alone(model, audio), StreamedSegments(model.prepare))
    output = model.forward(model.prepare(most.samples), statistics)
    weights, residual = _mixture(output.embeddings[LAYER], model.source_index.embeddings[LAYER])
    table = model.source_index.table
    probabilities = model.probabilities(output.scores)[0]
    share = pd.Series(weights.numpy()).groupby(table["emotion"].to_numpy()).sum()
    order = weights.argsort(descending=True)[:n]
    chosen = order[weights[order] > 1e-3].tolist()
    own = ["emotion", "corpus", "speaker", "file", "start", "end", CHANNEL]
    examples = table.iloc[chosen][[column for column in own if column in table.columns]].reset_index(drop=True)
    examples.insert(0, "weight", weights[chosen].numpy())
    return Explanation(
        file=str(audio),
        start=most.start,
        end=most.end,
        emotion=model.emotions[int(probabilities.argmax())],
        probabilities={emotion: float(p) for emotion, p in zip(model.emotions, probabilities, strict=True)},
        examples=examples,
        weights={emotion: float(share.get(emotion, 0.0)) for emotion in model.emotions},
        residual=residual,
    )


def _mixture(h_t: Tensor, H_s: Tensor) -> tuple[Tensor, float]:
    """Weights of the source utterances, shape (n_s,), and the relative residual.

    Features are centred at the source's mean and scaled to length 1: a single recording has no mean of its own to
    centre between, as :func:`didan.alignment.ida.normalise_together` does with batches.
    """
    centre = H_s.mean(dim=0)
    scaled_t, scaled_s = normalize(h_t - centre), normalize(H_s - centre)
    mixture = reconstruct(
        scaled_t, scaled_s, penalty="none", constraint="convex", tolerance=_TOLERANCE, max_iterations=5000
    )
    residual = float((scaled_t - mixture.coefficients @ scaled_s).norm())
    return mixture.coefficients[0], residual


def to_dict(explanation: Explanation) -> dict[str, Any]:
    """For a JSON file; what is unknown is null."""
    examples = explanation.examples.astype(object)
    rows = examples.where(examples.notna(), None).to_dict("records")
    return {**vars(explanation), "examples": rows}
