"""``didan explain``: the source utterances that a recording resembles."""

from pathlib import Path
from typing import Annotated

import typer

from didan.cli.options import ModelFolder
from didan.cli.predict import Format


def explain(
    model: ModelFolder,
    audio: Annotated[Path, typer.Argument(metavar="AUDIO", help="The recording.", show_default=False)],
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
        import json

        print(json.dumps(to_dict(explanation), indent=2, ensure_ascii=False))
        return

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    console = Console()
    sure = 100 * explanation.probabilities[explanation.emotion]
    console.print(
        f"{explanation.file}, {explanation.start:.1f} to {explanation.end:.1f} s: "
        f"{explanation.emotion} ({sure:.0f} %)",
        soft_wrap=True,
        highlight=False,
        markup=False,
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
    console.print(table)
    shares = sorted(explanation.weights.items(), key=lambda pair: -pair[1])
    console.print(
        "all weights by emotion: " + ", ".join(f"{e} {w:.2f}" for e, w in shares if w > 0.005), soft_wrap=True
    )
    console.print(f"left unexplained: {100 * explanation.residual:.0f} % of its features", highlight=False)
