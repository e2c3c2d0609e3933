"""How far two corpora are apart, by how well they can be told apart."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from didan.errors import UserError
from didan.typing import Floats

Groups = npt.NDArray[np.generic]

_FOLDS = 5
_UTTERANCES = 1000


@dataclass(frozen=True)
class DomainGap:
    """What a probe for the domain found.

    Attributes:
        accuracy: mean of the shares of source and of target utterances recognised as such; 0.5 is chance.
        a_distance: proxy A-distance, 0 (cannot be told apart) to 2 (always told apart).
    """

    accuracy: float
    a_distance: float


def proxy_a_distance(
    source: Floats,
    target: Floats,
    groups_source: Groups | None = None,
    groups_target: Groups | None = None,
    seed: int = 0,
) -> DomainGap:
    """Proxy A-distance: the cross-validated balanced error of a linear domain classifier.

        d_A = 2 (1 - 2 error),      clipped to [0, 2]

    Ben-David, Blitzer, Crammer and Pereira, "Analysis of representations for domain adaptation", NeurIPS 2006.
    The classifier is a logistic regression on features scaled to unit variance, over 5 folds or as many as there
    are groups. Utterances of one group (a speaker) share a fold, so the probe cannot tell corpora apart by voices
    it knows. Of either side at most 1000 utterances, drawn by the seed, take part.

    Args:
        source: features, shape (n_s, d).
        target: features, shape (n_t, d).
        groups_source: speaker of each source utterance, shape (n_s,); without, every utterance is on its own.
        groups_target: the same of the target; a name that occurs in both stands for two speakers.
        seed: of the draw and the folds.

    Raises:
        UserError: a side has fewer than two groups.

    >>> generator = np.random.default_rng(0)
    >>> near, far = generator.normal(size=(2, 50, 3))
    >>> proxy_a_distance(near, far + 9)
    DomainGap(accuracy=1.0, a_distance=2.0)
    """
    generator = np.random.default_rng(seed)
    sides = [
        _drawn(source, groups_source, generator),
        _drawn(target, groups_target, generator),
    ]
    groups = [np.unique(names, return_inverse=True)[1] for _, names in sides]
    n_groups = [int(numbers.max(initial=-1)) + 1 for numbers in groups]
    folds = min(_FOLDS, *n_groups)
    if folds < 2:
        raise UserError(
            f"the domain gap needs two speakers on either side (source: {n_groups[0]}, target: {n_groups[1]}); "
            "leave out the speakers to go by utterance"
        )
    # Every group has a fold, and every fold has groups of both sides.
    fold = np.concatenate(
        [generator.permutation(n)[numbers] % folds for numbers, n in zip(groups, n_groups, strict=True)]
    )
    features = np.concatenate([side for side, _ in sides])
    is_target = np.repeat([False, True], [len(numbers) for numbers in groups])
    right = np.empty(len(features), dtype=bool)
    for held_out in range(folds):
        test = fold == held_out
        probe = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
        probe.fit(features[~test], is_target[~test])
        right[test] = probe.predict(features[test]) == is_target[test]
    accuracy = float(right[~is_target].mean() + right[is_target].mean()) / 2
    return DomainGap(accuracy, float(np.clip(2 * (2 * accuracy - 1), 0, 2)))


def _drawn(features: Floats, groups: Groups | None, generator: np.random.Generator) -> tuple[Floats, Groups]:
    names: Groups = np.arange(len(features)) if groups is None else groups
    if len(features) <= _UTTERANCES:
        return features, names
    index = generator.choice(len(features), _UTTERANCES, replace=False)
    return features[index], names[index]
