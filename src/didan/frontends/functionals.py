"""eGeMAPS functionals by openSMILE: 88 numbers per utterance, for small and fast models."""

from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from didan.audio import RATE
from didan.errors import UserError


class FunctionalsSettings(BaseModel):
    """eGeMAPSv02 has no settings; the kind names it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["functionals"] = "functionals"


class Functionals:
    """The eGeMAPSv02 functionals (Eyben et al. 2016) of an utterance.

    openSMILE's licence allows private, research and educational use only; products need another one.

    Raises:
        UserError: the extra is not installed.
    """

    n_bands = 88

    def __init__(self, settings: FunctionalsSettings) -> None:
        try:
            import opensmile
        except ImportError:
            raise UserError(
                "functionals need openSMILE (for non-commercial use only): pip install 'didan[functionals]'"
            ) from None
        self._smile: Any = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
        )

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute the functionals.

        Args:
            waveform: 16 kHz samples, shape (n,).

        Returns:
            Shape (1, 88): one frame, so that functionals travel like spectrograms.
        """
        values = self._smile.process_signal(waveform.numpy(), RATE).to_numpy()
        return torch.nan_to_num(torch.from_numpy(values.astype("float32")))
