from dataclasses import replace

import pandas as pd

from didan.benchmark.run import Run, corpus_digest, identity
from didan.corpora import Corpus


def corpus(root: str, emotions: str = "fear anger") -> Corpus:
    first, second = emotions.split()
    rows = [(f"{root}/one/a.wav", None, None, "s1", first), (f"{root}/two/b.wav", None, None, "s2", second)]
    return Corpus("made", pd.DataFrame(rows, columns=["file", "start", "end", "speaker", "emotion"]))


def test_digest_goes_by_content_and_not_by_place_or_order() -> None:
    here = corpus("/data/here")
    assert corpus_digest(here) == corpus_digest(corpus("/elsewhere"))
    assert corpus_digest(here) == corpus_digest(replace(here, table=here.table.iloc[::-1]))
    assert corpus_digest(here) != corpus_digest(corpus("/data/here", "fear fear"))
    assert corpus_digest(here) != corpus_digest(replace(here, table=here.table.assign(speaker="s1")))
    assert corpus_digest(here) != corpus_digest(replace(here, table=here.table.assign(end=1.0)))


def test_identity_has_settings_and_the_corpora_of_the_task_only() -> None:
    run = Run(
        sources=("a", "c"),
        target="b",
        features="functionals",
        name="dan 4",
        method="dan",
        seed=3,
        settings={"x": 1},
    )
    digests = {"a": "1", "b": "2", "c": "3", "d": "4"}
    assert identity(run, digests, {**digests, "a": "5"}) == {
        "settings": {"x": 1},
        "corpora": {"a": "1", "b": "2", "c": "3"},
        "audio": {"a": "5", "b": "2", "c": "3"},
    }
    assert run.record_name == "a+c-b/functionals-dan 4-3"
    assert str(run) == "a+c -> b, functionals, dan 4, seed 3"
