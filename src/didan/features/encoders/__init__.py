"""Pretrained speech encoders, from the Hugging Face hub or a directory: waveforms become hidden states.

One file per family. What transformers offers is used layer by layer instead of as a whole, because as a whole it
pads Whisper to 30 s, lets padding reach the statistics of some families, and runs layers nobody asked for.
"""

from didan.features.encoders.encoder import Encoder, middle_third
from didan.features.encoders.family import FAMILIES, build_encoder, n_layers_and_width
from didan.features.encoders.weights import Weights, locate

__all__ = ["FAMILIES", "Encoder", "Weights", "build_encoder", "locate", "middle_third", "n_layers_and_width"]
