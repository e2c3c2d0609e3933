"""Conditions under which recognisers are used, derived from acted corpora as tables.

    python -m benchmarks.conditions --corpus emodb=/data/emodb --corpus casia=/data/casia --out tables

``moody``: every speaker becomes several callers, each of one emotion. ``moody-80``: each of four fifths of one
emotion. All utterances of a corpus are kept and their labels too: only who counts as one speaker changes, so
figures compare with those of the corpus itself.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from didan.corpora import read_corpus

MOODY = {"moody": 1.0, "moody-80": 0.8}
"""Share of a caller's utterances that are of her own emotion, by condition."""


def moody(table: pd.DataFrame, share: float, seed: int = 0) -> "pd.Series[str]":
    """Callers in place of speakers, each mostly of one emotion.

    Of a speaker's utterances of an emotion, ``share`` go to the caller of that emotion; the others go in turn to
    her other callers.

    Args:
        table: utterances, columns ``speaker`` and ``emotion``.
        share: in (0, 1].
        seed: of which utterances go to others.

    Returns:
        The caller of each utterance, such as ``03/anger``.

    >>> table = pd.DataFrame({"speaker": ["a"] * 4, "emotion": ["anger", "anger", "fear", "fear"]})
    >>> list(moody(table, 1.0))
    ['a/anger', 'a/anger', 'a/fear', 'a/fear']
    >>> sorted(moody(table, 0.5))
    ['a/anger', 'a/anger', 'a/fear', 'a/fear']
    """
    rng = np.random.default_rng(seed)
    callers = pd.Series("", index=table.index, dtype=object)
    for speaker, own in table.groupby("speaker", sort=True):
        emotions = sorted(own["emotion"].unique())
        for number, emotion in enumerate(emotions):
            rows = rng.permutation(own.index[own["emotion"] == emotion].to_numpy())
            kept = round(share * len(rows)) if len(emotions) > 1 else len(rows)
            callers[rows[:kept]] = f"{speaker}/{emotion}"
            others = [other for other in emotions if other != emotion]
            for turn, row in enumerate(rows[kept:]):
                callers[row] = f"{speaker}/{others[(number + turn) % len(others)]}"
    return callers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for argument in arguments.corpus:
        corpus = read_corpus(argument)
        table = corpus.table[["file", "start", "end", "speaker", "emotion"]]
        for condition, share in MOODY.items():
            file = arguments.out / f"{corpus.name}-{condition}.csv"
            callers = table.assign(speaker=moody(table, share, arguments.seed))
            callers.to_csv(file, index=False)
            print(f"{file}: {len(callers)} utterances, {callers['speaker'].nunique()} callers")


if __name__ == "__main__":
    main()
