"""Do one run: from its description to its record."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from didan.benchmark.plan import TARGET_ONLY, config_of, frontend_of, normalisation_of
from didan.benchmark.run import Run, identity
from didan.benchmark.run_classical import run_classical
from didan.benchmark.run_network import run_network
from didan.benchmark.run_target_only import run_target_only
from didan.classical import CLASSICAL
from didan.corpora import read_corpus
from didan.corpora.emotions import parse_mapping
from didan.features import readable
from didan.records import Record


def execute(
    run: Run,
    arguments: Mapping[str, str],
    mapping: Sequence[str],
    cache: Path,
    digests: Mapping[str, str],
    audio: Mapping[str, str],
) -> Record:
    """Do a run, with one thread so that its result does not depend on what else is running.

    Args:
        run: the run.
        arguments: of the corpora, by name, at least of those that take part.
        mapping: translations of labels.
        cache: folder for features.
        digests: of the corpora, by name; see :func:`didan.benchmark.run.identity`.
        audio: of their audio.
    """
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the benchmark has warned about corpora already
        names = {*run.sources, run.target}
        corpora = {name: read_corpus(arguments[name], parse_mapping(list(mapping))) for name in sorted(names)}
        frontend = frontend_of(run)
        usable = {
            name: readable(corpus, frontend, cache, on_damaged=lambda _: None) for name, corpus in corpora.items()
        }
        sources, target = [usable[name] for name in run.sources], usable[run.target]
        if run.method in CLASSICAL:
            normalisation = normalisation_of(run)
            fields = run_classical(
                sources, target, run.method, normalisation, frontend, cache, seed=run.seed, with_map=run.seed == 0
            )
        elif run.method == TARGET_ONLY:
            fields = run_target_only(sources, target, config_of(dict(run.settings)), cache)
        else:
            outputs, config = run.settings.get("outputs"), config_of(dict(run.settings))
            fields = run_network(sources, target, config, cache, with_map=run.seed == 0, outputs=outputs)
    return {
        "format": 1,
        **run.description,
        "normalisation": str(normalisation_of(run) or "source"),
        "oracle": run.method == TARGET_ONLY,
        "identity": identity(run, digests, audio),
        "unusable": {name: len(corpora[name]) - len(corpus) for name, corpus in usable.items()},
        # Where a run has none of these:
        "label_free": {},
        "domain": None,
        "curves": {},
        "map": None,
        **fields,
    }
