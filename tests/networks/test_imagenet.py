import pickle
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import interpolate

from didan.errors import UserError
from didan.networks import build_network
from didan.networks.imagenet import ImageNetwork, alexnet, load_imagenet_weights, vgg11

Build = Callable[[int, int, float], ImageNetwork]

# Parameters of torchvision.models.alexnet and vgg11, as in its published ImageNet weights.
ALEXNET = {
    "features.0": (64, 3, 11, 11),
    "features.3": (192, 64, 5, 5),
    "features.6": (384, 192, 3, 3),
    "features.8": (256, 384, 3, 3),
    "features.10": (256, 256, 3, 3),
    "classifier.1": (4096, 9216),
    "classifier.4": (4096, 4096),
    "classifier.6": (1000, 4096),
}
VGG11 = {
    "features.0": (64, 3, 3, 3),
    "features.3": (128, 64, 3, 3),
    "features.6": (256, 128, 3, 3),
    "features.8": (256, 256, 3, 3),
    "features.11": (512, 256, 3, 3),
    "features.13": (512, 512, 3, 3),
    "features.16": (512, 512, 3, 3),
    "features.18": (512, 512, 3, 3),
    "classifier.0": (4096, 25088),
    "classifier.3": (4096, 4096),
    "classifier.6": (1000, 4096),
}


