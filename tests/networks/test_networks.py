"""What every network promises, whatever it is made of."""

import pytest
import torch
from torch import Tensor, nn

from didan.networks import LAYERS, Output, build_network

BANDS, EMOTIONS = 40, 5
FRONTENDS = ("functionals", "spectrogram")
LENGTHS = torch.tensor([61, 33])


def prepared(frontend: str) -> nn.Module:
    """The network in evaluation mode, its normalisation statistics as after training rather than neutral."""
    torch.manual_seed(1)
    network = build_network(frontend, BANDS, EMOTIONS, 0.5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                assert tensor is not None
                tensor.data.uniform_(0.5, 1.5)
    return network.eval()


@pytest.fixture(scope="module", params=FRONTENDS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    return prepared(request.param)


@pytest.fixture(scope="module")
def spectrograms() -> Tensor:
    return torch.randn(2, int(LENGTHS.max()), BANDS, generator=torch.Generator().manual_seed(0))


def run(network: nn.Module, features: Tensor, lengths: Tensor) -> Output:
    with torch.no_grad():
        output = network(features, lengths)
    assert isinstance(output, Output)
    return output


def same(first: Output, second: Output) -> None:
    torch.testing.assert_close(first.scores, second.scores)
    for layer in LAYERS:
        torch.testing.assert_close(first.embeddings[layer], second.embeddings[layer])


@torch.no_grad()
def test_shapes_are_as_announced(network: nn.Module, spectrograms: Tensor) -> None:
    output = run(network, spectrograms, LENGTHS)
    assert output.scores.shape == (2, EMOTIONS)
    shapes = {name: tuple(h.shape) for name, h in output.embeddings.items()}
    assert isinstance(network.widths, dict)
    assert shapes == {name: (2, width) for name, width in network.widths.items()}
    assert tuple(shapes) == LAYERS
    assert output.embeddings["fc1"].min() >= 0  # after the activation
    assert output.embeddings["fc2"].min() >= 0
    torch.testing.assert_close(output.embeddings["output"], output.scores)


def test_padding_has_no_effect(network: nn.Module, spectrograms: Tensor) -> None:
    short = spectrograms[1:, : LENGTHS[1]]
    alone = run(network, short, LENGTHS[1:])
    for frames, value in ((20, 0.0), (7, 50.0)):
        padding = torch.full((1, frames, BANDS), value)
        same(run(network, torch.cat([short, padding], dim=1), LENGTHS[1:]), alone)


def test_company_in_the_batch_has_no_effect(network: nn.Module, spectrograms: Tensor) -> None:
    both = run(network, spectrograms, LENGTHS)
    same(both[:1], run(network, spectrograms[:1], LENGTHS[:1]))
    same(both[1:], run(network, spectrograms[1:], LENGTHS[1:]))


def test_features_matter(network: nn.Module, spectrograms: Tensor) -> None:
    output = run(network, spectrograms, LENGTHS)
    for layer in LAYERS:
        assert not torch.allclose(output.embeddings[layer][0], output.embeddings[layer][1])


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_gradient_reaches_all_parameters(frontend: str, spectrograms: Tensor) -> None:
    network = prepared(frontend)
    network(spectrograms, LENGTHS).scores.square().sum().backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.any(), parameter_name


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_seed_decides(frontend: str, spectrograms: Tensor) -> None:
    def scores(seed: int) -> Tensor:
        torch.manual_seed(seed)
        built = build_network(frontend, BANDS, EMOTIONS, 0.5)  # in training mode, with dropout
        result: Tensor = built(spectrograms, LENGTHS).scores
        return result.detach()

    assert torch.equal(scores(3), scores(3))
    assert not torch.equal(scores(3), scores(4))


@pytest.mark.parametrize(("frontend", "dropout"), [("functionals", 0.6), ("spectrogram", 0.3)])
def test_dropout_is_the_network_s_own_unless_given(frontend: str, dropout: float) -> None:
    for given, expected in ((None, dropout), (0.25, 0.25), (0.0, 0.0)):
        network = build_network(frontend, BANDS, EMOTIONS, given)
        assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {expected}
