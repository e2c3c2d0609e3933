"""The contrastive loss against its sum, term by term."""

import numpy as np
import torch

from didan.alignment import contrastive


def test_it_is_its_formula() -> None:
    rng = np.random.default_rng(0)
    anchors, candidates = rng.normal(size=(5, 4)), rng.normal(size=(7, 4))
    positive, excluded = rng.random((5, 7)) < 0.4, rng.random((5, 7)) < 0.2
    positive[2] = False  # one without positives
    a, c = (h / np.linalg.norm(h, axis=1, keepdims=True) for h in (anchors, candidates))
    losses = []
    for i in range(5):
        counted = [j for j in range(7) if not excluded[i, j]]
        total = sum(np.exp(a[i] @ c[j] / 0.2) for j in counted)
        own = [-np.log(np.exp(a[i] @ c[j] / 0.2) / total) for j in counted if positive[i, j]]
        losses += [np.mean(own)] if own else []
    tensors = [torch.tensor(array) for array in (anchors, candidates, positive, excluded)]
    result = contrastive(tensors[0], tensors[1], tensors[2], tensors[3], temperature=0.2)
    np.testing.assert_allclose(float(result), np.mean(losses))


def test_temperature_is_a_tenth() -> None:
    h = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    positive = torch.eye(6).roll(1, 0) > 0
    assert float(contrastive(h, h, positive)) == float(contrastive(h, h, positive, temperature=0.1))


def test_without_positives_it_is_0_and_has_a_gradient() -> None:
    h = torch.randn(3, 2, requires_grad=True)
    loss = contrastive(h, h, torch.zeros(3, 3, dtype=torch.bool))
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0
    assert h.grad is not None
    assert not h.grad.any()
