"""Tables of corpora in which every second utterance is neutral, for a benchmark with uneven targets.

    python -m benchmarks.uneven --corpus emodb=/data/emodb --corpus casia=/data/casia \\
        --corpus ravdess=/data/ravdess --out tables
    didan benchmark --plan results/plans/uneven.yaml --corpus emodb=/data/emodb ... \\
        --corpus tables/emodb-uneven.csv ... --out results/uneven

All neutral utterances are kept; of the other emotions as many are drawn in all, the same number of each.
"""

import argparse
from pathlib import Path

import pandas as pd

from didan.corpora import read_corpus

FREQUENT = "neutral"


def uneven(table: pd.DataFrame) -> pd.DataFrame:
    """All neutral utterances, and about as many of all the others together."""
    emotions = table["emotion"].dropna().unique()
    frequent = table[table["emotion"] == FREQUENT]
    each = max(len(frequent) // (len(emotions) - 1), 1)
    others = [
        rows.sample(min(each, len(rows)), random_state=0)
        for emotion, rows in table.groupby("emotion", observed=True)
        if emotion != FREQUENT
    ]
    return pd.concat([frequent, *others]).sort_index()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for argument in arguments.corpus:
        corpus = read_corpus(argument)
        table = uneven(corpus.table)[["file", "start", "end", "speaker", "emotion"]]
        file = arguments.out / f"{corpus.name}-uneven.csv"
        table.to_csv(file, index=False)
        print(f"{file}: {len(table)} utterances, {(table['emotion'] == FREQUENT).mean():.0%} {FREQUENT}")


if __name__ == "__main__":
    main()
