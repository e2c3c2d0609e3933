"""Networks: features become embeddings of each fully connected layer, and emotion scores."""

from torch import nn

from didan.networks.cepstral import Cepstral
from didan.networks.hierarchical import Hierarchical
from didan.networks.network import LAYERS, Backbone, Network, OneFrame, Output, averaged, suitable_threads
from didan.networks.scores import Loss, ScoreLink
from didan.networks.whisper import WhisperLayers, WhisperSettings

__all__ = [
    "LAYERS",
    "Backbone",
    "Loss",
    "Network",
    "Output",
    "ScoreLink",
    "WhisperSettings",
    "averaged",
    "build_network",
    "suitable_threads",
]

_DROPOUT = 0.5
"""Much, since one corpus has few speakers."""


def build_network(
    frontend: str,
    n_bands: int,
    n_outputs: int,
    dropout: float | None = None,
    whisper: WhisperSettings | None = None,
    *,
    members: int = 1,
    hierarchical: bool = False,
    empty: bool = False,
) -> Network:
    """The network for a kind of features.

    Args:
        frontend: a ``spectrogram`` goes through a backbone, and so do frames of hidden states, which need
            ``hierarchical``; others are one vector per utterance.
        n_bands: bands of the features.
        n_outputs: emotions.
        dropout: in the fully connected layers; 0.5 if None.
        whisper: the Whisper, found, as whose first layers a network for spectrograms begins.
        members: of the ensemble that the head is.
        hierarchical: whether frames go through nested transformers.
        empty: whether the weights will be replaced, so that Whisper's are not needed.

    Raises:
        UserError: Whisper cannot be loaded.
    """
    backbone: nn.Module
    if whisper is not None:
        encoder = whisper.build_empty() if empty else whisper.build()
        backbone = WhisperLayers(encoder, whisper.layers or ())
    elif hierarchical:
        backbone = Hierarchical(n_bands, spectrogram=frontend == "spectrogram")
    else:
        backbone = Cepstral(n_bands) if frontend == "spectrogram" else OneFrame(n_bands)
    return Network(backbone, n_outputs, _DROPOUT if dropout is None else dropout, members)
