"""What skada computes is what the papers say."""

import numpy as np
import pytest
from scipy.linalg import inv, sqrtm, svd

from classical.shifts import joined, shifted, standardised
from didan.classical import CLASSICAL
from didan.classical.sa import components_holding

pytest.importorskip("skada")

X_S, Y_S, X_T, _ = shifted(n=80, d=6)
X_S, X_T = standardised(X_S @ np.diag([1, 1, 2, 3, 4, 5]) @ np.tri(6)), standardised(X_T @ np.tri(6).T)
X, Y, DOMAIN = joined(X_S, Y_S, X_T)


def test_coral_recolours_the_source() -> None:
    adapted = CLASSICAL["coral"].make(0).adapter.fit_transform(X, Y, sample_domain=DOMAIN)
    C_s, C_t = np.cov(X_S.T, bias=True), np.cov(X_T.T, bias=True)
    expected = X_S @ inv(sqrtm(C_s + np.eye(6))) @ sqrtm(C_t + np.eye(6))
    np.testing.assert_allclose(adapted[:80], expected, atol=1e-8)
    np.testing.assert_allclose(adapted[80:], X_T, atol=1e-8)


def test_subspace_alignment_turns_the_axes() -> None:
    adapter = CLASSICAL["sa"].make(0).adapter
    adapted = adapter.fit_transform(X, Y, sample_domain=DOMAIN)
    k = adapter.n_components_
    assert k < 6
    P_s, P_t = svd(X_S)[2][:k].T, svd(X_T)[2][:k].T
    expected = np.concatenate([X_S @ P_s @ P_s.T @ P_t, X_T @ P_t])
    np.testing.assert_allclose(adapted @ adapted.T, expected @ expected.T, atol=1e-8)  # axes have no sign


def test_components_hold_a_share_of_the_variance() -> None:
    for share in (0.5, 0.9, 0.99):
        k = components_holding(X_S, share)
        variances = np.linalg.eigvalsh(np.cov(X_S.T))[::-1]
        assert variances[:k].sum() >= share * variances.sum() > variances[: k - 1].sum()


def test_transport_is_barycentric() -> None:
    ot = pytest.importorskip("ot")
    adapted = CLASSICAL["ot"].make(0).adapter.fit_transform(X, Y, sample_domain=DOMAIN)
    cost = np.square(X_S[:, None] - X_T[None]).sum(axis=2)
    uniform = np.full(80, 1 / 80)
    T = ot.sinkhorn(uniform, uniform, cost / np.median(cost), 0.05, method="sinkhorn_log", stopThr=1e-12)
    np.testing.assert_allclose(adapted[:80], 80 * T @ X_T, atol=1e-3)
    np.testing.assert_allclose(adapted[80:], X_T)
