"""``didan corpora``: the corpora that didan knows by name."""

from typing import Annotated

import typer

from didan.cli import completion
from didan.cli.output import print_table


def corpora(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Show everything about this corpus.",
            show_default=False,
            autocompletion=completion.corpora,
        ),
    ] = None,
) -> None:
    """List the corpora that didan knows; with a NAME, also how to get it and its emotions."""
    from rich.table import Table

    from didan.corpora.known import known_reader, known_readers

    if name is None:
        table = Table("name", "language", "speakers", "utterances", "emotions", "licence")
        for reader in known_readers().values():
            numbers = reader.n_speakers, str(reader.n_utterances), str(len(reader.counts))
            table.add_row(reader.name, reader.language, *numbers, reader.licence)
        print_table(table)
        return
    reader = known_reader(name)
    table = Table("", reader.title, show_lines=False)
    facts = {
        "language": reader.language,
        "speakers": reader.n_speakers,
        "utterances": str(reader.n_utterances),
        "emotions": "\n".join(f"{emotion} {count}" for emotion, count in sorted(reader.counts.items())),
        "licence": reader.licence,
        "how to get it": reader.obtain,
        "beware": reader.quirks,
        "use it as": f"{reader.name}=PATH (its folder, or any folder above)",
    }
    for fact, value in facts.items():
        if value:
            table.add_row(fact, value)
    print_table(table)