def table(weights: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    biases = {f"{name}.bias": shape[:1] for name, shape in weights.items()}
    return {f"{name}.weight": shape for name, shape in weights.items()} | biases


def tiny(n_outputs: int = 3) -> ImageNetwork:
    """The same architecture in small, so that weight files stay small."""
    torch.manual_seed(0)
    features = nn.Sequential(nn.Conv2d(3, 4, 5, stride=4), nn.ReLU())
    hidden = (nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU())
    return ImageNetwork(features, nn.Sequential(*hidden, nn.Linear(5, n_outputs)), grid=2)


def published(n_outputs: int = 10) -> dict[str, Tensor]:
    """Weights for :func:`tiny` from elsewhere, with another number of outputs."""
    generator = torch.Generator().manual_seed(7)
    return {
        name: torch.randn(tensor.shape, generator=generator)
        for name, tensor in tiny(n_outputs).state_dict().items()
    }


def check_loaded(network: ImageNetwork, weights: dict[str, Tensor]) -> None:
    fresh = tiny().state_dict()
    for name, tensor in network.state_dict().items():
        expected = fresh[name] if name.startswith("classifier.4.") else weights[name]
        assert torch.equal(tensor, expected), name


@pytest.mark.parametrize(
    ("build", "weights", "count"), [(alexnet, ALEXNET, 61_100_840), (vgg11, VGG11, 132_863_336)]
)
def test_parameters_are_torchvisions(build: Build, weights: dict[str, tuple[int, ...]], count: int) -> None:
    with torch.device("meta"):
        network = build(40, 1000, 0.5)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes == table(weights)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize(("build", "drops"), [(alexnet, (0, 3)), (vgg11, (2, 5))])
def test_dropout_is_where_torchvision_has_it(build: Build, drops: tuple[int, ...]) -> None:
    with torch.device("meta"):
        network = build(40, 4, 0.25)
    found = {place: layer.p for place, layer in enumerate(network.classifier) if isinstance(layer, nn.Dropout)}
    assert found == dict.fromkeys(drops, 0.25)


@pytest.mark.parametrize(("build", "side", "channels"), [(alexnet, 6, 256), (vgg11, 7, 512)])
def test_image_of_224_leaves_the_grid(build: Build, side: int, channels: int) -> None:
    with torch.device("meta"):
        features = build(40, 4, 0.5).features(torch.zeros(1, 3, 224, 224))
    assert features.shape == (1, channels, side, side)


def test_spectrogram_becomes_an_image_with_frequency_upwards() -> None:
    network = tiny().eval()
    seen: list[Tensor] = []
    network.features.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    spectrogram = torch.randn(1, 30, 12)
    network(spectrogram, torch.tensor([20]))
    stretched = interpolate(spectrogram[:, :20].transpose(1, 2)[:, None], (224, 224), mode="bilinear")
    assert seen[0].shape == (1, 3, 224, 224)
    for channel in range(3):
        torch.testing.assert_close(seen[0][:, channel], stretched[:, 0])


def test_embeddings_are_those_of_the_fully_connected_layers() -> None:
    network = tiny().eval()
    output = network(torch.randn(2, 30, 12), torch.tensor([30, 20]))
    linear = [layer for layer in network.classifier if isinstance(layer, nn.Linear)]
    fc1, fc2 = output.embeddings["fc1"], output.embeddings["fc2"]
    torch.testing.assert_close(fc2, linear[1](fc1).relu())
    torch.testing.assert_close(output.scores, linear[2](fc2))
    assert network.widths == {"fc1": 6, "fc2": 5, "output": 3}


def test_weights_from_pth(tmp_path: Path) -> None:
    weights, network = published(), tiny()
    torch.save(weights, tmp_path / "w.pth")
    load_imagenet_weights(network, str(tmp_path / "w.pth"))
    check_loaded(network, weights)


def test_weights_from_safetensors(tmp_path: Path) -> None:
    weights, network = published(), tiny()
    save_file(weights, tmp_path / "w.safetensors")
    load_imagenet_weights(network, str(tmp_path / "w.safetensors"))
    check_loaded(network, weights)


def test_published_alexnet_fits_whatever_the_number_of_emotions(tmp_path: Path) -> None:
    # One number per tensor, so the file is small.
    names = sorted(table(ALEXNET))
    weights = {name: torch.tensor(place / 100).expand(table(ALEXNET)[name]) for place, name in enumerate(names)}
    torch.save(weights, tmp_path / "alexnet.pth")
    network = build_network("alexnet", 40, 4, 0.5, str(tmp_path / "alexnet.pth"))
    state = network.state_dict()
    for place, name in enumerate(names):
        if name.startswith("classifier.6"):
            assert state[name].shape[0] == 4
            assert state[name].std() > 0
        else:
            assert state[name].eq(torch.tensor(place / 100)).all(), name


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    """A web server over tmp_path/www and the paths asked of it; torch's cache goes to tmp_path too."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            asked.append(self.path)

    (tmp_path / "www").mkdir()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path / "www")) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", asked
        http.shutdown()
        thread.join()


def test_weights_from_an_address_are_downloaded_once(tmp_path: Path, server: tuple[str, list[str]]) -> None:
    address, asked = server
    weights = published()
    torch.save(weights, tmp_path / "www" / "tiny-01234567.pth")
    for _ in range(2):
        network = tiny()
        load_imagenet_weights(network, f"{address}/tiny-01234567.pth")
        check_loaded(network, weights)
    assert asked == ["/tiny-01234567.pth"]
    assert (tmp_path / "torch/hub/checkpoints/tiny-01234567.pth").is_file()


def test_address_without_a_file(server: tuple[str, list[str]]) -> None:
    with pytest.raises(UserError, match=r"cannot load weights from http://127.*missing.pth: .*404"):
        load_imagenet_weights(tiny(), f"{server[0]}/missing.pth")


@pytest.mark.parametrize("kept", [{"features.0.weight": 3}, [torch.zeros(2)], torch.zeros(2)])
def test_address_of_something_else(tmp_path: Path, server: tuple[str, list[str]], kept: object) -> None:
    torch.save(kept, tmp_path / "www" / "other.pth")
    with pytest.raises(UserError, match=r"other.pth: holds no table of weights"):
        load_imagenet_weights(tiny(), f"{server[0]}/other.pth")


@pytest.mark.parametrize("kept", [{"features.0.weight": 3}, [torch.zeros(2)], torch.zeros(2)])
def test_file_of_something_else(tmp_path: Path, kept: object) -> None:
    torch.save(kept, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"other.pth: holds no table of weights"):
        load_imagenet_weights(tiny(), str(tmp_path / "other.pth"))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none.pth do not exist"):
        load_imagenet_weights(tiny(), str(tmp_path / "none.pth"))


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"these are no weights", bytes(range(256)) * 4])
def test_unreadable_file(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name}: cannot be read as weights"):
        load_imagenet_weights(tiny(), str(tmp_path / name))


def test_missing_tensor(tmp_path: Path) -> None:
    weights = published()
    del weights["classifier.2.bias"]
    torch.save(weights, tmp_path / "w.pth")
    network = tiny()
    with pytest.raises(UserError, match=r"w.pth: holds no 'classifier.2.bias'"):
        load_imagenet_weights(network, str(tmp_path / "w.pth"))
    assert torch.equal(network.state_dict()["features.0.weight"], tiny().state_dict()["features.0.weight"])


def test_tensor_of_another_shape(tmp_path: Path) -> None:
    weights = published() | {"features.0.weight": torch.zeros(4, 1, 5, 5)}
    torch.save(weights, tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"features.0.weight has shape \(4, 1, 5, 5\), here it is \(4, 3, 5, 5\)"):
        load_imagenet_weights(tiny(), str(tmp_path / "w.pth"))


def test_last_layer_may_be_absent(tmp_path: Path) -> None:
    weights = published()
    del weights["classifier.4.weight"], weights["classifier.4.bias"]
    torch.save(weights, tmp_path / "w.pth")
    network = tiny()
    load_imagenet_weights(network, str(tmp_path / "w.pth"))
    check_loaded(network, weights)


class Payload:
    """Creates a file when unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (open, (self.path, "w"))


@pytest.mark.parametrize("archive", [False, True])
def test_code_in_a_file_is_never_run(tmp_path: Path, archive: bool) -> None:
    trace, path = tmp_path / "trace", tmp_path / "w.pth"
    content = {"features.0.weight": Payload(str(trace))}
    if archive:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match=r"w.pth: cannot be read as weights"):
        load_imagenet_weights(tiny(), str(path))
    assert not trace.exists()


def test_code_behind_an_address_is_never_run(tmp_path: Path, server: tuple[str, list[str]]) -> None:
    trace = tmp_path / "trace"
    torch.save({"features.0.weight": Payload(str(trace))}, tmp_path / "www" / "w.pth")
    with pytest.raises(UserError, match="cannot load weights from"):
        load_imagenet_weights(tiny(), f"{server[0]}/w.pth")
    assert not trace.exists()


def test_the_payload_is_a_live_one(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Payload(str(tmp_path / "trace")))).close()
    assert (tmp_path / "trace").exists()
