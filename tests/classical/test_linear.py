"""DoSL, JDAR and JIASL against their objectives, written out here once more."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import MultiTaskLasso

from classical.shifts import joined, shifted, standardised, unbalanced
from didan.classical.aktlr import AKTLR
from didan.classical.cafs import CorpusInvariant, Selection
from didan.classical.dosl import DoSL
from didan.classical.jdar import JDAR
from didan.classical.jiasl import JIASL, reconstruction_errors
from didan.classical.linear import Centred, LinearAdaptation
from didan.classical.method import Array, Labels
from didan.metrics import unweighted_average_recall

X_S, Y_S, X_T = unbalanced()
X, Y, DOMAIN = joined(X_S, Y_S, X_T)
TAU = 0.1


def parts() -> tuple[Array, Array, Array, float]:
    """Weights, labels and features as DoSL takes them, and mu."""
    w = 1 / (3 * np.array([np.sum(y == Y_S) for y in Y_S]))
    L = np.eye(3)[Y_S] - 1 / 3
    X_s = X_S - w @ X_S
    mu = TAU * 2 * float(max(np.linalg.norm(column @ (w[:, None] * L)) for column in X_s.T))
    return w, L, X_s, mu


def objective(gaps: list[Array], trade_off: float) -> Callable[[Array], float]:
    w, L, X_s, mu = parts()

    def value(P: Array) -> float:
        P = P.reshape(6, 3)
        fit = w @ np.square(L - X_s @ P).sum(axis=1)
        # The norm of a row is smoothed so that a solver for smooth functions may be asked.
        return float(
            fit
            + trade_off * sum(np.sum((gap @ P) ** 2) for gap in gaps)
            + mu * np.sqrt(np.square(P).sum(axis=1) + 1e-12).sum()
        )

    return value


def balanced_mean(X: Array) -> Array:
    return np.asarray(np.mean([X[c == Y_S].mean(axis=0) for c in range(3)], axis=0))


def minimised(value: Callable[[Array], float]) -> float:
    """As low as a solver for smooth functions gets from elsewhere."""
    start = 0.1 * np.random.default_rng(0).standard_normal(18)
    return float(minimize(value, start, method="L-BFGS-B", options={"maxfun": 100_000, "maxiter": 2000}).fun)


@pytest.mark.parametrize("trade_off", [0.0, 1.0, 30.0])
def test_dosl_minimises_its_objective(trade_off: float) -> None:
    model = DoSL(trade_off, TAU).fit(X, Y, DOMAIN)
    value = objective([balanced_mean(X_S) - X_T.mean(axis=0)], trade_off)
    assert value(model.P_) <= minimised(value) + 2e-6


def test_dosl_meets_its_optimality_conditions() -> None:
    model = DoSL(1.0, 0.3).fit(X, Y, DOMAIN)
    w, L, X_s, mu = parts()
    mu *= 0.3 / TAU
    gap = balanced_mean(X_S) - X_T.mean(axis=0)
    slope = 2 * X_s.T @ (w[:, None] * (X_s @ model.P_ - L)) + 2 * np.outer(gap, gap @ model.P_)
    norms = np.linalg.norm(model.P_, axis=1, keepdims=True)
    used = norms[:, 0] > 0
    assert 0 < used.sum() < 6
    np.testing.assert_allclose(slope[used], -mu * (model.P_ / norms.clip(1e-12))[used], atol=5e-3 * mu)
    assert (np.linalg.norm(slope[~used], axis=1) <= mu).all()


def test_regression_alone_is_the_multitask_lasso_of_scikit_learn() -> None:
    X_s, y_s, X_t, _ = shifted(n=90, d=6)
    equally_often = np.concatenate([np.flatnonzero(y_s == c)[:20] for c in range(3)])
    X_s, y_s = X_s[equally_often], y_s[equally_often]
    model = DoSL(0.0, TAU).fit(*joined(X_s, y_s, X_t))
    L = np.eye(3)[y_s]
    mu = TAU * 2 * np.linalg.norm((X_s - X_s.mean(axis=0)).T @ (L - 1 / 3) / 60, axis=1).max()
    lasso = MultiTaskLasso(alpha=mu / 2, tol=1e-10, max_iter=10_000).fit(X_s, L)
    np.testing.assert_allclose(model.P_, lasso.coef_.T, atol=1e-3)
    np.testing.assert_allclose(model.decision_function(X_t), lasso.predict(X_t), atol=1e-2)


def test_a_strong_trade_off_makes_the_means_meet_without_losing_the_projection() -> None:
    gaps = []
    for trade_off in (0.0, 1e4):
        model = DoSL(trade_off).fit(X, Y, DOMAIN)
        gaps.append(np.linalg.norm((balanced_mean(X_S) - X_T.mean(axis=0)) @ model.P_))
        assert np.linalg.norm(model.P_) > 0.05
    assert gaps[1] < 1e-2 * gaps[0]


def test_jdar_minimises_the_objective_of_its_own_emotions() -> None:
    model = JDAR(1.0, TAU).fit(X, Y, DOMAIN)
    assert model.rounds_ < 20
    given = model.predict(X_T)
    gaps = [balanced_mean(X_S) - X_T.mean(axis=0)]
    gaps += [X_S[c == Y_S].mean(axis=0) - X_T[given == c].mean(axis=0) for c in range(3)]
    value = objective(gaps, 1.0)
    assert value(model.P_) <= minimised(value) + 2e-6


@pytest.mark.parametrize("method", [JDAR, JIASL])
def test_without_trade_off_nothing_is_aligned(method: type[JDAR] | type[JIASL]) -> None:
    np.testing.assert_array_equal(method(0.0).fit(X, Y, DOMAIN).P_, DoSL(0.0).fit(X, Y, DOMAIN).P_)


@pytest.mark.parametrize("method", [JDAR, JIASL])
def test_features_that_mislead_are_left_alone(method: type[JDAR] | type[JIASL]) -> None:
    aligned: list[float] = []
    unaligned: list[float] = []
    for seed in range(3):
        X_s, y_s, X_t, y_t = shifted(seed, n=120, d=16, moved=5)
        X, Y, DOMAIN = joined(standardised(X_s), y_s, standardised(X_t))
        for found, trade_off in ((aligned, 1.0), (unaligned, 0.0)):
            predicted = method(trade_off).fit(X, Y, DOMAIN).predict(standardised(X_t))
            found.append(unweighted_average_recall(y_t, predicted))
    assert np.mean(aligned) > np.mean(unaligned) + 0.03


@pytest.mark.parametrize("method", [DoSL, JDAR, JIASL])
def test_how_often_an_emotion_occurs_in_the_source_does_not_matter(method: Callable[[], LinearAdaptation]) -> None:
    model = method().fit(X, Y, DOMAIN)
    # Every utterance of the first emotion a second time.
    twice = np.concatenate([X_S, X_S[Y_S == 0]]), np.concatenate([Y_S, Y_S[Y_S == 0]])
    again = method().fit(*joined(*twice, X_T))
    accuracy = 0.05 if method is JIASL else 1e-3
    np.testing.assert_allclose(again.P_, model.P_, atol=accuracy * np.abs(model.P_).max())


def centred() -> Centred:
    w, L, X_s, _ = parts()
    return Centred(X_s, X_T - w @ X_S, L, w, Y_S)


def test_jiasl_reconstructs_with_every_source_utterance() -> None:
    data = centred()
    P = data.solve(np.zeros((0, 6)), TAU)
    pseudo_labels = data.pseudo_labels(P)
    errors = reconstruction_errors(data, P, pseudo_labels)
    n_t = len(X_T)
    assert errors.shape == (2 * n_t, 6)
    # Rows that add up to 1 and columns in proportion to the weights carry the means over.
    np.testing.assert_allclose(errors[:n_t].mean(axis=0), data.X_t.mean(axis=0), atol=0.05)
    start = n_t
    for c in range(3):
        of_class = errors[start : start + np.sum(pseudo_labels == c)]
        expected = data.X_t[pseudo_labels == c].mean(axis=0) - data.X_s[c == Y_S].mean(axis=0)
        np.testing.assert_allclose(of_class.mean(axis=0), expected, atol=0.05)
        start += len(of_class)


def test_jiasl_alternates_downhill() -> None:
    data = centred()
    P = data.solve(np.zeros((0, 6)), TAU)
    pseudo_labels: Labels = data.pseudo_labels(P)
    values = []
    for _ in range(4):
        R = np.sqrt(1 / len(X_T)) * reconstruction_errors(data, P, pseudo_labels)
        values.append(data.objective(P, R, TAU))
        P = data.solve(R, TAU)
        values.append(data.objective(P, R, TAU))
    slack = np.where(np.arange(7) % 2, 0.04 * np.square(data.X_t @ P).sum() / len(X_T), 1e-6)
    assert (np.diff(values) <= slack).all()
    assert values[-1] < values[0] - 0.01


def test_jiasl_does_not_escape_by_shrinking() -> None:
    plain, strong = (JIASL(trade_off).fit(X, Y, DOMAIN) for trade_off in (0.0, 1e4))
    assert strong.residuals_[-1] < plain.residuals_[-1]
    assert np.linalg.norm(strong.P_) > 1e-3 * np.linalg.norm(plain.P_)
    # What is small is blown up again by the largest score.
    assert len(set(strong.predict(X_S))) == 3


FAMILIES = ["pitch", "pitch", "loudness", "rhythm", "rhythm", "rhythm"]


@pytest.mark.parametrize("sparsity", [0.1, 0.6])
def test_aktlr_meets_its_optimality_conditions(sparsity: float) -> None:
    """Those of the sparse group lasso (Simon et al. 2013), and P vanishes at a fraction of 1."""
    model = AKTLR(1.0, sparsity, 0.5).fit(X, Y, DOMAIN, FAMILIES)
    w, L, X_s, _ = parts()
    gap = balanced_mean(X_S) - X_T.mean(axis=0)
    slope = 2 * X_s.T @ (w[:, None] * (X_s @ model.P_ - L)) + 2 * np.outer(gap, gap @ model.P_)
    at_zero = -2 * X_s.T @ (w[:, None] * L)
    members = [[0, 1], [2], [3, 4, 5]]

    def excess(slope: Array, mu: float, own: list[int]) -> float:
        """By how much the slope of a family without weights is beyond what the penalty holds at 0."""
        soft = np.sign(slope[own]) * (np.abs(slope[own]) - mu / 2).clip(0)
        return float(np.linalg.norm(soft) - mu / 2 * np.sqrt(len(own)))

    low, high = 0.0, 10.0
    for _ in range(60):
        mu = (low + high) / 2
        low, high = (mu, high) if max(excess(at_zero, mu, own) for own in members) > 0 else (low, mu)
    mu = sparsity * high
    left_out = 0
    for own in members:
        P, length = model.P_[own], np.linalg.norm(model.P_[own])
        if length == 0:
            left_out += 1
            assert excess(slope, mu, own) <= 1e-6
            continue
        used = P != 0
        subgradient = mu / 2 * (np.sqrt(len(own)) * P / length + np.sign(P))
        np.testing.assert_allclose(slope[own][used], -subgradient[used], atol=5e-3 * mu)
        assert (np.abs(slope[own][~used]) <= mu / 2 * 1.005).all()
    assert (left_out > 0) == (sparsity == 0.6)
    assert sum(model.kept_.values()) == pytest.approx(1)
    assert not AKTLR(1.0, 1.001, 0.5).fit(X, Y, DOMAIN, FAMILIES).P_.any()


def test_aktlr_leaves_out_families_that_say_nothing() -> None:
    rng = np.random.default_rng(0)
    X_s, y_s, X_t, _ = shifted(n=150, d=6)
    noise = rng.standard_normal((2, 150, 6))
    sides = [
        np.concatenate([standardised(own), more], axis=1) for own, more in zip((X_s, X_t), noise, strict=True)
    ]
    model = AKTLR(sparsity=0.3).fit(*joined(sides[0], y_s, sides[1]), ["pitch"] * 6 + ["rhythm"] * 6)
    assert model.kept_ == {"pitch": pytest.approx(1), "rhythm": 0}


def test_cafs_minimises_its_objective() -> None:
    model = CorpusInvariant(10.0, TAU).fit(X, Y, DOMAIN)
    # The distance between two samples of equal size is that of their sorted values.
    few = len(X_S)
    quantiles = (np.arange(50 * few) + 0.5) / (50 * few)
    d = [
        np.abs(np.quantile(s, quantiles, method="inverted_cdf") - np.quantile(t, quantiles, method="inverted_cdf"))
        for s, t in zip(X_S.T, X_T.T, strict=True)
    ]
    value = objective([row[None] for row in np.diag(np.mean(d, axis=1))], 10.0)
    assert value(model.P_) <= minimised(value) + 1e-4


def test_cafs_drops_features_that_are_distributed_otherwise() -> None:
    rng = np.random.default_rng(1)
    X_s, y_s, X_t, _ = shifted(n=150, d=6)
    X_s, X_t = standardised(X_s), standardised(X_t)
    X_s = np.concatenate([X_s, X_s + 0.1 * rng.standard_normal(X_s.shape)], axis=1)
    # Copies of the features, with as much variance but all of it in a few utterances of the target.
    odd = standardised(rng.standard_t(1.5, X_t.shape).clip(-30, 30))
    selection = Selection(CorpusInvariant(sparsity=0.1))
    kept = selection.fit_transform(
        *joined(X_s, y_s, np.concatenate([X_t, odd], axis=1))[:2], sample_domain=np.repeat([1, -2], 150)
    )
    assert kept.shape[1] == selection.kept_.sum()
    assert selection.kept_[:6].sum() > selection.kept_[6:].sum()
