"""Arguments that several commands take, described once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from didan.cli.completion import corpus_arguments, groups, models

_CORPUS = "NAME=PATH (see: didan corpora), a CSV, TSV or Parquet table, or an audformat database"

Labelled = Annotated[
    str,
    typer.Argument(metavar="CORPUS", help=f"{_CORPUS}.", show_default=False, autocompletion=corpus_arguments),
]

MODEL = "Folder written by `didan train`, `base` (see: didan models), or OWNER/NAME[@REVISION] on the hub"

ModelFolder = Annotated[
    Path,
    typer.Argument(metavar="MODEL", help=f"{MODEL}.", show_default=False, readable=False, autocompletion=models),
]

AnyModel = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help=f"{MODEL}; or file written by `didan export`.",
        show_default=False,
        readable=False,
        autocompletion=models,
    ),
]

Sources = Annotated[
    list[str],
    typer.Option(
        "--source",
        metavar="CORPUS",
        help=f"Labelled: {_CORPUS}. May be repeated.",
        show_default=False,
        autocompletion=corpus_arguments,
    ),
]

Target = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="CORPUS",
        help=f"{_CORPUS}, or any folder of audio. Its labels, if any, serve to keep the emotions "
        "that source and target share, and for nothing else.",
        show_default=False,
        autocompletion=corpus_arguments,
    ),
]

Mapping = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="LABEL=EMOTION",
        help="Translate a label of a corpus; LABEL=- leaves it out. May be repeated.",
        show_default=False,
    ),
]

SourceFolder = Annotated[
    list[Path] | None,
    typer.Option(
        "--source-folder",
        metavar="DIR",
        help="Where to look for the recordings that the model was trained on. May be repeated.",
    ),
]

Group = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="GROUP",
        help="Normalise together the utterances of one speaker, file or folder, or of one value of a COLUMN of "
        "the table: speaker, file, folder, COLUMN or none. Only where each shows several emotions: what is common "
        "to all of a group is taken away. (default: the model's, or speaker)",
        show_default=False,
        autocompletion=groups,
    ),
]


class Adaptation(StrEnum):
    """Ways to adapt outputs; see :mod:`didan.inference.adapt_outputs`."""

    t3a = "t3a"
    lame = "lame"


AdaptOutputs = Annotated[
    Adaptation | None,
    typer.Option(
        "--adapt-outputs",
        help="Adjust the probabilities by how at least 20 utterances lie together, without training: by "
        "prototypes of the emotions (t3a) or by neighbours (lame). The model's own are shown beside.",
        show_default=False,
    ),
]


class Channels(StrEnum):
    """What is heard of a recording with several channels."""

    mixed = "mix"
    apart = "split"


ChannelsOption = Annotated[
    Channels,
    typer.Option(
        "--channels",
        help="Of several channels take the mix, or each as a recording of its own, such as the agent's and the "
        "caller's of a call.",
    ),
]

Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Stop at recordings that cannot be used. (default: name them and leave them out)"
    ),
]

Cache = Annotated[
    Path | None,
    typer.Option("--cache", metavar="DIR", help="Folder for features. (default: the user's cache folder)"),
]

Ray = Annotated[
    str | None,
    typer.Option("--ray", metavar="ADDRESS", help="Make features on a Ray cluster: HOST:PORT, or auto."),
]
