"""WavLM (Chen et al., IEEE JSTSP 2022): HuBERT's shape, with gated relative positions in its attention."""

import warnings

from torch import Tensor

from didan.features.encoders.wav2vec2 import Wav2Vec2


class WavLM(Wav2Vec2):
    """The first layer makes the relative positions that all others use."""

    architecture = "WavLMModel"
    attention = "eager"

    def _transform(self, projected: Tensor, valid: Tensor, last: int) -> list[Tensor]:
        first, norm = self._first(projected, valid)
        layers = self.model.encoder.layers
        states, positions, attended = [first], None, valid.long()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch dislikes how transformers mixes its masks
            for layer in layers[:last]:
                state, positions = layer(states[-1], attention_mask=attended, position_bias=positions)
                states.append(state)
        if norm is not None and last == len(layers):
            states[-1] = norm(states[-1])
        return states
