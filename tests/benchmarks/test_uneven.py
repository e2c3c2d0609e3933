import pandas as pd
from benchmarks.uneven import FREQUENT, uneven


def test_every_second_utterance_is_neutral_and_the_others_share_the_rest() -> None:
    counts = {"anger": 40, "fear": 30, FREQUENT: 30, "sadness": 50}
    table = pd.DataFrame({"emotion": [emotion for emotion, n in counts.items() for _ in range(n)]})
    table["file"] = [f"{number}.wav" for number in range(len(table))]
    drawn = uneven(table)
    assert drawn["emotion"].value_counts().to_dict() == {FREQUENT: 30, "anger": 10, "fear": 10, "sadness": 10}
    assert drawn["file"].is_unique
    assert drawn.index.is_monotonic_increasing


def test_a_rare_emotion_is_taken_whole() -> None:
    table = pd.DataFrame({"emotion": [FREQUENT] * 20 + ["anger"] * 3 + ["fear"] * 30})
    assert uneven(table)["emotion"].value_counts().to_dict() == {FREQUENT: 20, "fear": 10, "anger": 3}
