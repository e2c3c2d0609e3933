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
from didan.benchmark.records import read_record, write_record
from didan.benchmark.run import Run, corpus_digest, identity
from didan.corpora import Corpus, read_corpus
from didan.corpora.emotions import parse_mapping
from didan.errors import UserError
from didan.features import default_cache, extract
from didan.files import written_whole

Progress = Callable[[str, int, int], None]


@dataclass
class Summary:
    """What a benchmark has done.

    Attributes:
        found: runs whose record was there already.
        done: runs done now.
        failed: by run, what went wrong.
    """

    found: list[Run] = field(default_factory=list)
    done: list[Run] = field(default_factory=list)
    failed: dict[Run, str] = field(default_factory=dict)


def run_benchmark(
    plan: Plan,
    out: Path,
    *,
    workers: int = 1,
    ray: str | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    announce: Callable[[Sequence[Run], Sequence[Run]], None] | None = None,
) -> Summary:
    """Do the runs of a plan that have no record yet.

    Args:
        plan: the plan.
        out: folder for records; failed runs leave what went wrong in ``failed`` and are tried again next time.
        workers: runs at a time on this machine.
        ray: address of a Ray cluster to use instead.
        cache: folder for features; the user's cache folder if None.
        progress: told what is being done.
        announce: told which runs there are to do, and which are done already, before anything is computed.

    Raises:
        UserError: a corpus cannot be read; ``out`` holds records of the same runs with other settings or data.
    """
    arguments, corpora = name_corpora(plan)
    summary = Summary()
    digests = {name: corpus_digest(corpus) for name, corpus in corpora.items()}
    todo: list[Run] = []
    for run in plan.runs(list(corpora)):
        (summary.found if _is_done(run, out, identity(run, digests)) else todo).append(run)
    if announce:
        announce(todo, summary.found)
    if not todo:
        return summary
    # Only now is there anything to wait for: a repetition should find out quickly that all is done.
    from didan.benchmark.execute import execute

    cache = cache or default_cache()
    if ray is None:
        _extract_all(todo, corpora, cache, progress)
    work = partial(execute, arguments=arguments, mapping=plan.map, cache=cache)
    outcomes: Iterator[Outcome] = on_cluster(work, todo, ray) if ray else in_processes(work, todo, workers)
    for number, outcome in enumerate(outcomes, start=1):
        _keep(outcome, out, summary)
        if progress:
            progress("runs", number, len(todo))
    return summary


def name_corpora(plan: Plan) -> tuple[dict[str, str], dict[str, Corpus]]:
    """The corpora's arguments and the corpora themselves, by the name that each has.

    Raises:
        UserError: two corpora have one name.
    """
    arguments: dict[str, str] = {}
    corpora: dict[str, Corpus] = {}
    for argument in plan.corpora:
        corpus = read_corpus(argument, parse_mapping(list(plan.map)))
        if corpus.name in corpora:
            raise UserError(f"two corpora are called {corpus.name}: {arguments[corpus.name]} and {argument}")
        absolute = _absolute(argument)
        arguments[corpus.name], corpora[corpus.name] = absolute, corpus
    return arguments, corpora


def _absolute(argument: str) -> str:
    """The argument as it reads from any folder: workers may run elsewhere."""
    name, equals, path = argument.partition("=")
    if equals and not Path(argument).expanduser().exists():
        return f"{name}={Path(path).expanduser().absolute()}"
    return str(Path(argument).expanduser().absolute())


def _is_done(run: Run, out: Path, planned: Mapping[str, Any]) -> bool:
    file = out / run.file
    if not file.exists():
        return False
    recorded = read_record(file)["identity"]
    planned = json.loads(json.dumps(planned))  # as it would read in a record
    if recorded == planned:
        return True
    what = " and ".join(key for key in planned if recorded.get(key) != planned[key])
    raise UserError(f"{file} was made with other {what}; choose another --out, or delete that record")


def _extract_all(
    todo: Sequence[Run], corpora: Mapping[str, Corpus], cache: Path, progress: Progress | None
) -> None:
    """Compute all features once, before runs would compete for them."""
    wanted = []
    for run in todo:
        settings = frontend_of(run)
        wanted += [(name, settings) for name in (*run.sources, run.target) if (name, settings) not in wanted]
    for name, settings in wanted:

        def hook(done: int, total: int, what: str = f"{settings.kind} of {name}") -> None:
            if progress:
                progress(what, done, total)

        extract(corpora[name].unlabelled(), settings, cache, progress=hook)


def _keep(outcome: Outcome, out: Path, summary: Summary) -> None:
    run = outcome.run
    complaint = out / "failed" / run.file.relative_to("runs").with_suffix(".txt")
    if outcome.record is not None:
        write_record(outcome.record, out / run.file)
        complaint.unlink(missing_ok=True)
        summary.done.append(run)
        return
    complaint.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(complaint) as partial_file:
        partial_file.write_text(outcome.error.rstrip() + "\n", encoding="utf-8")
    summary.failed[run] = outcome.error
