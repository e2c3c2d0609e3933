"""Criteria that read nothing but what the recogniser predicts for the target."""

import math

import numpy as np
from scipy.special import entr, softmax

from didan.typing import Floats

_BLOCK = 1000


def entropy(probabilities: Floats) -> float:
    """Mean entropy of the predictions in nats; lower is better.

        E = -(1/n) sum_j sum_k p_jk log p_jk

    Morerio, Cavazza and Murino, "Minimal-entropy correlation alignment", ICLR 2018. A recogniser that is sure of
    itself is taken to be right. One that gives every utterance the same emotion is sure as well, and scores best.

    Args:
        probabilities: of the target utterances, shape (n, c), rows adding up to 1.

    >>> round(entropy(np.array([[0.5, 0.5], [1.0, 0.0]])) / math.log(2), 6)      # 1 bit and 0 bits
    0.5
    """
    return float(entr(probabilities).sum(axis=1).mean())


def information_maximisation(probabilities: Floats) -> float:
    """Mutual information between utterance and predicted emotion in nats; higher is better.

        I = H((1/n) sum_j p_j) - (1/n) sum_j H(p_j)

    Bridle, Heading and MacKay, "Unsupervised classifiers, mutual information and phantom targets", NeurIPS 1991.
    At most log c, for predictions that are sure and spread evenly over the emotions; 0 where all predictions are
    alike, so that, unlike :func:`entropy`, it does not reward collapse. It presumes that emotions are about as
    frequent as each other in the target.

    Args:
        probabilities: of the target utterances, shape (n, c), rows adding up to 1.

    >>> round(information_maximisation(np.array([[0.0, 1.0], [1.0, 0.0]])) / math.log(2), 6)
    1.0
    >>> information_maximisation(np.array([[1.0, 0.0], [1.0, 0.0]]))
    0.0
    """
    return float(entr(probabilities.mean(axis=0)).sum()) - entropy(probabilities)


def soft_neighbourhood_density(probabilities: Floats, temperature: float = 0.05) -> float:
    """How many neighbours an utterance has among the predictions, as an entropy in nats; higher is better.

        P_ij = exp(s_ij / T) / sum_(k != i) exp(s_ik / T)  (j != i),   SND = -(1/n) sum_i sum_j P_ij log P_ij

    with s_ij the cosine between the predictions for i and j. Saito et al., "Tune it the right way: unsupervised
    validation of domain adaptation via soft neighborhood density", ICCV 2021. At most log(n - 1), where all
    predictions are alike: collapse scores best here too. Depends on n, so compare on one set of utterances.

    The diagonal is left out. :class:`skada.metrics.SoftNeighborhoodDensity` changes its sign instead, which gives
    an utterance a share of at most exp(-1 / T) in its own neighbourhood: with T = 0.05 the two agree.

    Args:
        probabilities: of the target utterances, shape (n, c), rows adding up to 1.
        temperature: T; 0.05 is the paper's.

    Returns:
        The density, NaN for fewer than two utterances.

    >>> two_clusters = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    >>> round(soft_neighbourhood_density(two_clusters) / math.log(2), 6)      # everybody has two neighbours
    1.0
    """
    n = len(probabilities)
    if n < 2:
        return math.nan
    directions = probabilities / np.linalg.norm(probabilities, axis=1, keepdims=True)
    total = 0.0
    for first in range(0, n, _BLOCK):  # the whole n x n matrix may not fit into memory
        closeness = directions[first : first + _BLOCK] @ directions.T / temperature
        rows = np.arange(len(closeness))
        closeness[rows, first + rows] = -np.inf
        total += float(entr(softmax(closeness, axis=1)).sum())
    return total / n
