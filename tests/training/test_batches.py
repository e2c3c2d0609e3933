from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from didan.features import Domain, FeatureSet
from didan.training.batches import Batches, crop
from didan.training.pair import DomainPair


def utterances(lengths: list[int], add: int = 0) -> FeatureSet:
    """Utterance i is filled with the number i, or ``add`` more."""
    raw = [np.full((length, 2), index + add, dtype=np.float32) for index, length in enumerate(lengths)]
    return FeatureSet(raw=raw, domains=(Domain(groups=[None] * len(raw), shrinkage=0),), contents=pd.DataFrame())


@pytest.fixture
def pair() -> DomainPair:
    return DomainPair(
        source=utterances([30] * 20),
        labels=np.array([0] * 15 + [1] * 4 + [2]),
        domains=np.zeros(20, dtype=np.int64),
        target=utterances([5] * 10, add=100),
        emotions=("anger", "neutral", "sadness"),
        held_out=np.zeros(20, dtype=bool),
    )


def batches_of(pair: DomainPair, seed: int = 7, with_target: bool = True) -> Batches:
    return Batches(pair, batch_size=8, n_frames=12, seed=seed, steps=range(50), with_target=with_target)


@pytest.fixture
def batches(pair: DomainPair) -> Batches:
    return batches_of(pair)


def test_every_emotion_has_its_share(batches: Batches) -> None:
    counts = np.array([np.bincount(batches[step]["labels"], minlength=3) for step in range(50)])
    assert (counts.sum(axis=1) == 8).all()
    assert counts.min() == 2
    assert counts.max() == 3
    # The remainder does not always fall to the same emotion.
    assert len({tuple(row) for row in counts.tolist()}) == 3


def test_labels_and_indices_belong_to_the_features(batches: Batches) -> None:
    batch = batches[3]
    assert batch["source"].shape == (8, 12, 2)
    numbers = batch["source"][:, 0, 0].numpy().astype(int)
    assert (batch["labels"].numpy() == batches.pair.labels[numbers]).all()
    assert (batch["source_index"].numpy() == numbers).all()
    assert batch["target"].shape == (8, 5, 2)  # the longest of the batch
    assert (batch["source_lengths"] == 12).all()
    assert (batch["target_lengths"] == 5).all()
    assert (batch["target"][:, 0, 0].numpy() == 100 + batch["target_index"].numpy()).all()


def test_a_batch_depends_on_seed_and_step_alone(batches: Batches) -> None:
    later = batches.between(20, 30)
    assert len(later) == 10
    assert all((later[0][key] == batches[20][key]).all() for key in later[0])
    other = batches_of(batches.pair, seed=8)
    assert not (other[20]["source"] == batches[20]["source"]).all()
    assert not (other[20]["target_index"] == batches[20]["target_index"]).all()


def test_target_utterances_do_not_repeat_where_there_are_enough(batches: Batches) -> None:
    drawn = batches[0]["target"][:, 0, 0].numpy()
    assert len(set(drawn)) == 8
    just_enough = batches_of(replace(batches.pair, target=utterances([5] * 8)))
    assert all(sorted(just_enough[step]["target_index"].tolist()) == list(range(8)) for step in range(20))


def test_source_alone_has_no_target(batches: Batches) -> None:
    alone = batches_of(batches.pair, with_target=False)
    of_the_source = {"source", "source_lengths", "source_index", "labels"}
    assert set(alone[0]) == of_the_source
    assert set(alone.between(3, 5)[0]) == of_the_source
    # The same source batches with and without a target, so that methods are compared on equal terms.
    assert (alone[0]["source"] == batches[0]["source"]).all()


def test_a_target_without_a_source_has_batches_of_its_own(pair: DomainPair) -> None:
    nobody = np.zeros(0, dtype=np.int64)
    alone = batches_of(
        replace(pair, source=utterances([]), labels=nobody, domains=nobody, held_out=nobody.astype(bool))
    )[0]
    assert len(alone["labels"]) == len(alone["source_index"]) == 0
    assert "source" not in alone
    assert (alone["target"][:, 0, 0].numpy() == 100 + alone["target_index"].numpy()).all()


