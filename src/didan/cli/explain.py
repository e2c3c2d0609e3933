"""``didan explain``: the source utterances that a recording resembles."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

from didan.cli.options import Cache, ModelFolder, SourceFolder, Strict
from didan.cli.output import json_text, print_table


class Format(StrEnum):
    """How explanations are printed."""

    table = "table"
    csv = "csv"
    json = "json"


def explain(
    model: ModelFolder,
    audio: Annotated[
        Path,
        typer.Argument(
            metavar="AUDIO",
            help="The recording; with --parameters a folder, or a table of utterances.",
            show_default=False,
            readable=False,
        ),
    ],
    n: Annotated[
        int, typer.Option("-n", min=1, help="How many source utterances, or parameters, to name at most.")
    ] = 5,
    parameters: Annotated[
        bool,
        typer.Option(
            "--parameters",
            help="Instead: which families of acoustic parameters carry over from the model's source to AUDIO.",
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw the families (.png, .pdf or .svg)."),
    ] = None,
    source_folder: SourceFolder = None,
    format: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
    cache: Cache = None,
    strict: Strict = False,
) -> None:
    """Name the source utterances that a recording resembles to the network, with weights."""
    import sys

    if parameters:
        _explain_parameters(model, audio, n, plot, source_folder or [], format, cache, strict)
        return
    if plot is not None:
        from didan.errors import UserError

        raise UserError("--plot draws what --parameters finds; give both")

    from didan.corpora import Recordings
    from didan.inference.explain import explain as mixture
    from didan.inference.explain import to_dict
    from didan.model.directory import load

    explanation = mixture(load(model), audio, n)
    if format is Format.csv:
        explanation.examples.to_csv(sys.stdout, index=False, float_format="%.4f")
        return
    if format is Format.json:
        print(json_text(to_dict(explanation), indent=2))
        return

    from rich.markup import escape
    from rich.table import Column, Table

    sure = 100 * explanation.probabilities[explanation.emotion]
    print(
        f"{explanation.file}, {explanation.start:.1f} to {explanation.end:.1f} s: "
        f"{explanation.emotion} ({sure:.0f} %)"
    )
    table = Table("weight", "emotion", "corpus", "speaker", Column("file", overflow="fold"))
    utterances = Recordings("source", explanation.examples.drop(columns="emotion")).utterances()
    for row, utterance in zip(explanation.examples.to_dict("records"), utterances, strict=True):
        shown = (row["emotion"], row["corpus"], utterance.group or "", utterance)
        table.add_row(f"{row['weight']:.2f}", *(escape(str(one)) for one in shown))
    print_table(table)
    shares = sorted(explanation.weights.items(), key=lambda pair: -pair[1])
    print("all weights by emotion: " + ", ".join(f"{e} {w:.2f}" for e, w in shares if w > 0.005))
    print(f"left unexplained: {100 * explanation.residual:.0f} % of its features")


def _explain_parameters(
    model: Path,
    audio: Path,
    n: int,
    plot: Path | None,
    source_folder: list[Path],
    format: Format,
    cache: Path | None,
    strict: bool,
) -> None:
    import sys

    from didan.cli.damage import Damage
    from didan.corpora import Recordings, read_target
    from didan.evaluation.plots import plot_families, plot_format, save_plot
    from didan.features import default_cache
    from didan.inference.parameters import by_family, kept_parameters
    from didan.model.directory import load
    from didan.speech.utterances import find_utterances

    if plot is not None:
        plot_format(plot)  # a mistake should surface before features are made
    trained = load(model)
    damage = Damage()
    on_damaged = None if strict else damage
    found = read_target(str(audio), on_damaged=on_damaged)
    recordings = Recordings(found.name, found.table.drop(columns="emotion", errors="ignore"))

    from didan.cli.progress import progress_bars

    with progress_bars() as hook:
        if audio.is_dir():
            recordings = find_utterances(recordings, hook, on_damaged)
        table = kept_parameters(
            trained,
            recordings,
            cache or default_cache(),
            search_paths=source_folder,
            progress=hook,
            on_damaged=on_damaged,
        )
    families = by_family(table)
    if plot is not None:
        sources = " + ".join(trained.record["sources"])
        save_plot(plot_families(families, f"{sources} and {recordings.name}"), plot)
    if format is Format.csv:
        table.to_csv(sys.stdout, index=False, float_format="%.6f")
    elif format is Format.json:
        rows = {"families": families.to_dict("records"), "parameters": table.to_dict("records")}
        print(json_text(rows, indent=2))
    else:
        _print_parameters(families, table, n, recordings.name)
    damage.refuse()


def _print_parameters(families: "pd.DataFrame", table: "pd.DataFrame", n: int, name: str) -> None:
    from rich.table import Column, Table

    shown = Table(
        "family",
        *(Column(name, justify="right") for name in ("kept", "of", "weight", "distance")),
        title=f"what carries over to {name}",
    )
    for row in families.to_dict("records"):
        weight, distance = f"{100 * row['weight']:.0f} %", f"{row['distance']:.2f}"
        shown.add_row(row["family"], str(row["kept"]), str(row["parameters"]), weight, distance)
    print_table(shown)
    heaviest = table[table["weight"] > 0].head(n).to_dict("records")
    print("heaviest: " + ", ".join(f"{row['parameter']} {100 * row['weight']:.0f} %" for row in heaviest))
    print("distance: between the corpora, in deviations of the normalised parameters")
