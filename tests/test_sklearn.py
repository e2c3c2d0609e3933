"""The estimator where it is meant to be used: scikit-learn's tools, skada's pipelines and label-free scorers."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import accuracy_score
from sklearn.model_selection import ShuffleSplit, cross_validate

from didan.errors import DidanWarning, UserError
from didan.networks import build_network
from didan.sklearn import DIDANClassifier

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from skada import PerDomain, make_da_pipeline
    from skada.metrics import DeepEmbeddedValidation, PredictionEntropyScorer, SoftNeighborhoodDensity
    from skada.model_selection import SourceTargetShuffleSplit
from sklearn.preprocessing import StandardScaler

# What most tests ask does not depend on whether anything was learnt.
pytestmark = pytest.mark.filterwarnings("ignore:after .* steps the network fits:didan.errors.DidanWarning")

QUICK: dict[str, Any] = {"steps": 30, "batch_size": 16, "learning_rate": 5e-3}
Data = tuple[npt.NDArray[np.float32], npt.NDArray[Any], npt.NDArray[np.int64]]


@pytest.fixture
def data() -> Data:
    """Two emotions, distinguished by the first feature; the target is shifted."""
    rng = np.random.default_rng(0)
    y = np.tile(["happiness", "sadness"], 60)
    domain = np.repeat([1, -2], 60)
    X = rng.normal(size=(120, 4)) + 4 * np.outer(y == "sadness", [1, 0, 0, 0]) + np.outer(domain < 0, [0, 1, 1, 0])
    return X.astype(np.float32), y, domain


def test_it_learns_the_source_and_recognises_the_target(data: Data) -> None:
    X, y, domain = data
    # Of four columns, the dropout that hundreds need would leave too little.
    model = DIDANClassifier(**(QUICK | {"steps": 100, "dropout": 0.3})).fit(X, y, sample_domain=domain)
    assert list(model.classes_) == ["happiness", "sadness"]
    assert accuracy_score(y[domain > 0], model.predict(X[domain > 0])) > 0.95
    assert model.score(X[domain < 0], y[domain < 0]) > 0.8
    assert len(model.history_) == 100
    assert model.embed(X).shape == (120, 12 * 64)


@pytest.mark.parametrize(
    ("loss", "steps", "scale", "shift"),
    [
        ("regression", 1, 1, 0),
        ("regression", 100, 100, 0),
        ("regression", 100, 1, 1e3),
        ("cross-entropy", 100, 1, 1e3),
    ],
)
def test_a_network_that_learnt_nothing_says_so(
    data: Data, loss: Any, steps: int, scale: float, shift: float
) -> None:
    X, y, domain = data
    with pytest.warns(DidanWarning, match=f"after {steps} steps .* more steps, and features normalised"):
        DIDANClassifier(steps=steps, loss=loss).fit(X * scale + shift, y, sample_domain=domain)


@pytest.mark.parametrize("loss", ["regression", "cross-entropy"])
def test_a_network_that_learnt_says_nothing(data: Data, loss: Any) -> None:
    X, y, domain = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DIDANClassifier(steps=100, dropout=0.3, loss=loss).fit(X, y, sample_domain=domain)


def test_labels_of_the_target_are_not_looked_at(data: Data) -> None:
    X, y, domain = data
    changed = y.copy()
    changed[domain < 0] = "unknown"
    one, other = (DIDANClassifier(**QUICK).fit(X, labels, sample_domain=domain) for labels in (y, changed))
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_masked_labels_stand_for_the_domain(data: Data) -> None:
    X, y, domain = data
    numbers = np.where(y == "sadness", 1, 0)
    masked = np.where(domain > 0, numbers, -1)
    one = DIDANClassifier(**QUICK).fit(X, masked)
    other = DIDANClassifier(**QUICK).fit(X, numbers, sample_domain=domain)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert set(one.predict(X)) == {0, 1}


@pytest.mark.parametrize("loss", ["regression", "cross-entropy"])
def test_probabilities_sum_to_one(data: Data, loss: Any) -> None:
    X, y, domain = data
    probabilities = DIDANClassifier(loss=loss, **QUICK).fit(X, y, sample_domain=domain).predict_proba(X)
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_spectrograms_go_through_a_backbone(data: Data) -> None:
    _, y, domain = data
    X = np.random.default_rng(0).normal(size=(120, 20, 64)).astype(np.float32)
    model = DIDANClassifier(**{**QUICK, "steps": 2}).fit(X, y, sample_domain=domain)
    assert type(model.network_.backbone) is type(build_network("spectrogram", 64, 2).backbone)
    # Rows go through in batches, which changes nothing.
    whole = model.predict_proba(np.concatenate([X, X, X]))
    np.testing.assert_allclose(whole[240:], model.predict_proba(X), atol=1e-5)


def test_seed_decides_and_the_global_state_is_left_alone(data: Data) -> None:
    X, y, domain = data
    before = torch.get_rng_state()
    fits = [DIDANClassifier(random_state=s, **QUICK).fit(X, y, sample_domain=domain) for s in (0, 0, 1)]
    assert torch.equal(before, torch.get_rng_state())
    first, same, other = (model.predict_proba(X) for model in fits)
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3


def test_method_and_settings_are_passed_on(data: Data) -> None:
    X, y, domain = data
    model = DIDANClassifier("dan", {"trade_off": 0.5, "ramp": 0.0}, **QUICK).fit(X, y, sample_domain=domain)
    assert set(model.history_["weight"]) == {0.5}
    assert "alignment" not in DIDANClassifier("source-only", **QUICK).fit(X, y, sample_domain=domain).history_


def test_pseudo_labels_are_those_of_the_method_unless_set(data: Data) -> None:
    X, y, domain = data
    for method, settings, self_trains in (
        ("didan", None, True),
        ("didan", {"weight": 0}, False),
        ("dan", None, False),
        ("source-only", {"kind": "confident", "weight": 1.0, "start": 0}, True),
    ):
        model = DIDANClassifier(method, pseudo_labels=settings, **QUICK).fit(X, y, sample_domain=domain)
        assert ("pseudo_labels" in model.history_) is self_trains
    with pytest.raises(UserError, match=r"pseudo_labels\.wieght"):
        DIDANClassifier(pseudo_labels={"wieght": 1.0}).fit(X, y, sample_domain=domain)


def test_it_can_be_cloned() -> None:
    model = DIDANClassifier("dan", {"trade_off": 2.0}, steps=7)
    assert clone(model).get_params() == model.get_params()


def test_skada_pipelines_route_the_domain(data: Data) -> None:
    X, y, domain = data
    numbers = np.where(y == "sadness", 1, 0)  # skada knows no other labels
    pipeline = make_da_pipeline(PerDomain(StandardScaler()), DIDANClassifier(**QUICK))
    pipeline.fit(X, numbers.copy(), sample_domain=domain)  # it masks the labels it is given
    predicted = pipeline.predict(X[domain < 0], sample_domain=domain[domain < 0])
    assert accuracy_score(numbers[domain < 0], predicted) > 0.8


@pytest.mark.parametrize(
    "scorer", [PredictionEntropyScorer(), SoftNeighborhoodDensity(), DeepEmbeddedValidation(random_state=0)]
)
def test_skada_scorers_and_cross_validation_take_it(data: Data, scorer: Any) -> None:
    X, y, domain = data
    scores = cross_validate(
        make_da_pipeline(StandardScaler(), DIDANClassifier(**QUICK)),
        X,
        np.where(y == "sadness", 1, 0),
        params={"sample_domain": domain},
        cv=SourceTargetShuffleSplit(n_splits=2, random_state=0),
        scoring=scorer,
        error_score="raise",
    )
    assert np.isfinite(scores["test_score"]).all()


def test_plain_scikit_learn_cross_validation_takes_masked_labels(data: Data) -> None:
    X, y, domain = data
    masked = np.where(domain > 0, np.where(y == "sadness", 1, 0), -1)
    scores = cross_validate(
        DIDANClassifier(**QUICK), X, masked, cv=ShuffleSplit(2, random_state=0), error_score="raise"
    )
    assert np.isfinite(scores["test_score"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y, d: (X, y, np.abs(d)), "rows of both domains are needed"),
        (lambda X, y, d: (X, np.full(120, "fear"), d), "only one class"),
        (lambda X, y, d: (X[:100], y, d), "100, 120, 120 rows"),
        (lambda X, y, d: (X[:, :, None, None], y, d), "4 dimensions"),
    ],
)
def test_wrong_input_is_explained(data: Data, change: Any, message: str) -> None:
    X, y, domain = change(*data)
    with pytest.raises(ValueError, match=message):
        DIDANClassifier(**QUICK).fit(X, y, sample_domain=domain)


def test_unknown_names_are_errors(data: Data) -> None:
    X, y, domain = data
    with pytest.raises(UserError, match="unknown method 'didam': did you mean 'didan'"):
        DIDANClassifier("didam").fit(X, y, sample_domain=domain)
    with pytest.raises(UserError, match="trade_of"):
        DIDANClassifier(method_settings={"trade_of": 1.0}).fit(X, y, sample_domain=domain)


def test_other_width_than_fitted_is_refused(data: Data) -> None:
    X, y, domain = data
    model = DIDANClassifier(**{**QUICK, "steps": 1}).fit(X, y, sample_domain=domain)
    with pytest.raises(ValueError, match="X has 3 features, but DIDANClassifier is expecting 4 features"):
        model.predict(X[:, :3])
