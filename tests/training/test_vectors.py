from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from didan.corpora import Corpus
from didan.features import Domain, FeatureSet, Voices, join
from didan.model.config import make_config
from didan.networks import build_network
from didan.training.module import Adaptation
from didan.training.train import train
from didan.training.vectors import Vectors
from didan.typing import Features


def normalised_vectors(made: Vectors, rows: list[int]) -> Features:
    return made.normalised(np.array(rows))


def test_rows_are_normalised_as_the_set_says(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    voices = Voices((1, 2), np.array([[0.0, 0.0], [2.0, 1.0]]), np.zeros(2), centre=np.zeros(2))
    sets = [
        FeatureSet(
            raw=rng.normal(number, 2, (9, 1, 4)).astype(np.float32),
            domains=(Domain(groups=groups, shrinkage=3.0),),
            contents=pd.DataFrame({"file": [], "audio": []}),
        ).told_apart(voices)
        for number, groups in enumerate(("aabbbcccc", [None] * 9))
    ]
    features = join(sets)
    network = build_network("functionals", 4, 3)
    for at_once in (4096, 4):
        monkeypatch.setattr("didan.training.vectors._AT_ONCE", at_once)
        made = Vectors.of(features, network)
        np.testing.assert_allclose(
            normalised_vectors(made, [17, 0, 4, 9]), features.vectors([17, 0, 4, 9]), rtol=1e-4, atol=1e-5
        )
    again = Vectors.of_state(made.state())
    np.testing.assert_array_equal(normalised_vectors(again, [3, 12]), normalised_vectors(made, [3, 12]))


def test_every_utterance_of_a_batch_has_its_label_where_not_all_have(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("didan.training.module.LABELLED", 15)
    step, seen = Adaptation.training_step, []

    def checked(self: Adaptation, batch: dict[str, torch.Tensor], number: int) -> torch.Tensor:
        if self.pseudo_labels is not None:
            assert set(batch["target_index"].tolist()) <= set(self.labelled.tolist())
            assert self.pseudo_labels.labels.shape[1] == len(self.labelled) == 15
            seen.append(tuple(self.labelled.tolist()))
        return step(self, batch, number)

    monkeypatch.setattr(Adaptation, "training_step", checked)
    few = ["optimisation.steps=12", "optimisation.batch_size=8", "pseudo_labels.every=1"]
    train(*tiny_corpora, config=make_config("didan", assignments=few), cache=session_cache)
    assert len(set(seen)) == 10
