import pytest
import torch
from torch import Tensor

from didan.networks.compact import Compact


def test_few_parameters() -> None:
    count = sum(parameter.numel() for parameter in Compact(64, 6).parameters())
    assert count < 61_100_840 / 100  # of AlexNet's


def test_time_is_strided_early() -> None:
    network = Compact(40, 4).eval()
    shapes: list[torch.Size] = []
    for convolution in network.convolutions:
        convolution.register_forward_hook(lambda module, given, result: shapes.append(result.shape))
    network(torch.zeros(1, 160, 40), torch.tensor([160]))
    assert shapes[0][2] == 40
    assert shapes[-1][2] == 10  # a frame every 160 ms at a hop of 10 ms


def test_frame_of_the_last_layer_sees_what_the_docstring_says() -> None:
    network = Compact(16, 4).eval()
    kept: list[Tensor] = []
    network.convolutions[-1].register_forward_hook(lambda module, given, result: kept.append(result))
    features = torch.randn(1, 320, 16, generator=torch.Generator().manual_seed(0)).requires_grad_()
    network(features, torch.tensor([320]))
    kept[0][0, :, 10].square().sum().backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    seen = torch.nonzero(features.grad[0].abs().sum(dim=1))[:, 0]
    # Kernels 5, 3, 3, 3 at jumps 1, 4, 8, 16: 1 + 4 * 1 + 2 * 4 + 2 * 8 + 2 * 16
    assert int(seen[-1] - seen[0]) + 1 == 61
    assert int(seen[0] + seen[-1]) == 2 * 160  # centred


@pytest.mark.parametrize("bands", [1, 16, 23, 64, 80])
def test_any_number_of_bands(bands: int) -> None:
    assert Compact(bands, 4).eval()(torch.zeros(2, 30, bands), torch.tensor([30, 5])).scores.shape == (2, 4)


def test_one_frame_is_enough() -> None:
    network = Compact(16, 4).eval()
    features = torch.randn(1, 1, 16, requires_grad=True)
    scores = network(features, torch.tensor([1])).scores
    scores.sum().backward()
    assert scores.isfinite().all()
    assert features.grad is not None
    assert features.grad.isfinite().all()  # the standard deviation of one frame is 0


def test_pooled_are_mean_and_standard_deviation_over_time() -> None:
    torch.manual_seed(0)
    network = Compact(16, 4).eval()
    convolved: list[Tensor] = []
    pooled: list[Tensor] = []
    network.norms[-1].register_forward_hook(lambda module, given, result: convolved.append(result))
    network.head.register_forward_pre_hook(lambda module, given: pooled.append(given[0]))
    network(torch.randn(1, 200, 16), torch.tensor([130]))
    # 130 frames are 33, 17, 9, 9 after the strides 4, 2, 2, 1.
    x = convolved[0][0, :, :9].relu().detach().double()
    expected = torch.cat([x.mean(dim=1), (x.var(dim=1, correction=0) + 1e-5).sqrt()]).flatten()
    torch.testing.assert_close(pooled[0][0].detach().double(), expected, rtol=1e-4, atol=1e-5)