def test_only_the_source_is_augmented(pair: DomainPair) -> None:
    def shorter(spectrograms: Tensor, lengths: Tensor, *, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        return -spectrograms[:, 1:], lengths - 1

    options: dict[str, Any] = {"batch_size": 8, "n_frames": 12, "seed": 7, "steps": range(50), "with_target": True}
    plain = Batches(pair, **options)[0]
    augmented = Batches(pair, **options, augmentation=shorter).between(0, 1)[0]
    assert torch.equal(augmented["source"], -plain["source"][:, 1:])
    assert torch.equal(augmented["source_lengths"], plain["source_lengths"] - 1)
    assert torch.equal(augmented["target"], plain["target"])


def test_held_out_utterances_are_in_no_batch(pair: DomainPair) -> None:
    held_out = np.arange(20) % 5 == 1
    batches = batches_of(replace(pair, held_out=held_out))
    drawn = {int(number) for step in range(50) for number in batches[step]["source"][:, 0, 0]}
    assert drawn == set(np.flatnonzero(~held_out).tolist())


def test_crops_come_from_everywhere() -> None:
    rng = np.random.default_rng(0)
    frames = np.arange(10, dtype=np.float32)[:, None]
    starts = {int(crop(frames, 4, rng)[0, 0]) for _ in range(200)}
    assert starts == set(range(7))
    assert (np.diff(crop(frames, 4, rng)[:, 0]) == 1).all()
    assert len(crop(frames, 9, rng)) == 9
    assert crop(frames, 10, rng) is frames


def test_what_is_learnt_of_a_large_target_is_what_the_next_batches_hold_and_more(pair: DomainPair) -> None:
    large = batches_of(replace(pair, target=utterances([1] * 500)))
    assert large.target_rows(range(3), 500).tolist() == list(range(500))
    for first in range(0, 50, 5):
        rows = large.target_rows(range(first, first + 5), 100)
        assert len(rows) == 100
        assert (np.diff(rows) > 0).all()
        for step in range(first, first + 5):
            assert set(large[step]["target_index"].tolist()) <= set(rows.tolist())
    seen = {row for first in range(50) for row in large.target_rows(range(first, first + 1), 100).tolist()}
    assert len(seen) == 500  # all take part in the balance in turn
    held = {row for step in range(5) for row in large[step]["target_index"].tolist()}
    assert large.target_rows(range(5), 10).tolist() == sorted(held)  # however little is wanted


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    n_target=st.integers(1, 20),
    batch_size=st.integers(5, 16),
    seed=st.integers(0, 2**32),
    step=st.integers(0, 10**6),
)
def test_whatever_the_corpora_a_batch_is_balanced_and_a_function_of_seed_and_step(
    counts: list[int], n_target: int, batch_size: int, seed: int, step: int
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    held_out = np.append(np.diff(labels) == 0, False)  # but for the last utterance of every emotion
    held_out &= np.arange(len(labels)) % 2 == 0
    pair = DomainPair(
        source=utterances([1] * len(labels)),
        labels=labels,
        domains=np.zeros(len(labels), dtype=np.int64),
        target=utterances([1] * n_target),
        emotions=tuple(f"emotion {number}" for number in range(len(counts))),
        held_out=held_out,
    )

    def batches(first: int, last: int) -> Batches:
        steps = range(first, last)
        return Batches(pair, batch_size=batch_size, n_frames=1, seed=seed, steps=steps, with_target=True)

    batch, again = batches(step, step + 1)[0], batches(step + 5, step + 6).between(step - 1, step + 2)[1]
    assert all(torch.equal(batch[key], again[key]) for key in batch)
    chosen, target = batch["source_index"].numpy(), batch["target_index"].numpy()
    drawn = np.bincount(labels[chosen], minlength=len(counts))
    assert drawn.sum() == len(target) == batch_size
    assert drawn.max() - drawn.min() <= 1
    assert not held_out[chosen].any()
    for emotion, share in enumerate(drawn):  # again only where there are too few
        available = int(((labels == emotion) & ~held_out).sum())
        assert share > available or len(set(chosen[labels[chosen] == emotion].tolist())) == share
    assert batch_size > n_target or len(set(target.tolist())) == batch_size


def test_in_the_long_run_every_utterance_of_an_emotion_is_drawn_as_often(pair: DomainPair) -> None:
    batches = batches_of(replace(pair, labels=np.array([0] * 12 + [1] * 8)))
    drawn = np.concatenate([batches.between(step, step + 1)[0]["source_index"].numpy() for step in range(600)])
    counts = np.bincount(drawn, minlength=20)
    assert chisquare(counts[:12]).pvalue > 1e-3
    assert chisquare(counts[12:]).pvalue > 1e-3
    places = np.array([batches.between(step, step + 1)[0]["labels"].numpy() for step in range(600)])
    assert chisquare(places.sum(axis=0)).pvalue > 1e-3  # and no emotion has the first places
