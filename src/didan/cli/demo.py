"""``didan demo``: see the method work, without any corpus."""

from pathlib import Path
from typing import Annotated

import typer

from didan.cli.output import print_table


def demo(
    audio: Annotated[
        Path | None,
        typer.Argument(metavar="AUDIO", help="A recording of yours to try the model on.", show_default=False),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for corpora, models and the report.")
    ] = Path("didan-demo"),
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Number of trainings of each method.")] = 3,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Steps of each training. (default: as didan train)")
    ] = None,
    speakers: Annotated[int, typer.Option("--speakers", min=2, help="Speakers in each corpus.")] = 8,
    utterances: Annotated[
        int, typer.Option("--utterances", min=1, help="Utterances of each speaker in each emotion.")
    ] = 6,
) -> None:
    """Make two synthetic corpora, adapt a recogniser from one to the other, and write a report.

    At the end the recogniser is tried on AUDIO.
    """
    from rich.table import Table

    from didan.audio import read_audio
    from didan.cli.progress import progress_bars
    from didan.demo import run_demo
    from didan.demo.report import write_report
    from didan.inference.predict import predict, utterances_in

    if audio is not None:
        read_audio(audio)  # what cannot be read should be said before the minutes of training

    with progress_bars() as hook:
        comparison = run_demo(
            out, n_seeds=seeds, n_speakers=speakers, n_per_emotion=utterances, steps=steps, progress=hook
        )
    report = out / "report.html"
    write_report(comparison, report)
    table = Table("method", "UAR %", "SD over seeds", title="recognising the target corpus (synthetic speech)")
    for method in comparison.evaluations:
        mean, deviation = comparison.uar(method)
        table.add_row(method, f"{mean:.1f}", f"{deviation:.1f}")
    print_table(table)
    print(f"report: {report.absolute()}")
    if audio is None:
        print(
            "next, your own recordings: didan adapt base FOLDER --out mine, or with a labelled corpus "
            "didan train --source NAME=PATH --target FOLDER --out mine"
        )
        return
    (prediction,) = predict(comparison.models["didan"][0], utterances_in([audio]))
    if prediction.probabilities is None:
        print(f"{audio}: no speech was found")
    else:
        shares = ", ".join(
            f"{e} {p:.2f}" for e, p in sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])
        )
        print(f"{audio}: {prediction.emotion}   ({shares})")
        print(
            "It was trained on synthetic speech, so this shows how it works and not how well: train on a real "
            "corpus, then `didan adapt` to your recordings.",
        )
