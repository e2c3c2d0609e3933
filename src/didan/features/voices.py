"""Kinds of voice: which of two each utterance is spoken in, by its pitch and its third formant, without labels.

    P(kind | x) = softmax(W (x - c) + b)

x are the medians of pitch and of the third formant over an utterance; low and high voices, mostly men's and
women's, differ in them more than emotions do. Pitch is what it is, but lines and noises move the formants of
all of a domain, so the third is measured from the domain's own median, c. The kinds are a mixture of two
Gaussians with one covariance, fitted to source and target together; pitch tells which kind it is that a domain
of one kind has.

Where speakers are unknown, the statistics of an utterance's kind of voice normalise it (see
:mod:`didan.features.normaliser`), and most of what is gained by knowing speakers is gained: the largest difference
between them is this one. Vocal tract length normalisation is the same idea for speech recognition (Lee and Rose,
IEEE TSAP 1998); the mixture, and its use for statistics, are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from didan.typing import Floats

DESCRIBED_BY = ("pitch_semitones_p50", "f3_hz_p50")
"""Names of the functionals."""

_FORMANT = 1  # of them

KINDS = 2

_EXTREME = 3.0  # deviations from the median; pitch that was not found must not become a kind of voice
_NORMAL = 1.4826  # the deviation of a Gaussian, in median absolute deviations
_MOST = 50_000  # utterances that the mixture is fitted to
_FEWEST = 20  # utterances; of fewer no kinds are told


@dataclass(frozen=True)
class Voices:
    """Kinds of voice.

    Attributes:
        bands: which features of an utterance describe its voice, shape (n_bands,).
        weights: W, shape (n_kinds, n_bands).
        bias: b, shape (n_kinds,).
        centre: c, what features are measured from in a domain, shape (n_bands,).
    """

    bands: tuple[int, ...]
    weights: Floats
    bias: Floats
    centre: Floats

    def within(self, described: Floats) -> "Voices":
        """The same kinds in another domain, given what describes its utterances, shape (n, n_bands)."""
        return replace(self, centre=_centre(np.asarray(described, dtype=np.float64)))

    def __call__(self, features: Floats) -> Floats:
        """How probable each kind of voice is.

        Args:
            features: of utterances, before normalisation, shape (n, width).

        Returns:
            Shape (n, n_kinds); rows add up to 1.

        >>> voices = Voices((0,), np.array([[0.0], [1.0]]), np.zeros(2), centre=np.array([30.0]))  # semitones
        >>> voices(np.array([[20.0, 7.0], [30.0, 7.0], [40.0, 7.0]])).round(2).tolist()
        [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
        """
        described = np.asarray(features, dtype=np.float64)[:, list(self.bands)]
        logits = (described - self.centre) @ self.weights.T + self.bias
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
        return probabilities


def fit_voices(domains: Sequence[Floats], bands: tuple[int, ...]) -> Voices | None:
    """The kinds of voice in the utterances of all domains together.

    Args:
        domains: what describes the voices of the utterances of each, before normalisation, shape (n, n_bands).
        bands: which of the features these are, as in ``DESCRIBED_BY``.

    Returns:
        The kinds, the lower voices first, as they are in the first domain; see :meth:`Voices.within`. None where
        there are too few utterances, or nothing differs.
    """
    from sklearn.mixture import GaussianMixture  # an exported model must not wait for it

    own = [np.asarray(described, dtype=np.float64) for described in domains]
    described = np.concatenate([features - _centre(features) for features in own])
    if len(described) < _FEWEST:
        return None
    middle = np.median(described, axis=0)
    scale = _NORMAL * np.median(np.abs(described - middle), axis=0)
    if not (scale > 0).all():
        return None
    standard = (described - middle) / scale
    heard = standard[(np.abs(standard) < _EXTREME).all(axis=1)]
    if len(heard) > _MOST:
        heard = np.random.default_rng(0).choice(heard, _MOST, replace=False)
    mixture = GaussianMixture(KINDS, covariance_type="tied", n_init=5, reg_covar=1e-3, random_state=0).fit(heard)
    order = mixture.means_[:, 0].argsort()
    means, shares = mixture.means_[order], mixture.weights_[order]
    weights = np.linalg.solve(mixture.covariances_, means.T).T
    bias = np.log(shares) - 0.5 * (weights * means).sum(axis=1)
    return Voices(bands, weights / scale, bias - (weights / scale) @ middle, _centre(own[0]))


def _centre(described: Floats) -> Floats:
    """What pitch and formant of a domain's utterances, shape (n, n_bands), are measured from."""
    centre = np.zeros(described.shape[1])
    centre[_FORMANT] = np.median(described[:, _FORMANT])
    return centre
