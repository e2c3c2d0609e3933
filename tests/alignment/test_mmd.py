"""Compared with the double sum over pairs of utterances, written out in numpy."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from didan.alignment import joint_mmd, local_mmd, multi_kernel_mmd

Kernel = Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], float]


def batches(n_s: int = 5, n_t: int = 7, width: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    options = {"generator": generator, "dtype": torch.float64}
    return torch.randn(n_s, width, **options), 0.5 + torch.randn(n_t, width, **options)  # type: ignore[call-overload]


def kernel_of(*sides: Tensor) -> Kernel:
    rows = np.concatenate([side.numpy() for side in sides])
    pairs = [float(((x - y) ** 2).sum()) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j]
    bandwidth = np.mean(pairs)
    return lambda x, y: sum(np.exp(-((x - y) ** 2).sum() / (2.0**power * bandwidth)) for power in range(-2, 3))


def double_sum(h_s: Tensor, h_t: Tensor, kernel: Callable[[int, int, str], float]) -> float:
    n_s, n_t = len(h_s), len(h_t)
    ss = np.mean([kernel(i, j, "ss") for i in range(n_s) for j in range(n_s)])
    tt = np.mean([kernel(i, j, "tt") for i in range(n_t) for j in range(n_t)])
    st = np.mean([kernel(i, j, "st") for i in range(n_s) for j in range(n_t)])
    return float(ss + tt - 2 * st)


def test_mmd_is_the_double_sum() -> None:
    h_s, h_t = batches()
    k = kernel_of(h_s, h_t)
    side = {"s": h_s.numpy(), "t": h_t.numpy()}
    expected = double_sum(h_s, h_t, lambda i, j, which: k(side[which[0]][i], side[which[1]][j]))
    assert float(multi_kernel_mmd(h_s, h_t)) == pytest.approx(expected, rel=1e-9)


def test_joint_mmd_multiplies_the_kernels_of_the_layers() -> None:
    first, second = batches(width=3), batches(width=2, seed=1)
    k, q = kernel_of(*first), kernel_of(*second)
    a = {"s": first[0].numpy(), "t": first[1].numpy()}
    b = {"s": second[0].numpy(), "t": second[1].numpy()}
    expected = double_sum(
        *first,
        lambda i, j, which: k(a[which[0]][i], a[which[1]][j]) * q(b[which[0]][i], b[which[1]][j]),
    )
    assert float(joint_mmd([first, second])) == pytest.approx(expected, rel=1e-9)


def test_local_mmd_is_the_mean_of_weighted_double_sums() -> None:
    h_s, h_t = batches()
    y_s = torch.eye(3, dtype=torch.float64)[torch.tensor([0, 1, 1, 1, 1])]  # nobody of class 2
    logits = torch.randn(7, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    p_t = torch.softmax(logits - torch.tensor([5, 0, 0]), 1)
    assert float(p_t[:, 0].sum()) < 0.1  # hardly anybody of class 0
    k = kernel_of(h_s, h_t)
    expected = []
    for c in (0, 1):
        weighted = [(w / y_s[:, c].sum(), x) for w, x in zip(y_s[:, c], h_s, strict=True)]
        weighted += [(-w / p_t[:, c].sum(), x) for w, x in zip(p_t[:, c], h_t, strict=True)]
        expected.append(sum(float(v * w) * k(x.numpy(), y.numpy()) for v, x in weighted for w, y in weighted))
    assert float(local_mmd(h_s, h_t, y_s, p_t)) == pytest.approx(np.mean(expected), rel=1e-9)


def test_local_mmd_of_one_class_is_mmd() -> None:
    h_s, h_t = batches()
    one = local_mmd(h_s, h_t, torch.ones(5, 1, dtype=torch.float64), torch.ones(7, 1, dtype=torch.float64))
    assert float(one) == pytest.approx(float(multi_kernel_mmd(h_s, h_t)), rel=1e-12)


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_scale_of_the_features_plays_no_part(factor: float) -> None:
    h_s, h_t = batches()
    assert float(multi_kernel_mmd(factor * h_s, factor * h_t)) == pytest.approx(float(multi_kernel_mmd(h_s, h_t)))


def test_mmd_grows_with_the_distance_and_pulls_the_batches_together() -> None:
    h_s, h_t = batches(40, 40)
    h_t = h_s.flip(0) + torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    near = multi_kernel_mmd(h_s, h_s.flip(0))
    h_t.requires_grad_()
    far = multi_kernel_mmd(h_s, h_t)
    far.backward()  # type: ignore[no-untyped-call]
    assert abs(float(near)) < 1e-12 < float(far.detach())
    assert h_t.grad is not None
    assert float(h_t.grad.sum(dim=0)[0]) > 0  # a step against the gradient moves them back


def test_equal_features_have_no_discrepancy_and_no_nan() -> None:
    zeros = torch.zeros(4, 3, requires_grad=True)
    loss = multi_kernel_mmd(zeros, zeros)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0
    assert zeros.grad is not None
    assert bool(torch.isfinite(zeros.grad).all())
