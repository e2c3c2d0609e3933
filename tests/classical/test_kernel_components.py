import numpy as np
from scipy.linalg import eig
from scipy.spatial.distance import cdist

from classical.shifts import joined, shifted, standardised
from didan.classical.method import Array
from didan.classical.tca import TransferComponents
from didan.classical.tjm import TransferJointMatching

X_S, Y_S, X_T, _ = shifted(n=30, d=5)
X, Y, DOMAIN = joined(standardised(X_S)[:25], Y_S[:25], standardised(X_T) + 0.2)
N_S, N = 25, 55
K = np.exp(-(cdist(X, X) ** 2) / 5)
H = np.eye(N) - 1 / N
E = np.concatenate([np.full(N_S, 1 / N_S), np.full(N - N_S, -1 / (N - N_S))])
L = np.outer(E, E)


def leading(B: Array, k: int) -> Array:
    """Eigenvectors of B^-1 K H K by a solver for any matrix, scaled to A^T K H K A = I."""
    C = K @ H @ K
    values, vectors = eig(np.linalg.solve(B, C))
    A = vectors[:, np.argsort(-values.real)[:k]].real
    return np.asarray(A / np.sqrt(np.einsum("ik,ij,jk->k", A, C, A)))


def test_tca_is_the_eigenproblem_of_the_paper() -> None:
    for mu in (1e-2, 1.0):
        adapter = TransferComponents(4, mu)
        Z = adapter.fit_transform(X, Y, sample_domain=DOMAIN)
        expected = K @ leading(K @ L @ K + mu * np.eye(N), 4)
        np.testing.assert_allclose(np.abs(Z), np.abs(expected), atol=1e-6)
        np.testing.assert_allclose(Z.T @ H @ Z, np.eye(4), atol=1e-8)
        np.testing.assert_allclose(adapter.transform(X[30:], sample_domain=DOMAIN[30:], allow_source=True), Z[30:])


def test_tca_brings_the_means_together() -> None:
    gaps = []
    for mu in (1e6, 1e-4):  # with a large ridge this is kernel PCA
        Z = TransferComponents(3, mu).fit_transform(X, Y, sample_domain=DOMAIN)
        gaps.append(np.linalg.norm(E @ Z))
    assert gaps[1] < 0.1 * gaps[0]


def test_tjm_reweights_the_source_by_the_norms_of_its_rows() -> None:
    M = L / np.linalg.norm(L)
    first = TransferJointMatching(3, trade_off=0.5, rounds=1)
    second = TransferJointMatching(3, trade_off=0.5, rounds=2)
    projected = [adapter.fit_transform(X, Y, sample_domain=DOMAIN) for adapter in (first, second)]
    expected = leading(K @ M @ K + 0.5 * np.eye(N), 3)
    np.testing.assert_allclose(np.abs(projected[0]), np.abs(K @ expected), atol=1e-6)
    G = np.diag([1 / (2 * np.linalg.norm(row)) if i < N_S else 1 for i, row in enumerate(expected)])
    expected = leading(K @ M @ K + 0.5 * G, 3)
    np.testing.assert_allclose(np.abs(projected[1]), np.abs(K @ expected), atol=1e-6)


def test_tjm_lowers_its_objective() -> None:
    adapter = TransferJointMatching(3, trade_off=0.5, rounds=200)
    Z = adapter.fit_transform(X, Y, sample_domain=DOMAIN)
    assert 2 < len(adapter.objective_) < 200
    assert (np.diff(adapter.objective_) <= 1e-9 * adapter.objective_[0]).all()
    matching = np.trace(Z.T @ L @ Z) / np.linalg.norm(L)
    size = np.linalg.norm(adapter.A_[:N_S], axis=1).sum() + np.square(adapter.A_[N_S:]).sum()
    assert np.isclose(matching + 0.5 * size, adapter.objective_[-1])


def test_tjm_chooses_source_utterances() -> None:
    adapter = TransferJointMatching(3)
    adapter.fit_transform(X, Y, sample_domain=DOMAIN)
    norms = np.linalg.norm(adapter.A_, axis=1)
    assert (norms[:N_S] < 0.01 * norms[:N_S].max()).any()
    assert (norms[N_S:] > 0.01 * norms[N_S:].max()).all()


def test_a_kernel_of_low_rank_gives_fewer_components() -> None:
    pair = np.array([[0.0, 1.0], [2.0, 1.0], [1.0, 0.0]])
    X, Y, DOMAIN = joined(np.tile(pair, (4, 1)), np.arange(12) % 2, np.tile(pair, (4, 1)))
    Z = TransferComponents(10).fit_transform(X, Y, sample_domain=DOMAIN)
    assert Z.shape == (24, 2)
    assert np.isfinite(Z).all()
