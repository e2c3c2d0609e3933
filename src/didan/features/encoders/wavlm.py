"""WavLM (Chen et al., IEEE JSTSP 2022): HuBERT's shape, with gated relative positions in its attention."""

import warnings
from collections.abc import Callable

from torch import Tensor, nn

from didan.features.encoders.encoder import run_layers
from didan.features.encoders.wav2vec2 import Wav2Vec2


class WavLM(Wav2Vec2):
    """The first layer makes the relative positions that all others use."""

    architecture = "WavLMModel"
    attention = "eager"

    def _transform(self, projected: Tensor, valid: Tensor, last: int) -> list[Tensor]:
        first, norm = self._first(projected, valid)
        positions: Tensor | None = None

        def with_positions(layer: nn.Module) -> Callable[..., Tensor]:
            def run(state: Tensor, **masks: Tensor) -> Tensor:
                nonlocal positions
                state, positions = layer(state, position_bias=positions, **masks)
                return state

            return run

        layers = [with_positions(layer) for layer in self.model.encoder.layers]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch dislikes how transformers mixes its masks
            return run_layers(layers, first, last, norm, attention_mask=valid.long())
