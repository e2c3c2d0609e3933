"""Networks: features become embeddings of each fully connected layer, and emotion scores."""

from collections.abc import Callable

from torch import nn

from didan.errors import UserError, suggest
from didan.networks.compact import Compact
from didan.networks.imagenet import ImageNetwork, alexnet, load_imagenet_weights, vgg11
from didan.networks.mlp import MLP
from didan.networks.network import LAYERS, Network, Output, network_outputs

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "compact": Compact,
    "alexnet": alexnet,
    "vgg11": vgg11,
    "mlp": MLP,
}

__all__ = ["LAYERS", "NETWORKS", "Network", "Output", "build_network", "network_outputs"]


def build_network(
    name: str, n_bands: int, n_outputs: int, dropout: float | None = None, weights: str | None = None
) -> nn.Module:
    """Build a network by name.

    Args:
        name: ``compact``, ``alexnet``, ``vgg11`` or ``mlp`` (for functionals).
        n_bands: bands of the features.
        n_outputs: emotions.
        dropout: in the fully connected layers; the network's own if None.
        weights: file or address of ImageNet weights, for alexnet and vgg11.

    Raises:
        UserError: unknown name, or weights for a network that takes none.
    """
    if name not in NETWORKS:
        raise UserError(f"unknown network {name!r}: {suggest(name, NETWORKS)}")
    chosen = {} if dropout is None else {"dropout": dropout}
    network: nn.Module = NETWORKS[name](n_bands, n_outputs, **chosen)
    if weights is not None:
        if not isinstance(network, ImageNetwork):
            raise UserError(f"network {name} takes no pretrained weights; alexnet and vgg11 do")
        load_imagenet_weights(network, weights)
    return network
