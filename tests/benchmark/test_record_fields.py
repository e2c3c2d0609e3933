import numpy as np
import pandas as pd
import pytest

from didan.benchmark.record_fields import describe_gap, describe_history
from didan.selection import proxy_a_distance


def tables(n: int, n_speakers: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Utterances of a source in two halves, corpora whose speakers have the same numbers, and of a target."""
    speakers = [str(number % n_speakers) for number in range(n)]
    corpora = np.repeat(["one", "two"], n // 2)
    return pd.DataFrame({"corpus": corpora, "speaker": speakers}), pd.DataFrame({"speaker": speakers})


def test_voices_that_the_probe_knows_do_not_count() -> None:
    rng = np.random.default_rng(0)
    source_table, target_table = tables(300, 10)
    voice = np.arange(300) % 10
    source = 5 * rng.normal(size=(10, 60))[voice] + rng.normal(size=(300, 60))
    target = 5 * rng.normal(size=(10, 60))[voice] + rng.normal(size=(300, 60))
    known = describe_gap(source, target, source_table.assign(speaker=None), target_table.assign(speaker=None))
    unknown = describe_gap(source, target, source_table.assign(corpus="one"), target_table)
    assert (known["held_out"], unknown["held_out"]) == ("utterance", "speaker")
    assert known["accuracy"] == 1
    assert float(unknown["accuracy"]) < 0.9


def test_speakers_of_two_sources_are_different_people() -> None:
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(2, 40, 3))
    source_table, target_table = tables(40, 4)
    names = source_table["corpus"] + source_table["speaker"]
    expected = proxy_a_distance(source, target, pd.factorize(names)[0], pd.factorize(target_table["speaker"])[0])
    assert describe_gap(source, target, source_table, target_table)["accuracy"] == round(expected.accuracy, 4)


@pytest.mark.parametrize("speaker", [None, "the only one"])
def test_a_side_without_two_known_speakers_goes_by_utterance(speaker: str | None) -> None:
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(2, 40, 3))
    source_table, target_table = tables(40, 4)
    gap = describe_gap(source, target, source_table, target_table.assign(speaker=speaker))
    names = pd.factorize(source_table["corpus"] + source_table["speaker"])[0]
    assert gap["accuracy"] == round(proxy_a_distance(source, target, names).accuracy, 4)
    assert gap["held_out"] == "utterance"


def test_curves_are_means_over_at_most_forty_stretches() -> None:
    history = pd.DataFrame({"step": range(1, 121), "fit": np.arange(120.0), "other": 0.0})
    curves = describe_history(history)
    assert set(curves) == {"step", "fit"}
    assert curves["step"] == list(range(3, 121, 3))
    assert curves["fit"] == [3.0 * stretch + 1 for stretch in range(40)]
    history["fit"] = np.nan
    assert describe_history(history)["fit"] == [None] * 40
