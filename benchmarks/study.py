"""What studies share: corpora on the command line, and records that the same command continues."""

import argparse
import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from didan.corpora import Corpus, read_corpus
from didan.features import default_cache


def parser(description: str | None, seeds: int) -> argparse.ArgumentParser:
    """For the corpora, seeds, records and features of a study."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--corpus", action="append", required=True, help="name=folder, as didan train takes it")
    made.add_argument("--seeds", type=int, default=seeds)
    made.add_argument("--part", default="0/1", help="which part of how many this process does")
    made.add_argument("--out", type=Path, required=True, help="records are appended here")
    made.add_argument("--cache", type=Path, default=default_cache())
    return made


def read_corpora(arguments: argparse.Namespace) -> dict[str, Corpus]:
    """The corpora by name."""
    return {corpus.name: corpus for corpus in map(read_corpus, arguments.corpus)}


def continue_study(
    arguments: argparse.Namespace,
    runs: Iterable[dict[str, Any]],
    measure: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """Measure every run of which there is no record yet, each on one thread, and append its record.

    Args:
        arguments: from :func:`parser`.
        runs: what identifies each; a record repeats it.
        measure: the record of a run.
    """
    out: Path = arguments.out
    part, parts = map(int, arguments.part.split("/"))
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    out.parent.mkdir(parents=True, exist_ok=True)
    finished = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] if out.exists() else []
    for number, run in enumerate(runs):
        if number % parts != part or any(run.items() <= record.items() for record in finished):
            continue
        record = measure(run)
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print(run, f"{100 * record['uar']:.1f}" if "uar" in record else "", flush=True)
