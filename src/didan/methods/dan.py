"""DAN: multi-kernel maximum mean discrepancy in every fully connected layer (Long et al., ICML 2015)."""

import torch

from didan.alignment import Alignment, multi_kernel_mmd
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import LAYERS, Output


class Dan:
    """Sum of MMD^2 over the layers."""

    def __init__(self, settings: AlignmentSettings, context: MethodContext) -> None:
        pass

    def __call__(self, source: Output, target: Output, labels: torch.Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        parts = [multi_kernel_mmd(source.embeddings[layer], target.embeddings[layer]) for layer in LAYERS]
        return Alignment(torch.stack(parts).sum(), {})


METHOD = Method(
    name="dan",
    summary="multi-kernel maximum mean discrepancy in every fully connected layer",
    settings=AlignmentSettings,
    build=Dan,
)
