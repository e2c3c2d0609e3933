"""``didan features``: named features of recordings as a table."""

from pathlib import Path
from typing import Annotated

import typer

from didan.cli.options import Cache, Ray


def features(
    audio: Annotated[
        list[str],
        typer.Argument(
            metavar="AUDIO...",
            help="Files, folders of audio, or one CORPUS (a table or NAME=PATH).",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Table to write: .csv or .parquet.", show_default=False)
    ],
    parts: Annotated[
        str | None,
        typer.Option("--parts", metavar="A,B", help="Of the functionals. (default: contours,cepstra,modulation)"),
    ] = None,
    cache: Cache = None,
    ray: Ray = None,
) -> None:
    """Write the functionals of recordings as a table: a row per utterance, a named column per functional.

    Recordings that cannot be read are named and left out; the exit code is then 2.
    """
    from didan.cli.damage import Damage
    from didan.cli.predict import utterances_named
    from didan.cli.progress import progress_bars
    from didan.errors import UserError
    from didan.extras import require
    from didan.features.table import feature_table
    from didan.files import written_whole

    suffix = out.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise UserError(f"{out} should end in .csv or .parquet")
    if suffix == ".parquet":
        require("pyarrow", "tables", "a Parquet table")
    damage = Damage()
    utterances = utterances_named(audio, "none", on_damaged=damage)
    with progress_bars() as hook:
        table = feature_table(
            utterances,
            parts=parts.split(",") if parts else None,
            cache=cache,
            ray=ray,
            progress=hook,
            on_damaged=damage,
        )
    if table.empty:
        damage.refuse(0)
    with written_whole(out) as partial:
        if suffix == ".parquet":
            table.to_parquet(partial, engine="pyarrow")
        else:
            seconds = table.reset_index()
            for column in ("start", "end"):
                seconds[column] = seconds[column].dt.total_seconds()
            seconds.to_csv(partial, index=False, float_format="%.7g")
    print(f"{out}: {len(table)} utterances, {table.shape[1]} features")
    damage.refuse(len(table))
