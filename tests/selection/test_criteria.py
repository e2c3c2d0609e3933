from dataclasses import fields, replace

import numpy as np
import pytest

from didan.selection import CRITERIA, LabelFreeOutputs

every_criterion = pytest.mark.parametrize("name", sorted(CRITERIA))


def outputs(aligned: bool, seed: int = 0) -> LabelFreeOutputs:
    """Three emotions; where nothing is aligned, the target lies apart and predictions are arbitrary."""
    generator = np.random.default_rng(seed)
    labels = np.arange(60) % 3
    train, validation, target = (3 * np.eye(3, 8)[labels] + generator.normal(size=(60, 8)) for _ in range(3))
    sure, arbitrary = 0.97 * np.eye(3)[labels] + 0.01, generator.dirichlet(np.ones(3), 60)
    p = sure if aligned else arbitrary
    return LabelFreeOutputs(
        source_embeddings=train,
        source_labels=labels,
        validation_embeddings=validation,
        validation_probabilities=p,
        validation_labels=labels,
        target_embeddings=target if aligned else target + 1,
        target_probabilities=p,
    )


@every_criterion
def test_direction_is_that_of_a_better_recogniser(name: str) -> None:
    criterion = CRITERIA[name]
    good, bad = criterion(outputs(aligned=True)), criterion(outputs(aligned=False))
    assert (good > bad) if criterion.greater_is_better else (good < bad)


@every_criterion
def test_order_of_utterances_does_not_matter(name: str) -> None:
    ordered, generator = outputs(aligned=False), np.random.default_rng(1)
    source, validation, target = (generator.permutation(60) for _ in range(3))
    shuffled = LabelFreeOutputs(
        source_embeddings=ordered.source_embeddings[source],
        source_labels=ordered.source_labels[source],
        validation_embeddings=ordered.validation_embeddings[validation],
        validation_probabilities=ordered.validation_probabilities[validation],
        validation_labels=ordered.validation_labels[validation],
        target_embeddings=ordered.target_embeddings[target],
        target_probabilities=ordered.target_probabilities[target],
    )
    assert CRITERIA[name](shuffled) == pytest.approx(CRITERIA[name](ordered), abs=1e-3)


@every_criterion
def test_single_precision_is_enough(name: str) -> None:
    double = outputs(aligned=False)
    single = replace(
        double,
        **{
            field.name: getattr(double, field.name).astype(np.float32)
            for field in fields(LabelFreeOutputs)
            if "labels" not in field.name
        },
    )
    score = CRITERIA[name](single)
    assert isinstance(score, float)
    assert score == pytest.approx(CRITERIA[name](double), abs=1e-3)


def test_names_are_those_of_the_criteria() -> None:
    assert all(criterion.name == name for name, criterion in CRITERIA.items())


def test_labels_of_the_target_are_out_of_sight() -> None:
    assert [field.name for field in fields(LabelFreeOutputs) if "label" in field.name] == [
        "source_labels",
        "validation_labels",
    ]
