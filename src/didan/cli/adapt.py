"""``didan adapt``: re-adapt a model to a folder of recordings."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from didan.cli.completion import methods
from didan.cli.options import Cache, Channels, ChannelsOption, Group, ModelFolder, SourceFolder, Strict
from didan.cli.output import print_table, say, warn

if TYPE_CHECKING:
    from didan.training.adapt import Change


def adapt(
    model: ModelFolder,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            readable=False,
            help="Recordings of any length, or a table of utterances; labels, if any, are not used.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Model folder to write.", show_default=False)],
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="How to adapt. (default: the model's own, or didan if it has none)",
            autocompletion=methods,
        ),
    ] = None,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting, such as class_prior.neutral=0.4."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Seed of everything random. (default: the model's)")
    ] = None,
    source_folder: SourceFolder = None,
    source_free: Annotated[
        bool,
        typer.Option(
            "--source-free", help="Without the recordings that the model was trained on, or features of them."
        ),
    ] = False,
    group: Group = None,
    channels: ChannelsOption = Channels.mixed,
    cache: Cache = None,
    strict: Strict = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an adaptation that was interrupted.")] = False,
) -> None:
    """Re-adapt a model to your own recordings and report what changed. The old model stays as it is.

    Recordings that cannot be read or are silent are named and left out. Where some cannot be read, the exit
    code is 2 though the model is written.
    """
    from didan.cli.damage import Damage
    from didan.corpora import read_target

    damage = Damage()
    on_damaged = None if strict else damage
    recordings = read_target(str(folder), on_damaged=on_damaged)

    from didan.cli.progress import progress_bars
    from didan.corpora import Recordings
    from didan.model.account import account, without_effect
    from didan.model.directory import load
    from didan.speech.utterances import find_utterances, split_channels
    from didan.training.adapt import adapt as re_adapt
    from didan.training.adapt import adapting_config
    from didan.training.workspace import Workspace, refuse_existing

    refuse_existing(out)  # a mistake should surface before recordings are read
    trained = load(model)
    config = adapting_config(trained, method, seed, set or (), group=group, source_free=source_free)
    unlabelled = Recordings(recordings.name, recordings.table.drop(columns="emotion", errors="ignore"))
    if channels is Channels.apart:
        unlabelled = split_channels(unlabelled)
    unlabelled.grouped(config.normalisation.group)  # a mistake should surface before recordings are read
    target = unlabelled
    if folder.is_dir():
        with progress_bars() as hook:
            target = find_utterances(unlabelled, hook, on_damaged)
    say(
        f"method {config.method}: {model} -> {target.name} "
        f"(utterances: {len(target)}, recordings: {len(unlabelled)}), "
        f"{config.optimisation.steps} steps, seed {config.seed}",
    )
    if idle := without_effect(config):
        warn(idle)
    with progress_bars() as hook:
        try:
            adapted, change = re_adapt(
                trained,
                target,
                config=config,
                out=out,
                resume=resume,
                search_paths=source_folder or (),
                cache=cache,
                progress=hook,
                on_damaged=on_damaged,
            )
        except KeyboardInterrupt:
            raise Workspace.interrupted(out) from None
    _print(change, account(adapted), out)
    damage.refuse()


def _print(change: "Change", lines: list[str], out: Path) -> None:
    from rich.markup import escape
    from rich.table import Table

    from didan.selection import CRITERIA

    proportions = Table(
        "emotion", "before", "after", title=f"predictions for the {change.n} utterances of {escape(change.target)}"
    )
    for emotion, before, after in zip(change.emotions, change.before, change.after, strict=True):
        proportions.add_row(emotion, f"{100 * before:.0f} %", f"{100 * after:.0f} %")
    print_table(proportions)
    scores = Table("criterion", "before", "after", "", title="label-free criteria")
    for name, criterion in CRITERIA.items():
        old, new = change.criteria_before[name], change.criteria_after[name]
        if math.isnan(old) and math.isnan(new):
            continue
        better = (new > old) == criterion.greater_is_better
        known = math.isfinite(old) and math.isfinite(new) and old != new
        scores.add_row(name, *_figures(old, new), ("better" if better else "worse") if known else "")
    print_table(scores)
    print(f"{100 * change.changed:.0f} % of the utterances changed their emotion")
    for line in (*lines, *(f"note: {remark}" for remark in change.remarks())):
        print(line)
    print(f"{out}: the adapted model")


def _figures(*scores: float) -> list[str]:
    return ["cannot tell" if math.isnan(score) else f"{score:.3f}" for score in scores]
