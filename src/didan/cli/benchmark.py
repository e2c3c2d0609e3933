"""``didan benchmark``: corpora x methods x seeds, as records on disk and a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from didan.cli import completion
from didan.cli.options import Cache, Mapping, Strict
from didan.cli.output import complain, say

if TYPE_CHECKING:
    from didan.benchmark import Run, Summary


def benchmark(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for records and report.", show_default=False)
    ],
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            "--corpus",
            metavar="CORPUS",
            help="As for `didan train`; at least two.",
            show_default=False,
            autocompletion=completion.corpus_arguments,
        ),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="FILE",
            help="YAML with any of: corpora, tasks, leave_one_out, features, "
            "methods, seeds, settings, map. Flags override it.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            help="paper: the six tasks between emodb, enterface and casia, as far as these are given; on "
            "--features, which are not the paper's by default.",
            autocompletion=completion.presets,
        ),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", metavar="SOURCE:TARGET", help="Or SOURCE+SOURCE:TARGET. (default: every pair)"),
    ] = None,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out", help="Each corpus as the target of all others together.")
    ] = False,
    features: Annotated[
        list[str] | None,
        typer.Option(
            "--features",
            help="functionals, spectrogram, pretrained, several joined by +, or pooled; may be repeated. "
            "(default: functionals)",
            autocompletion=completion.benchmark_features,
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            help="A method, or all; may be repeated. (default: source-only and didan)",
            autocompletion=completion.benchmarked,
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", metavar="N", help="Runs of each. (default: 3)")] = None,
    set: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A setting of all trainings, such as optimisation.steps=200."
        ),
    ] = None,
    map: Mapping = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", help="Runs at a time. (default: 1 per core)")
    ] = None,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Use a Ray cluster: HOST:PORT, or auto.")
    ] = None,
    cache: Cache = None,
    strict: Strict = False,
) -> None:
    """Compare methods between corpora: every run becomes a record, and runs that have one are not repeated.

    Interrupt it as you like; the same command continues. Failed runs are tried again.
    """
    from didan.benchmark import make_plan, run_benchmark
    from didan.benchmark.plan import paper_in_words, paper_tasks
    from didan.cli.damage import Damage
    from didan.cli.progress import progress_bars
    from didan.errors import UserError
    from didan.files import read_yaml
    from didan.model.config import assign
    from didan.parallel import processors

    data: dict[str, Any] = read_yaml(plan, "seeds: 5") if plan else {}
    given = {
        "corpora": corpus,
        "tasks": task,
        "features": features,
        "seeds": seeds,
        "map": map,
        "leave_one_out": leave_one_out,
    }
    data |= {key: value for key, value in given.items() if value is not None and value is not False}
    if method:
        data["methods"] = method
    for assignment in set or ():
        assign(data.setdefault("settings", {}), assignment)
    if preset not in (None, "paper"):
        raise UserError(f"unknown preset {preset!r}: there is paper")
    planned = make_plan(data)

    if preset:
        from didan.benchmark.benchmark import name_corpora

        names = list(name_corpora(planned)[0])
        planned = planned.model_copy(update={"tasks": paper_tasks(names)})
        for line in paper_in_words(names, planned.features):
            say(line)

    def announce(todo: "Sequence[Run]", recorded: "Sequence[Run]") -> None:
        n_runs = len(todo) + len(recorded)
        say(f"{n_runs} runs: {len(recorded)} done already, {len(todo)} to do; records go to {out}")

    try:
        with progress_bars() as hook:
            summary = run_benchmark(
                planned,
                out,
                workers=workers or processors(),
                ray=ray,
                cache=cache,
                progress=hook,
                announce=announce,
                on_damaged=None if strict else Damage(),
            )
    except KeyboardInterrupt:
        raise UserError("interrupted; repeat the command to continue") from None
    _report(out, summary)
    if summary.failed:
        raise typer.Exit(1)


def _report(out: Path, summary: "Summary") -> None:
    from didan.records import read_failures, read_records
    from didan.report.page import write_report

    if summary.done or summary.failed or not (out / "report.html").exists():
        write_report(read_records(out), out, read_failures(out))
    for run, error in summary.failed.items():
        complain(f"failed: {run}: {error.strip().splitlines()[-1]}")
    if summary.failed:
        complain(
            f"{len(summary.failed)} runs failed (why: {out / 'failed'}); repeat the command to try them again"
        )
    say(f"{out / 'report.html'}: the report; tables beside it")
