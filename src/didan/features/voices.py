"""Kinds of voice: which of two each utterance is spoken in, by its pitch and its third formant, without labels.

    P(kind | x) = softmax(W x + b)

x are the medians of pitch and of the third formant over an utterance; low and high voices, mostly men's and
women's, differ in them more than emotions do. The kinds are a mixture of two Gaussians with one covariance, fitted
to source and target together: in a corpus of one kind nearly every utterance belongs to it, and nothing changes.

Where speakers are unknown, the statistics of an utterance's kind of voice normalise it (see
:mod:`didan.features.normaliser`), and most of what is gained by knowing speakers is gained: the largest difference
between them is this one. Vocal tract length normalisation is the same idea for speech recognition (Lee and Rose,
IEEE TSAP 1998); the mixture, and its use for statistics, are ours.
"""

from dataclasses import dataclass

import numpy as np

from didan.typing import Floats

DESCRIBED_BY = ("pitch_semitones_p50", "f3_hz_p50")
"""Names of the functionals."""

KINDS = 2

_EXTREME = 3.0  # deviations from the median; pitch that was not found must not become a kind of voice
_NORMAL = 1.4826  # the deviation of a Gaussian, in median absolute deviations
_FEWEST = 20  # utterances; of fewer no kinds are told


@dataclass(frozen=True)
class Voices:
    """Kinds of voice.

    Attributes:
        bands: which features of an utterance describe its voice, shape (n_bands,).
        weights: W, shape (n_kinds, n_bands).
        bias: b, shape (n_kinds,).
    """

    bands: tuple[int, ...]
    weights: Floats
    bias: Floats

    def __call__(self, features: Floats) -> Floats:
        """How probable each kind of voice is.

        Args:
            features: of utterances, before normalisation, shape (n, width).

        Returns:
            Shape (n, n_kinds); rows add up to 1.

        >>> voices = Voices((0,), np.array([[0.0], [1.0]]), np.array([0.0, -30.0]))    # parted at 30 semitones
        >>> voices(np.array([[20.0, 7.0], [30.0, 7.0], [40.0, 7.0]])).round(2).tolist()
        [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
        """
        logits = np.asarray(features, dtype=np.float64)[:, list(self.bands)] @ self.weights.T + self.bias
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
        return probabilities


def fit_voices(features: Floats, bands: tuple[int, ...]) -> Voices | None:
    """The kinds of voice in the utterances of all domains together.

    Args:
        features: of utterances, before normalisation, shape (n, width).
        bands: which of the features describe a voice.

    Returns:
        The kinds, the lower voices first; None where there are too few utterances, or nothing differs.
    """
    from sklearn.mixture import GaussianMixture  # an exported model must not wait for it

    if len(features) < _FEWEST:
        return None
    described = np.asarray(features, dtype=np.float64)[:, list(bands)]
    centre = np.median(described, axis=0)
    scale = _NORMAL * np.median(np.abs(described - centre), axis=0)
    if not (scale > 0).all():
        return None
    standard = (described - centre) / scale
    heard = standard[(np.abs(standard) < _EXTREME).all(axis=1)]
    mixture = GaussianMixture(KINDS, covariance_type="tied", n_init=5, reg_covar=1e-3, random_state=0).fit(heard)
    order = mixture.means_[:, 0].argsort()
    means, shares = mixture.means_[order], mixture.weights_[order]
    weights = np.linalg.solve(mixture.covariances_, means.T).T
    bias = np.log(shares) - 0.5 * (weights * means).sum(axis=1)
    return Voices(bands, weights / scale, bias - (weights / scale) @ centre)
