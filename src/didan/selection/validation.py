"""Criteria that weight errors on held-out source utterances by how much these resemble the target.

With w(x) = p_target(x) / p_source(x), the mean of w times the error over the source is the error on the target,
as long as the emotion depends on x in the same way in both corpora (covariate shift). A logistic classifier of the
domain estimates w from the embeddings: (n_s / n_t) * P(target | x) / P(source | x).
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from didan.selection.outputs import LabelFreeOutputs
from didan.typing import Floats, Labels

_ROUNDING = 1e-12


def log_density_ratio(source: Floats, target: Floats, at: Floats) -> npt.NDArray[np.float64]:
    """Estimate log p_target - p_source from the log-odds of a logistic regression.

        log w(x) = log P(target | x) - log P(source | x) + log(n_s / n_t)

    Bickel, Brückner and Scheffer, "Discriminative learning under covariate shift", JMLR 2009. Embeddings are
    scaled to unit variance over both corpora; the ridge penalty is scikit-learn's default (C = 1).

    Args:
        source: features, shape (n_s, d).
        target: features, shape (n_t, d).
        at: where to estimate, shape (n, d).

    Returns:
        Log-ratios, shape (n,).

    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> log_density_ratio(x, np.concatenate([x, x]), x).round(3) + 0.0
    array([0., 0., 0.])
    """
    is_target = np.repeat([0, 1], [len(source), len(target)])
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(np.concatenate([source, target]), is_target)
    log_odds: npt.NDArray[np.float64] = classifier.decision_function(at).astype(np.float64)
    return log_odds + math.log(len(source) / len(target))


def importance_weighted_error(errors: Floats, log_weights: Floats) -> float:
    """Mean error with weights that are scaled to add up to 1.

        R = sum_i w_i e_i / sum_i w_i

    Sugiyama, Krauledat and Müller, "Covariate shift adaptation by importance weighted cross validation", JMLR
    2007, divide by n instead. That is unbiased, but where the corpora are far apart hardly any weight is left, and
    the error seems to vanish just where adaptation failed; scaled weights always give a mean of the errors.

    Args:
        errors: of the held-out utterances, shape (n,).
        log_weights: logarithm of their importance, shape (n,).

    >>> round(importance_weighted_error(np.array([1.0, 0.0]), np.log([1.0, 3.0])), 6)
    0.25
    """
    return float(softmax(log_weights) @ errors)


def deep_embedded_risk(errors: Floats, weights: Floats) -> float:
    """Mean weighted error with a control variate: the weights, whose true mean is 1.

        R = mean(w e) + eta * (mean(w) - 1),      eta = -Cov(w e, w) / Var(w)

    You, Wang, Long and Jordan, "Towards accurate model selection in deep unsupervised domain adaptation",
    ICML 2019. eta is what makes the variance least; the result may leave [0, 1].

    Args:
        errors: of the held-out utterances, shape (n,).
        weights: their importance, shape (n,).

    >>> deep_embedded_risk(np.array([1.0, 0.0, 0.0, 0.0]), np.ones(4))      # nothing to control
    0.25
    >>> round(deep_embedded_risk(np.ones(3), np.array([0.5, 2.0, 5.0])), 6)      # all wrong, whatever the weights
    1.0
    """
    weighted = weights * errors
    covariance = np.cov(weighted, weights)
    # Weights that differ by rounding alone control nothing, and would be divided by next to nothing.
    differ = covariance[1, 1] > _ROUNDING * weights.mean() ** 2
    eta = -covariance[0, 1] / covariance[1, 1] if differ else 0.0
    return float(weighted.mean() + eta * (weights.mean() - 1))


def importance_weighted_validation(outputs: LabelFreeOutputs) -> float:
    """Importance-weighted share of held-out source utterances that are wrong; lower is better.

    See :func:`importance_weighted_error`; :func:`log_density_ratio` is fitted on training source and target.
    NaN without held-out utterances.
    """
    if len(outputs.validation_labels) == 0:
        return math.nan
    return importance_weighted_error(_errors(outputs), _log_weights(outputs))


def deep_embedded_validation(outputs: LabelFreeOutputs) -> float:
    """Importance-weighted share of wrong held-out source utterances, with a control variate; lower is better.

    See :func:`deep_embedded_risk`; weights as in :func:`importance_weighted_validation`. The logistic classifier
    is ours, the paper takes a network. NaN for fewer than two held-out utterances.
    """
    if len(outputs.validation_labels) < 2:
        return math.nan
    return deep_embedded_risk(_errors(outputs), np.exp(_log_weights(outputs)))


def _errors(outputs: LabelFreeOutputs) -> Floats:
    predicted: Labels = outputs.validation_probabilities.argmax(axis=1)
    errors: Floats = (predicted != outputs.validation_labels).astype(np.float64)
    return errors


def _log_weights(outputs: LabelFreeOutputs) -> npt.NDArray[np.float64]:
    return log_density_ratio(outputs.source_embeddings, outputs.target_embeddings, outputs.validation_embeddings)
