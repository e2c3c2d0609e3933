"""Compared with closed forms, Gaussians of known density ratio, and skada's scorers with the same weights."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from didan.selection import LabelFreeOutputs
from didan.selection.validation import (
    deep_embedded_risk,
    deep_embedded_validation,
    importance_weighted_error,
    importance_weighted_validation,
    log_density_ratio,
)

Floats = npt.NDArray[np.float64]
BOTH = [importance_weighted_validation, deep_embedded_validation]


def shifted(n: int = 4000, seed: int = 0) -> LabelFreeOutputs:
    """Source N(0, 1) and target N(1, 1); what is above 1/2 is emotion 1 and taken for emotion 0."""
    generator = np.random.default_rng(seed)
    train, validation = generator.normal(size=(n, 1)), generator.normal(size=(n, 1))
    target = generator.normal(1, size=(2 * n, 1))
    always_0 = np.tile([0.8, 0.2], (n, 1))
    labels = [(x[:, 0] > 0.5).astype(int) for x in (train, validation)]
    return LabelFreeOutputs(
        source_embeddings=train,
        source_labels=labels[0],
        validation_embeddings=validation,
        validation_probabilities=always_0,
        validation_labels=labels[1],
        target_embeddings=target,
        target_probabilities=np.tile(always_0, (2, 1)),
    )


def test_log_ratio_is_that_of_two_gaussians() -> None:
    outputs = shifted(20_000)
    x = np.array([[-1.0], [0.0], [0.5], [2.0]])
    log_ratios = log_density_ratio(outputs.source_embeddings, outputs.target_embeddings, x)
    expected = norm.logpdf(x[:, 0], loc=1) - norm.logpdf(x[:, 0])  # x - 1/2, linear as the classifier is
    np.testing.assert_allclose(log_ratios, expected, atol=0.1)


@pytest.mark.parametrize("criterion", BOTH)
def test_error_on_the_target_is_estimated_from_the_source(criterion: Callable[[LabelFreeOutputs], float]) -> None:
    outputs = shifted()
    on_source = float(outputs.validation_labels.mean())
    assert on_source == pytest.approx(norm.sf(0.5), abs=0.03)
    assert criterion(outputs) == pytest.approx(norm.sf(0.5 - 1), abs=0.05)


@pytest.mark.parametrize("criterion", BOTH)
def test_one_domain_leaves_the_plain_error(criterion: Callable[[LabelFreeOutputs], float]) -> None:
    outputs = shifted(200)
    same = replace(outputs, target_embeddings=np.tile(outputs.source_embeddings, (3, 1)))
    assert criterion(same) == pytest.approx(outputs.validation_labels.mean(), abs=1e-3)


@pytest.mark.parametrize("criterion", BOTH)
def test_far_domains_do_not_hide_the_error(criterion: Callable[[LabelFreeOutputs], float]) -> None:
    outputs = shifted(200)
    wrong = replace(
        outputs,
        target_embeddings=outputs.target_embeddings + 20,
        validation_probabilities=np.eye(2)[1 - outputs.validation_labels],
    )
    assert criterion(wrong) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("criterion", BOTH)
def test_nothing_held_out(criterion: Callable[[LabelFreeOutputs], float]) -> None:
    outputs = shifted(20)
    none = replace(
        outputs,
        validation_embeddings=outputs.validation_embeddings[:0],
        validation_probabilities=outputs.validation_probabilities[:0],
        validation_labels=outputs.validation_labels[:0],
    )
    assert math.isnan(criterion(none))


def test_covariance_needs_two_utterances() -> None:
    outputs = shifted(20)
    one = replace(
        outputs,
        validation_embeddings=outputs.validation_embeddings[:1],
        validation_probabilities=outputs.validation_probabilities[:1],
        validation_labels=outputs.validation_labels[:1],
    )
    assert math.isnan(deep_embedded_validation(one))
    assert importance_weighted_validation(one) == pytest.approx(outputs.validation_labels[0])


def test_control_variate_by_hand() -> None:
    # w e = (1, 0), so Cov(w e, w) = -1 and Var(w) = 2: eta = 1/2, and 1/2 + 1/2 (2 - 1) = 1
    assert deep_embedded_risk(np.array([1.0, 0.0]), np.array([1.0, 3.0])) == pytest.approx(1)


def test_control_variate_reduces_the_variance_and_adds_no_bias() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(400, 300))
    weights, errors = np.exp(x - 0.5), (x > 0.5).astype(float)
    plain = (weights * errors).mean(axis=1)
    controlled = np.array([deep_embedded_risk(*row) for row in zip(errors, weights, strict=True)])
    assert controlled.var() < 0.7 * plain.var()
    assert controlled.mean() == pytest.approx(norm.sf(-0.5), abs=0.02)


@pytest.mark.usefixtures("skada_settings")
@pytest.mark.parametrize("seed", range(3))
def test_scorers_of_skada_agree(seed: int) -> None:
    import skada
    from skada.metrics import DeepEmbeddedValidation, ImportanceWeightedScorer

    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(160, 5)), np.tile([0, 1], 80)
    x[:, 0] += y
    x[90:] += 0.5
    domain = np.repeat([1, -2], [90, 70])
    labels = np.where(domain > 0, y, -1)
    recogniser = LogisticRegression().set_score_request(sample_weight=True)
    estimator = skada.make_da_pipeline(recogniser).fit(x[:90], y[:90], sample_domain=domain[:90])

    def wrong(truth: Floats, probabilities: Floats) -> Floats:
        # A column: skada multiplies a column of weights by it, and a row would give a matrix.
        mistaken: Floats = (probabilities.argmax(axis=1) != truth).astype(float)[:, None]
        return mistaken

    deep = DeepEmbeddedValidation(
        make_pipeline(StandardScaler(), LogisticRegression()), wrong, random_state=seed, greater_is_better=True
    )
    train, held_out = train_test_split(np.arange(90), test_size=0.33, random_state=np.random.RandomState(seed))
    p = recogniser.fit(x[:90], y[:90]).predict_proba(x)
    outputs = LabelFreeOutputs(
        source_embeddings=x[train],
        source_labels=y[train],
        validation_embeddings=x[held_out],
        validation_probabilities=p[held_out],
        validation_labels=y[held_out],
        target_embeddings=x[90:],
        target_probabilities=p[90:],
    )
    theirs = deep(estimator, x, labels, sample_domain=domain)
    assert deep_embedded_validation(outputs) == pytest.approx(theirs, abs=1e-4)
    assert theirs > 0

    source, target = (KernelDensity().fit(side).score_samples(x[:90]) for side in (x[:90], x[90:]))
    errors = (p[:90].argmax(axis=1) != y[:90]).astype(float)
    accuracy = ImportanceWeightedScorer()(estimator, x, labels, sample_domain=domain)
    assert importance_weighted_error(errors, target - source) == pytest.approx(1 - accuracy)
