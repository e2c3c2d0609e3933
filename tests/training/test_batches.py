from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from didan.features import FeatureSet
from didan.training.batches import Batches, crop


def features(folder: Path, lengths: list[int]) -> FeatureSet:
    """Utterance i is filled with the number i."""
    files = []
    for index, length in enumerate(lengths):
        files.append(folder / f"{index}.npy")
        np.save(files[-1], np.full((length, 2), index, dtype=np.float32))
    return FeatureSet("x", files, ["x"] * len(files), {}, "none", pd.DataFrame())


@pytest.fixture
def batches(tmp_path: Path) -> Batches:
    (tmp_path / "s").mkdir()
    (tmp_path / "t").mkdir()
    source = features(tmp_path / "s", [30] * 20)
    labels = np.array([0] * 15 + [1] * 4 + [2])
    return Batches(source, labels, features(tmp_path / "t", [5] * 10), 8, 12, 7, range(50))


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
    assert (batch["source"][:, 0, 0].numpy() == batch["index"].numpy()).all()
    assert (batch["labels"].numpy() == batches.labels[batch["index"].numpy()]).all()


def test_a_batch_depends_on_seed_and_step_alone(batches: Batches) -> None:
    later = batches.between(20, 30)
    assert all((later[0][key] == batches[20][key]).all() for key in later[0])
    other = Batches(batches.source, batches.labels, batches.target, 8, 12, 8, range(50))
    assert not (other[20]["index"] == batches[20]["index"]).all()


def test_target_utterances_do_not_repeat_where_there_are_enough(batches: Batches) -> None:
    drawn = batches[0]["target"][:, 0, 0].numpy()
    assert len(set(drawn)) == 8


def test_source_alone_has_no_target(batches: Batches) -> None:
    alone = Batches(batches.source, batches.labels, None, 8, 12, 7, range(5))
    assert "target" not in alone[0]
    # The same source batches with and without a target, so that methods are compared on equal terms.
    assert (alone[0]["source"] == batches[0]["source"]).all()


def test_crops_come_from_everywhere() -> None:
    rng = np.random.default_rng(0)
    frames = np.arange(10, dtype=np.float32)[:, None]
    starts = {int(crop(frames, 4, rng)[0, 0]) for _ in range(200)}
    assert starts == set(range(7))
    assert (np.diff(crop(frames, 4, rng)[:, 0]) == 1).all()
