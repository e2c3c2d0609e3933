"""A scikit-learn estimator, for skada pipelines, cross-validation and label-free scorers.

It follows skada's convention: ``sample_domain`` is positive for source and negative for target rows, and labels of
target rows are never looked at.
"""

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d

from didan.errors import note
from didan.features import Domain, FeatureSet, Moments, Normaliser
from didan.model.config import Config, make_config
from didan.networks import Loss, Output, ScoreLink
from didan.training.loop import fit_network
from didan.training.pair import DomainPair

MASKED = -1
"""The label of target rows where ``sample_domain`` is not given."""


class DIDANClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network trained on source rows and aligned with target rows.

    Vectors are taken as they come: normalise them before, within each domain, for instance with skada's
    ``PerDomain(StandardScaler())``. Spectrograms are in dB; what the network makes of them is normalised within
    each domain, and rows to predict with the statistics of the target.

    Args:
        method: a name from ``didan.methods.METHODS``.
        method_settings: of the method, where they differ from its defaults.
        pseudo_labels: settings of self-training, where they differ from the method's, such as ``{"weight": 0}``.
        steps: training steps; the model is the last step's. With too few to learn anything there is a warning.
        batch_size: source rows per step, and as many of the target.
        learning_rate: of AdamW at the start.
        weight_decay: of AdamW.
        dropout: in the fully connected layers; the network's own if None.
        loss: ``regression`` or ``cross-entropy``.
        random_state: seed of everything random.

    Attributes:
        classes_: labels of the source rows, sorted.
        n_features_in_: columns of X.
        network_: the trained network.
        normaliser_: of what it makes of the target's rows.
        history_: training curves, one row per step.

    >>> X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    >>> y = np.where(X[:, 0] > 0, "happiness", "sadness")
    >>> domain = np.repeat([1, -2], 20)
    >>> model = DIDANClassifier(steps=50, learning_rate=0.01, dropout=0).fit(X, y, sample_domain=domain)
    >>> model.predict_proba(X[domain < 0]).shape
    (20, 2)
    """

    # Rows of both domains and their domain are wanted, where scikit-learn and skada route metadata.
    __metadata_request__fit: ClassVar = {"sample_domain": True}
    __metadata_request__predict: ClassVar = {"sample_domain": True, "allow_source": True}
    __metadata_request__predict_proba: ClassVar = {"sample_domain": True, "allow_source": True}
    __metadata_request__score: ClassVar = {"sample_domain": True, "allow_source": True}

    def __init__(
        self,
        method: str = "didan",
        method_settings: dict[str, Any] | None = None,
        pseudo_labels: dict[str, Any] | None = None,
        *,
        steps: int = 750,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        dropout: float | None = None,
        loss: Loss = "regression",
        random_state: int = 0,
    ) -> None:
        self.method, self.method_settings, self.pseudo_labels = method, method_settings, pseudo_labels
        self.steps, self.batch_size = steps, batch_size
        self.learning_rate, self.weight_decay, self.dropout = learning_rate, weight_decay, dropout
        self.loss, self.random_state = loss, random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_domain: npt.ArrayLike | None = None) -> Self:
        """Train on the source rows, adapt to the target rows.

        Args:
            X: one vector per utterance, shape (n, d), or one spectrogram, shape (n, frames, bands).
            y: labels, shape (n,); those of target rows are not looked at.
            sample_domain: positive for source, negative for target, shape (n,). Without it, rows labelled -1
                are the target.

        Warns:
            DidanWarning: the network fits the source no better than a constant does: too few steps, or features
                that are not normalised.

        Raises:
            ValueError: no source or no target row, or only one class in the source.
            UserError: an unknown method or setting.
        """
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        features = _checked(X)
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        is_source = np.asarray(sample_domain) > 0 if sample_domain is not None else labels != MASKED
        if not len(features) == len(labels) == len(is_source):
            raise ValueError(f"X, y and sample_domain have {len(features)}, {len(labels)}, {len(is_source)} rows")
        if is_source.all() or not is_source.any():
            raise ValueError(
                "rows of both domains are needed: sample_domain positive for source, negative for target"
            )
        self.classes_, classes = np.unique(labels[is_source], return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"the source has only one class, {self.classes_[0]!r}")
        self.n_features_in_ = features.shape[-1]
        frames = features if features.ndim == 3 else features[:, None]
        config = self._config("functionals" if features.ndim == 2 else "spectrogram")
        if not config.needs_source:
            raise ValueError(f"method {self.method!r} with pretraining=0 begins with a trained network, not here")
        fitted = None if features.ndim == 3 else _as_they_come(self.n_features_in_)
        pair = DomainPair(
            source=_one_domain(frames[is_source], fitted),
            labels=classes.astype(np.int64),
            domains=np.zeros(len(classes), dtype=np.int64),
            target=_one_domain(frames[~is_source], fitted),
            emotions=tuple(str(label) for label in self.classes_),
            held_out=np.zeros(len(classes), dtype=bool),
        )
        network, self.history_ = fit_network(pair, config)
        self.network_ = network.double()  # in single precision a row would depend on its place among the others
        self._note_if_nothing_was_learnt(pair)
        (self.normaliser_,) = self.network_.heard(pair.target).normalisers
        return self

    def _note_if_nothing_was_learnt(self, pair: DomainPair) -> None:
        """Few steps, or features far from mean 0 and variance 1, leave the network where it is near chance."""
        link = ScoreLink(self.loss)
        labels = torch.nn.functional.one_hot(torch.from_numpy(pair.labels), len(self.classes_)).double()
        shares = labels.mean(dim=0)
        constant = shares if self.loss == "regression" else shares.log()
        lost = float(link.fit(self.network_.run(pair.source).scores.double(), labels))
        lost_by_constant = float(link.fit(constant.expand_as(labels), labels))
        if lost >= lost_by_constant:
            note(
                f"after {self.steps} steps the network fits the source's labels no better than a constant does "
                f"(loss {lost:.3g}, of the constant {lost_by_constant:.3g}): give it more steps, and features "
                "normalised within each domain"
            )

    def predict(
        self, X: npt.ArrayLike, sample_domain: npt.ArrayLike | None = None, allow_source: bool = False
    ) -> npt.NDArray[Any]:
        """The most probable label of each row; domains play no part here."""
        probabilities = self.predict_proba(X)
        probable: npt.NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return probable

    def predict_proba(
        self, X: npt.ArrayLike, sample_domain: npt.ArrayLike | None = None, allow_source: bool = False
    ) -> npt.NDArray[np.float32]:
        """Probabilities that sum to 1, shape (n, n_classes), not calibrated: nothing is held out to do it on."""
        return ScoreLink(self.loss).probabilities(self._outputs(X).scores).float().numpy()

    def embed(self, X: npt.ArrayLike, layer: str = "fc1") -> npt.NDArray[np.float32]:
        """Features of a fully connected layer, shape (n, width)."""
        return self._outputs(X).embeddings[layer].float().numpy()

    def score(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        sample_domain: npt.ArrayLike | None = None,
        allow_source: bool = False,
    ) -> float:
        """Share of rows whose label is recognised."""
        return float(super().score(X, y, sample_weight))

    def _outputs(self, X: npt.ArrayLike) -> Output:
        check_is_fitted(self, "network_")
        features = _checked(X)
        if features.shape[-1] != self.n_features_in_:
            raise ValueError(
                f"X has {features.shape[-1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        frames = features if features.ndim == 3 else features[:, None]
        return self.network_.run(_one_domain(frames, self.normaliser_))

    def _config(self, kind: str) -> Config:
        optimisation = {
            "steps": self.steps,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "loss": self.loss,
            "validation": 0.0,
        }
        data = {
            "method_settings": self.method_settings or {},
            "pseudo_labels": self.pseudo_labels or {},
            "network": {"dropout": self.dropout},
            "optimisation": optimisation,
        }
        return make_config(self.method, kind, self.random_state, data=data)


def _one_domain(frames: npt.NDArray[np.float32], fitted: Normaliser | None) -> FeatureSet:
    domain = Domain(groups=[None] * len(frames), shrinkage=0, fitted=fitted)
    return FeatureSet(raw=frames, domains=(domain,), contents=pd.DataFrame())


def _as_they_come(width: int) -> Normaliser:
    return Normaliser((Moments(1, 1, np.zeros(width), np.ones(width)),), shrinkage=0)


def _checked(X: npt.ArrayLike) -> npt.NDArray[np.float32]:
    features: npt.NDArray[np.float32] = check_array(X, dtype=np.float32, allow_nd=True)
    if features.ndim > 3:
        raise ValueError(f"X has {features.ndim} dimensions; it should be (n, d) or (n, frames, bands)")
    return features
