import pandas as pd
from benchmarks.uneven import OFTEN, uneven


def test_every_second_utterance_is_neutral_and_the_others_share_the_rest() -> None:
    counts = {"anger": 40, "fear": 30, OFTEN: 30, "sadness": 50}
    table = pd.DataFrame({"emotion": [emotion for emotion, n in counts.items() for _ in range(n)]})
    table["file"] = [f"{number}.wav" for number in range(len(table))]
    found = uneven(table)
    assert found["emotion"].value_counts().to_dict() == {OFTEN: 30, "anger": 10, "fear": 10, "sadness": 10}
    assert found["file"].is_unique
    assert found.index.is_monotonic_increasing


def test_a_rare_emotion_is_taken_whole() -> None:
    table = pd.DataFrame({"emotion": [OFTEN] * 20 + ["anger"] * 3 + ["fear"] * 30})
    assert uneven(table)["emotion"].value_counts().to_dict() == {OFTEN: 20, "fear": 10, "anger": 3}
