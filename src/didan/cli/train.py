"""``didan train``: learn from labelled sources, adapt to an unlabelled target."""

import os
from pathlib import Path
from typing import Annotated

import typer

from didan.cli.completion import frontends, methods
from didan.cli.options import Cache, Channels, ChannelsOption, Group, Mapping, Ray, Sources, Strict, Target
from didan.cli.output import Level, say, say_from, warn


def train(
    source: Sources,
    target: Target,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Model folder to write.", show_default=False)],
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="How to adapt: didan (implicit distribution alignment with balanced pseudo-labels), source-only "
            "(not at all), or any network that `didan benchmark` compares. (default: didan)",
            autocompletion=methods,
        ),
    ] = None,
    frontend: Annotated[
        str | None,
        typer.Option(
            "--frontend",
            help="Features: functionals, spectrogram, pretrained (with --set frontend.model=ID), or several "
            "joined by +. (default: functionals)",
            autocompletion=frontends,
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="YAML with any settings.")
    ] = None,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting, such as class_prior.neutral=0.4."),
    ] = None,
    emotions: Annotated[
        str | None,
        typer.Option("--emotions", metavar="A,B,...", help="Only these emotions. (default: all shared)"),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of everything random. (default: 0)")] = None,
    map: Mapping = None,
    cache: Cache = None,
    ray: Ray = None,
    group: Group = None,
    channels: ChannelsOption = Channels.mixed,
    include_source_features: Annotated[
        bool,
        typer.Option(
            "--include-source-features",
            help="Put the source's features into the model, so that it can be adapted without the source's "
            "recordings. Speech can be rebuilt from spectrograms: mind the corpus' licence.",
        ),
    ] = False,
    include_encoder: Annotated[
        bool,
        typer.Option(
            "--include-encoder",
            help="Copy the pretrained encoder into the model folder, so that it is complete. (default: it "
            "names the encoder, which is loaded when it is needed)",
        ),
    ] = False,
    strict: Strict = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a training that was interrupted.")] = False,
) -> None:
    """Train a recogniser on labelled speech and adapt it to recordings without labels.

    Recordings that cannot be read or are silent are named and left out. Where some cannot be read, the exit
    code is 2 though the model is written.
    """

    from didan.cli.damage import Damage
    from didan.corpora import Recordings, read_corpus, read_target
    from didan.corpora.emotions import counts_in_words, parse_mapping
    from didan.errors import UserError

    if channels is Channels.apart and not is_plain_folder(target):
        raise UserError("--channels split is for a --target that is a folder of recordings")
    first = "TORCHELASTIC_RUN_ID" not in os.environ or os.environ["RANK"] == "0"  # of those that torchrun started
    if not first:
        say_from(Level.error)
    mapping = parse_mapping(map or [])
    sources = [read_corpus(argument, mapping) for argument in source]
    damage = Damage(silent=not first)
    adapt_to = read_target(target, mapping, on_damaged=None if strict else damage)

    from didan.cli.progress import progress_bars
    from didan.model.account import account, without_effect
    from didan.model.config import make_config
    from didan.speech.utterances import find_utterances, split_channels
    from didan.training.adapt import FEW_UTTERANCES, few_utterances
    from didan.training.processes import joined
    from didan.training.train import train as fit
    from didan.training.workspace import Workspace, refuse_existing

    settings = make_config(method, frontend, seed, config, set or (), group=group)
    refuse_existing(out)
    adapt_to.grouped(settings.normalisation.group)  # a mistake should surface before recordings are read
    if isinstance(adapt_to, Recordings) and is_plain_folder(target):
        if channels is Channels.apart:
            adapt_to = split_channels(adapt_to)
        with progress_bars() as hook:
            adapt_to = find_utterances(adapt_to, hook, None if strict else damage)
    expected = [emotion.strip() for emotion in emotions.split(",")] if emotions else None
    labels = "no labels" if isinstance(adapt_to, Recordings) else "labels used to keep the shared emotions alone"
    sources_in_words = " + ".join(f"{corpus.name} ({len(corpus)} utterances)" for corpus in sources)
    say(
        f"method {settings.method}: {sources_in_words} -> "
        f"{adapt_to.name} ({len(adapt_to)} utterances, {labels}), "
        f"{settings.optimisation.steps} steps, seed {settings.seed}",
    )
    if idle := without_effect(settings):
        warn(idle)
    if isinstance(adapt_to, Recordings) and len(adapt_to) < FEW_UTTERANCES:
        warn(few_utterances(len(adapt_to)))
    try:
        with joined() as processes, progress_bars() as hook:
            model = fit(
                sources,
                adapt_to,
                config=settings,
                emotions=expected,
                out=out,
                resume=resume,
                include_source_features=include_source_features,
                include_encoder=include_encoder,
                cache=cache,
                ray=ray,
                progress=hook,
                on_damaged=None if strict else damage,
                processes=processes,
            )
    except KeyboardInterrupt:
        raise Workspace.interrupted(out) from None
    if not first:
        return
    for corpus, counts in model.record["left_out"].items():
        say(f"left out of {corpus}, since not all have them: {counts_in_words(counts)}")
    if isinstance(adapt_to, Recordings):
        for line in account(model):
            say(line)
    say(
        f"{out}: predicts {', '.join(model.emotions)}; trained in {model.record['seconds']:.0f} s.\n"
        f"How well? With labelled recordings like yours: didan evaluate {out} CORPUS",
    )
    damage.refuse()


def is_plain_folder(target: str) -> bool:
    """Whether the target is a folder: of recordings as they come, long ones too, and without labels to map."""
    return Path(target).expanduser().is_dir()
