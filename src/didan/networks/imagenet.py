"""AlexNet and VGG-11 over spectrograms as images, with torchvision's parameter names.

Layer names and shapes follow torchvision's models, so that published ImageNet weights load as they are; only
the last layer, whose outputs are emotions here, starts afresh. torchvision itself is not needed.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate

from didan.errors import UserError
from didan.networks.network import Output

_SIDE = 224


class ImageNetwork(nn.Module):
    """Convolutional ``features``, then a ``classifier`` with three fully connected layers.

    Each spectrogram is stretched to 224 x 224 over its own valid frames and repeated as three channels.

    Args:
        features: the convolutional layers.
        classifier: linear layers, activations and dropout, in torchvision's order.
        grid: height and width of what the classifier sees.
    """

    def __init__(self, features: nn.Sequential, classifier: nn.Sequential, grid: int) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d(grid)
        self.classifier = classifier
        linear = [layer for layer in classifier if isinstance(layer, nn.Linear)]
        self.widths = dict(zip(("fc1", "fc2", "output"), (layer.out_features for layer in linear), strict=True))

    def forward(self, features: Tensor, lengths: Tensor) -> Output:
        """See :class:`didan.networks.Network`."""
        images = torch.cat(
            [
                interpolate(utterance[None, None, : int(length)].mT, (_SIDE, _SIDE), mode="bilinear")
                for utterance, length in zip(features, lengths, strict=True)
            ]
        )
        x = self.avgpool(self.features(images.expand(-1, 3, -1, -1))).flatten(1)
        hidden = []
        for layer in self.classifier:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                hidden.append(x)
        return Output({"fc1": hidden[0], "fc2": hidden[1], "output": x}, x)


def alexnet(n_bands: int, n_outputs: int, dropout: float = 0.5) -> ImageNetwork:
    """AlexNet in torchvision's form (Krizhevsky 2014); any number of bands."""
    features = nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
    )
    classifier = nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, n_outputs),
    )
    return ImageNetwork(features, classifier, grid=6)


def vgg11(n_bands: int, n_outputs: int, dropout: float = 0.5) -> ImageNetwork:
    """VGG-11 in torchvision's form (Simonyan and Zisserman 2015, configuration A); any number of bands."""
    layers: list[nn.Module] = []
    channels = 3
    for width in (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool"):
        if isinstance(width, str):
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    classifier = nn.Sequential(
        nn.Linear(512 * 7 * 7, 4096),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(4096, n_outputs),
    )
    return ImageNetwork(nn.Sequential(*layers), classifier, grid=7)


def load_imagenet_weights(network: ImageNetwork, source: str) -> None:
    """Load torchvision-format weights, all but the last layer's.

    Args:
        network: AlexNet or VGG-11.
        source: a ``.pth`` or ``.safetensors`` file, or the http(s) address of a ``.pth`` file, which is
            downloaded once and kept in torch's cache. Only tensors are read from it, never code.

    Raises:
        UserError: the file is missing or unreadable, the download fails, or the weights are of another network.
    """
    weights = _read_weights(source)
    own = network.state_dict()
    last = f"classifier.{len(network.classifier) - 1}."
    wanted = {name: tensor for name, tensor in own.items() if not name.startswith(last)}
    for name, tensor in wanted.items():
        if name not in weights:
            raise UserError(f"{source}: holds no {name!r}; these are not the weights of this network")
        if weights[name].shape != tensor.shape:
            raise UserError(
                f"{source}: {name} has shape {tuple(weights[name].shape)}, here it is {tuple(tensor.shape)}"
            )
    network.load_state_dict({**own, **{name: weights[name] for name in wanted}})


def _read_weights(source: str) -> dict[str, Tensor]:
    if source.startswith(("http://", "https://")):
        try:
            loaded: object = torch.hub.load_state_dict_from_url(source, map_location="cpu", weights_only=True)
        except Exception as error:
            raise UserError(f"cannot load weights from {source}: {error}") from error
        return _checked(loaded, source)
    path = Path(source)
    if not path.is_file():
        raise UserError(f"weights {source} do not exist")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(f"{source}: cannot be read as weights ({type(error).__name__})") from error
    return _checked(loaded, source)


def _checked(loaded: object, source: str) -> dict[str, Tensor]:
    if not isinstance(loaded, dict) or not all(isinstance(tensor, Tensor) for tensor in loaded.values()):
        raise UserError(f"{source}: holds no table of weights")
    return loaded
