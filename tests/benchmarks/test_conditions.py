import pandas as pd
import pytest
from benchmarks.conditions import moody

TABLE = pd.DataFrame(
    [(speaker, emotion) for speaker in "ab" for emotion in ("anger", "fear", "joy") for _ in range(20)],
    columns=["speaker", "emotion"],
)


@pytest.mark.parametrize("share", [1.0, 0.8, 0.5])
def test_a_caller_has_her_share_of_her_emotion(share: float) -> None:
    callers = moody(TABLE, share)
    own = callers == TABLE["speaker"] + "/" + TABLE["emotion"]
    assert own.groupby([TABLE["speaker"], TABLE["emotion"]]).mean().eq(share).all()
    # What she has of others is spread evenly over them, so callers have as many utterances as one another.
    assert callers.value_counts().nunique() == 1


def test_nobody_calls_in_the_name_of_another() -> None:
    assert (moody(TABLE, 0.8).str.partition("/")[0] == TABLE["speaker"]).all()


def test_seeded() -> None:
    assert moody(TABLE, 0.8).equals(moody(TABLE, 0.8))
    assert not moody(TABLE, 0.8).equals(moody(TABLE, 0.8, seed=1))


def test_one_emotion_is_one_caller() -> None:
    table = TABLE[TABLE["emotion"] == "fear"]
    assert set(moody(table, 0.8)) == {"a/fear", "b/fear"}
