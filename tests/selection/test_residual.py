"""Compared with configurations whose best reconstruction is known."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import ortho_group

from didan.alignment import Alignment, align
from didan.selection import LabelFreeOutputs, residual
from didan.selection.residual import ida_residual
from didan.typing import Floats, Labels

NOTHING = np.empty((0, 2))
A, B = np.array([1.0, 2.0, 0.0]), np.array([-1.0, 0.5, 3.0])


def outputs(source: Floats, labels: Labels, target: Floats) -> LabelFreeOutputs:
    return LabelFreeOutputs(
        source_embeddings=source,
        source_labels=labels,
        validation_embeddings=NOTHING,
        validation_probabilities=NOTHING,
        validation_labels=labels[:0],
        target_embeddings=target,
        target_probabilities=NOTHING,
    )


def clouds(n: int = 60, shift: float = 0.3, seed: int = 0) -> LabelFreeOutputs:
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    source, target = (4 * np.eye(3, 10)[labels] + generator.normal(size=(n, 10)) for _ in range(2))
    return outputs(source, labels, target + shift)


def test_permuted_source_leaves_almost_nothing() -> None:
    made = clouds()
    permuted = made.source_embeddings[np.random.default_rng(1).permutation(60)]
    assert ida_residual(outputs(made.source_embeddings, made.source_labels, permuted)) < 0.035  # sqrt of 1e-3


def test_two_points_lie_opposite() -> None:
    # The common centre is half way between them, so of directions u and -u one is to be made of the other.
    distance = ida_residual(outputs(np.tile(A, (4, 1)), np.array([0, 0, 1, 1]), np.tile(B, (6, 1))))
    assert distance == pytest.approx(2)


def test_emotions_weigh_alike_however_frequent() -> None:
    source, target = np.stack([A] * 30 + [B] * 10), np.stack([A, B] * 20)
    assert ida_residual(outputs(source, np.repeat([0, 1], [30, 10]), target)) < 0.035
    # Of one emotion, 3/4 of the source must be used where the target has 1/2: half of the target is u and has to
    # be made of u and -u in equal parts, so its squared residual is 1, and 1/2 on average.
    one_emotion = ida_residual(outputs(source, np.zeros(40, np.int64), target))
    assert one_emotion == pytest.approx(0.5**0.5, abs=2e-3)


def test_distance_raises_it() -> None:
    near, farther, far = (ida_residual(clouds(shift=shift)) for shift in (0.0, 0.5, 5.0))
    assert near < farther < far


def test_rotated_moved_and_scaled_embeddings_have_the_same() -> None:
    embedded = clouds()
    rotation = ortho_group.rvs(10, random_state=0)
    source, target = (50 * h @ rotation + 7 for h in (embedded.source_embeddings, embedded.target_embeddings))
    moved = outputs(source, embedded.source_labels, target)
    assert ida_residual(moved) == pytest.approx(ida_residual(embedded), abs=2e-3)


def test_large_corpora_are_sampled_alike_from_every_emotion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residual, "_UTTERANCES", 60)
    drawn: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] = []

    def watched(h_s: Any, h_t: Any, **options: Any) -> Alignment:
        drawn.append((h_s.numpy(), h_t.numpy()))
        return align(h_s, h_t, **options)

    monkeypatch.setattr(residual, "align", watched)
    labels = np.repeat([0, 1, 2], [200, 90, 10])
    source = np.stack([np.cos(labels), np.sin(labels), np.arange(300)], axis=1)
    first = ida_residual(outputs(source, labels, source[:150]))
    assert ida_residual(outputs(source, labels, source[:150])) == first
    for h_s, h_t in drawn:
        assert len(np.unique(h_t[:, 2])) == len(h_t) == 60
        assert len(np.unique(h_s[:, 2])) == len(h_s) == 50
        np.testing.assert_array_equal(np.bincount(labels[h_s[:, 2].astype(int)]), [20, 20, 10])


def test_order_hardly_matters_where_corpora_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residual, "_UTTERANCES", 120)
    embedded = clouds(300, shift=1.0)
    order = np.random.default_rng(1).permutation(300)
    shuffled = outputs(
        embedded.source_embeddings[order], embedded.source_labels[order], embedded.target_embeddings[order[::-1]]
    )
    assert ida_residual(shuffled) == pytest.approx(ida_residual(embedded), abs=0.05)
    assert ida_residual(clouds(300, shift=3.0)) > ida_residual(embedded) + 0.1
