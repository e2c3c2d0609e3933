"""A benchmark: corpora x methods x seeds, as run records in a folder."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from didan.benchmark.cluster import on_cluster
from didan.benchmark.plan import Plan, frontend_of
from didan.benchmark.processes import Outcome, in_processes
from didan.benchmark.run import Run, audio_digest, corpus_digest, identity
from didan.corpora import Corpus, read_corpus
from didan.corpora.emotions import parse_mapping
from didan.errors import OnDamaged, UserError
from didan.features import default_cache, readable
from didan.features.fingerprints import Fingerprints
from didan.records import Record, forget_failure, pack_records, records_by_name, write_failure, write_record
from didan.typing import Progress


@dataclass
class Summary:
    """How the runs of a benchmark ended.

    Attributes:
        recorded: runs that had a record before.
        done: runs done now.
        failed: by run, the error.
    """

    recorded: list[Run] = field(default_factory=list)
    done: list[Run] = field(default_factory=list)
    failed: dict[Run, str] = field(default_factory=dict)


def run_benchmark(
    plan: Plan,
    out: Path,
    *,
    workers: int = 1,
    ray: str | None = None,
    cache: str | Path | None = None,
    progress: Progress | None = None,
    announce: Callable[[Sequence[Run], Sequence[Run]], None] | None = None,
    on_damaged: OnDamaged | None = None,
) -> Summary:
    """Do the runs of a plan that have no record yet; pack the records once all runs have one.

    Args:
        plan: the plan.
        out: folder for records; failed runs leave their errors in its ``failed`` and are tried again next time.
        workers: runs at a time on this machine.
        ray: address of a Ray cluster to use instead.
        cache: folder for features; the user's cache folder if None.
        progress: called after every part of the work.
        announce: called before anything is computed, with the runs to do and those that have a record.
        on_damaged: called with the reason for an utterance that cannot be used, which no run then uses, and every
            record says how many these are; if None such utterances are an error, except on a cluster.

    Raises:
        UserError: a corpus cannot be read; ``out`` holds records of the same runs with other settings or data.
    """
    arguments, corpora = name_corpora(plan)
    cache = Path(cache or default_cache())
    digests = {name: corpus_digest(corpus) for name, corpus in corpora.items()}
    audio = {name: audio_digest(corpus, Fingerprints(cache)) for name, corpus in corpora.items()}
    summary, todo = Summary(), list[Run]()
    records = records_by_name(out)
    for run in plan.runs(list(corpora)):
        record = records.get(run.record_name)
        if record is None:
            todo.append(run)
        else:
            _check_identity(run, record, identity(run, digests, audio), out)
            summary.recorded.append(run)
    if announce:
        announce(todo, summary.recorded)
    if todo:
        # A late import: where all runs have a record, nobody waits for torch.
        from didan.benchmark.execute import execute

        if ray is None:
            _extract_all(todo, corpora, cache, progress, on_damaged)
        work = partial(execute, arguments=arguments, mapping=plan.map, cache=cache, digests=digests, audio=audio)
        outcomes: Iterator[Outcome] = on_cluster(work, todo, ray) if ray else in_processes(work, todo, workers)
        for number, outcome in enumerate(outcomes, start=1):
            _keep(outcome, out, summary)
            if progress:
                progress("runs", number, len(todo))
    if not summary.failed:
        pack_records(out)
    return summary


def name_corpora(plan: Plan) -> tuple[dict[str, str], dict[str, Corpus]]:
    """The corpora's arguments and the corpora themselves, by the name of each.

    Raises:
        UserError: two corpora have one name.
    """
    arguments: dict[str, str] = {}
    corpora: dict[str, Corpus] = {}
    for argument in plan.corpora:
        corpus = read_corpus(argument, parse_mapping(list(plan.map)))
        if corpus.name in corpora:
            raise UserError(f"two corpora are called {corpus.name}: {arguments[corpus.name]} and {argument}")
        arguments[corpus.name], corpora[corpus.name] = _absolute(argument), corpus
    return arguments, corpora


def _absolute(argument: str) -> str:
    """The argument as it reads from any folder: workers may run elsewhere."""
    name, equals, path = argument.partition("=")
    if equals and not Path(argument).expanduser().exists():
        return f"{name}={Path(path).expanduser().absolute()}"
    return str(Path(argument).expanduser().absolute())


def _check_identity(run: Run, record: Record, planned: Mapping[str, Any], out: Path) -> None:
    recorded = record["identity"]
    planned = json.loads(json.dumps(planned))  # as it would read in a record
    # Older records say nothing of the audio.
    different = [key for key in planned if recorded.get(key, planned[key]) != planned[key]]
    if different:
        raise UserError(f"{out}: {run} was made with other {' and '.join(different)}; choose another --out")


def _extract_all(
    todo: Sequence[Run],
    corpora: Mapping[str, Corpus],
    cache: Path,
    progress: Progress | None,
    on_damaged: OnDamaged | None,
) -> None:
    """Compute all features once, before runs would compete for them."""
    wanted = []
    for run in todo:
        settings = frontend_of(run)
        wanted += [(name, settings) for name in (*run.sources, run.target) if (name, settings) not in wanted]
    for name, settings in wanted:

        def hook(_: str, done: int, total: int, stage: str = f"{settings.kind} of {name}") -> None:
            if progress:
                progress(stage, done, total)

        readable(corpora[name], settings, cache, progress=hook, on_damaged=on_damaged)


def _keep(outcome: Outcome, out: Path, summary: Summary) -> None:
    run = outcome.run
    if outcome.record is None:
        write_failure(run.record_name, outcome.error, out)
        summary.failed[run] = outcome.error
    else:
        write_record(outcome.record, out)
        forget_failure(run.record_name, out)
        summary.done.append(run)
