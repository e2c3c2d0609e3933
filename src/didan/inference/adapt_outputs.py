"""Adaptation without training: what a finished model says of many utterances, adjusted by how they lie together.

No label is read and no weight is changed. Two ways, written from the papers:

- **T3A** (Iwasawa and Matsuo, NeurIPS 2021): a prototype of every emotion, the mean feature of the utterances that
  are given it with the least entropy; probabilities by cosine to the prototypes.
- **LAME** (Boudiaf et al., CVPR 2022): ``min_z sum_i KL(z_i || p_i) - 1/2 sum_ij w_ij z_i.z_j``: near the model's
  probabilities, and alike among nearest neighbours.

Ours: the features, which are those that DIDAN aligns, of the first fully connected layer; that prototypes are made
of utterances alone; the temperature, at which T3A's probabilities have the mean entropy that the model's had.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.sparse import csr_matrix
from scipy.special import entr, softmax
from sklearn.neighbors import kneighbors_graph
from sklearn.preprocessing import normalize

from didan.errors import UserError
from didan.inference.predict import Prediction

Array = npt.NDArray[np.float64]

LEAST = 20
"""Utterances with speech; with fewer there is nothing to adjust by."""


def t3a(probabilities: Array, embeddings: Array, supports: int = 20) -> Array:
    """Probabilities by the nearness to prototypes.

    ``c_k = mean of h_i over the ``supports`` utterances of least entropy among those given emotion k``; an emotion
    that nobody is given has the mean weighted by its probabilities. ``z_i = softmax(cos(h_i, c_k) / T)``.

    Args:
        probabilities: of the model, shape (n, n_emotions).
        embeddings: features, shape (n, d).
        supports: how many utterances make a prototype.

    Returns:
        Shape (n, n_emotions).

    >>> p, h = np.array([[0.9, 0.1], [0.4, 0.6], [0.1, 0.9]]), np.array([[1.0, 0], [0.9, 0.1], [0, 1.0]])
    >>> t3a(p, h, supports=1).argmax(axis=1)      # the second lies with the first
    array([0, 0, 1])
    """
    H, given = normalize(embeddings), probabilities.argmax(axis=1)
    entropies = entropy(probabilities)
    prototypes = []
    for emotion, share in enumerate(probabilities.T):
        members = np.flatnonzero(given == emotion)
        members = members[np.argsort(entropies[members], kind="stable")][:supports]
        prototypes.append(H[members].mean(axis=0) if len(members) else share @ H)
    cosines = H @ normalize(np.array(prototypes)).T
    return _as_sure(cosines, float(entropies.mean()))


def lame(probabilities: Array, embeddings: Array, neighbours: int = 5, rounds: int = 200) -> Array:
    """Probabilities near the model's, and alike among neighbours.

    Iterates ``z_i = softmax(log p_i + sum_j w_ij z_j)`` from ``z = p`` to a change of 1e-6, which lowers the
    objective for certain where w has no negative eigenvalues. ``w`` is the symmetrised graph of nearest neighbours
    by cosine, with 1/2 for each direction.

    Args:
        probabilities: of the model, shape (n, n_emotions).
        embeddings: features, shape (n, d).
        neighbours: of every utterance.
        rounds: at most.

    Returns:
        Shape (n, n_emotions).
    """
    graph = csr_matrix(kneighbors_graph(normalize(embeddings), neighbours))
    graph = (graph + graph.T) / 2
    unary = np.log(probabilities.clip(1e-12))
    z = probabilities
    for _ in range(rounds):
        before, z = z, softmax(unary + graph @ z, axis=1)
        if np.abs(z - before).max() < 1e-6:
            break
    return np.asarray(z)


ADAPTATIONS: dict[str, Callable[[Array, Array], Array]] = {"t3a": t3a, "lame": lame}


def entropy(probabilities: Array) -> Array:
    """Of each row, in nats."""
    return np.asarray(entr(probabilities).sum(axis=1))


def _as_sure(scores: Array, mean_entropy: float) -> Array:
    """The softmax of scores at the temperature at which the mean entropy is that; as near as one comes to it."""

    def surplus(log_temperature: float) -> float:
        return float(entropy(softmax(scores / np.exp(log_temperature), axis=1)).mean()) - mean_entropy

    low, high = np.log(1e-4), np.log(1e2)
    if surplus(low) > 0:
        best = low
    elif surplus(high) < 0:
        best = high
    else:
        best = brentq(surplus, low, high)
    return np.asarray(softmax(scores / np.exp(best), axis=1))


def adapt_outputs(predictions: Iterable[Prediction], how: str) -> list[Prediction]:
    """Predictions with adapted probabilities, the model's own kept in ``unadapted``.

    Args:
        predictions: of many utterances, or of windows of them; those without an emotion stay so.
        how: one of ``ADAPTATIONS``.

    Raises:
        UserError: fewer than 20 have an emotion.
    """
    adapted = list(predictions)
    spoken = [row for row, one in enumerate(adapted) if one.probabilities is not None]
    if len(spoken) < LEAST:
        raise UserError(
            f"outputs are adapted by how utterances lie together: {len(spoken)} hold speech, at least {LEAST} are "
            "needed; leave out --adapt-outputs"
        )
    probabilities = np.array([list((adapted[row].probabilities or {}).values()) for row in spoken])
    embeddings = np.array([adapted[row].embedding for row in spoken], dtype=np.float64)
    for row, own in zip(spoken, ADAPTATIONS[how](probabilities, embeddings), strict=True):
        before = adapted[row].probabilities or {}
        by_emotion = dict(zip(before, map(float, own), strict=True))
        adapted[row] = replace(
            adapted[row],
            emotion=max(by_emotion, key=by_emotion.__getitem__),
            probabilities=by_emotion,
            unadapted=before,
        )
    return adapted
