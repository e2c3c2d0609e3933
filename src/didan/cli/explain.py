"""``didan explain``: the source utterances that a recording resembles."""

from pathlib import Path
from typing import Annotated

import typer

from didan.cli.options import ModelFolder
from didan.cli.output import json_text, print_table
from didan.cli.predict import Format


def explain(
    model: ModelFolder,
    audio: Annotated[
        Path, typer.Argument(metavar="AUDIO", help="The recording.", show_default=False, readable=False)
    ],
    n: Annotated[int, typer.Option("-n", min=1, help="How many source utterances to name at most.")] = 5,
    format: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
) -> None:
    """Name the source utterances that a recording resembles to the network, with weights."""
    import sys

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
    for row in explanation.examples.to_dict("records"):
        speaker = "" if row["speaker"] != row["speaker"] else str(row["speaker"])
        table.add_row(
            f"{row['weight']:.2f}",
            *(escape(str(row[key])) for key in ("emotion", "corpus")),
            speaker,
            escape(str(row["file"])),
        )
    print_table(table)
    shares = sorted(explanation.weights.items(), key=lambda pair: -pair[1])
    print("all weights by emotion: " + ", ".join(f"{e} {w:.2f}" for e, w in shares if w > 0.005))
    print(f"left unexplained: {100 * explanation.residual:.0f} % of its features")
