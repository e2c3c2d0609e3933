"""``didan evaluate``: compare predictions with labels."""

from pathlib import Path
from typing import Annotated

import typer

from didan.cli.options import AdaptOutputs, Cache, Group, Labelled, Mapping, ModelFolder, Strict
from didan.cli.output import print_table


def evaluate(
    model: ModelFolder,
    corpus: Labelled,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures as JSON.")] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw the confusion matrix (.png, .pdf or .svg)."),
    ] = None,
    card: Annotated[bool, typer.Option("--card", help="Note the result in the model's card and record.")] = False,
    group: Group = None,
    own_statistics: Annotated[
        bool,
        typer.Option(
            "--own-statistics",
            help="Normalise every speaker with statistics of her own utterances in CORPUS alone. `didan predict` "
            "does not; the figures are labelled accordingly.",
        ),
    ] = False,
    adapt_outputs: AdaptOutputs = None,
    map: Mapping = None,
    cache: Cache = None,
    strict: Strict = False,
) -> None:
    """Measure how well a model predicts the emotions of a labelled corpus.

    The predictions are those of `didan predict` for the same recordings. Recordings that cannot be read are named
    and left out; the exit code is then 2.
    """
    from didan.cli.damage import Damage
    from didan.corpora import read_corpus
    from didan.corpora.emotions import parse_mapping

    labelled = read_corpus(corpus, parse_mapping(map or []))

    from rich.table import Table

    from didan.cli.progress import progress_bars
    from didan.errors import UserError
    from didan.evaluation import evaluate as measure
    from didan.evaluation.plots import plot_confusion, plot_format, save_plot
    from didan.metrics import chance
    from didan.model.directory import load, note_evaluation

    if card and not model.is_dir():
        raise UserError(f"--card writes into the model's folder, and {model} is none here")
    if plot is not None:
        plot_format(plot)  # a mistake should surface before features are made
    trained, damage = load(model), Damage()
    with progress_bars() as hook:
        result = measure(
            trained,
            labelled,
            group=group,
            own_statistics=own_statistics,
            adapted_by=adapt_outputs,
            cache=cache,
            progress=hook,
            on_damaged=None if strict else damage,
        )
    if json is not None:
        result.write(json)
    if card:
        note_evaluation(trained, model, result.corpus, result.as_dict())
    if plot is not None:
        title = f"{result.corpus}: UAR {100 * result.uar:.1f} % ({result.normalised_by})\n{result.selection}"
        save_plot(plot_confusion(result.confusion, result.emotions, title), plot)
    low, high = result.uar_ci95
    print(
        f"UAR {100 * result.uar:.1f} %, {result.normalised_by}   "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f}, resampled by {result.resampled}; "
        f"chance {100 * chance(result.recall.values()):.1f})"
    )
    print(f"WAR {100 * result.war:.1f} %   {result.n} utterances   model: {result.selection}")
    table = Table("true emotion", "recall", *(f"as {emotion}" for emotion in result.emotions))
    for emotion, row in zip(result.emotions, result.confusion, strict=True):
        recall = result.recall[emotion]
        table.add_row(emotion, "-" if recall is None else f"{100 * recall:.1f} %", *map_to_text(row))
    print_table(table)
    for remark in result.remarks():
        print(f"note: {remark}")
    damage.refuse()


def map_to_text(counts: list[int]) -> list[str]:
    """Counts as table cells, zeros as dots so that the others stand out."""
    return [str(count) if count else "·" for count in counts]
