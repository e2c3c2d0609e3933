"""The page, and the interface for programs behind it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd
from fastapi import FastAPI
from matplotlib.figure import Figure

from didan.audio import RATE, audio_info, read_audio
from didan.errors import UserError
from didan.inference.explain import explain
from didan.inference.predict import MIN_WINDOW, predict, utterance_alone
from didan.inference.recogniser import caution
from didan.model.trained import TrainedModel
from didan.service.limits import Limits
from didan.service.uploads import without_place
from didan.web.timeline import plot_timeline

EXAMPLES = 3
"""How many source utterances can be played."""

_WINDOW, _HOP = 2.0, 0.25
_WIDTHS = {"wide": 10.0, "narrow": 4.5}
_CSS = """
@media (max-width: 640px) {
    .wide {display: none !important}
    #why [role=grid] * {font-size: 0.7rem; letter-spacing: -0.03em}
}
@media (min-width: 641px) {.narrow {display: none !important}}
"""
"""On a phone the timeline is drawn for it, since one that is scaled down cannot be read."""

_COLUMNS = ("weight", "emotion", "corpus", "speaker", "file")
_CAUTION = (
    "didan reports how speech sounds, not what a person feels. Do not judge anybody by it. Recordings stay on the "
    "machine that serves this page and are deleted within about an hour."
)


def build_page(models: Mapping[str, TrainedModel], limits: Limits) -> gr.Blocks:
    """The page for some models.

    Args:
        models: by the name to choose them by, at least one.
        limits: what it takes.
    """

    def checked(audio: str | None, name: str) -> tuple[Path, TrainedModel]:
        if audio is None:
            raise gr.Error("Upload or record something first.")
        file = Path(audio)
        try:
            seconds = audio_info(file, limits.seconds).seconds
        except UserError as error:
            raise gr.Error(_about(error, file)) from None
        if seconds > limits.seconds:
            raise gr.Error(f"The recording lasts more than the {limits.seconds:g} s that are taken.")
        return file, models[name]

    def predict_emotions(
        audio: str | None, name: str, window: float | None, hop: float | None
    ) -> list[dict[str, Any]]:
        file, model = checked(audio, name)
        try:
            alone = utterance_alone(model, file)
            predictions = [one.to_dict() for one in predict(model, alone, window=window or None, hop=hop or None)]
        except UserError as error:
            raise gr.Error(_about(error, file)) from None
        return [{key: value for key, value in one.items() if key != "file"} for one in predictions]

    def show(audio: str | None, name: str) -> list[Any]:
        file, model = checked(audio, name)
        try:
            (whole,) = predict(model, utterance_alone(model, file))
            if whole.probabilities is None:
                nothing = [None] * (2 + len(_WIDTHS))
                return ["### No speech was found.", *nothing, *[gr.Audio(visible=False)] * EXAMPLES]
            return [
                f"### {whole.emotion}",
                whole.probabilities,
                *_timelines(model, file, whole.end),
                *_why(model, file),
            ]
        except UserError as error:
            raise gr.Error(_about(error, file)) from None

    # Uploads and plots are looked for every ten minutes, and deleted once they are an hour old.
    page = gr.Blocks(analytics_enabled=False, title="didan", delete_cache=(600, 3600))
    with page:
        gr.Markdown(f"# didan\nThe emotion of speech. {_CAUTION}")
        for one, model in models.items():
            if remark := caution(model, one):
                gr.Markdown(f"**Note:** {remark}", elem_classes="caution")
        with gr.Row():
            with gr.Column():
                audio = gr.Audio(
                    sources=["upload", "microphone"],
                    type="filepath",
                    label="recording",
                    editable=False,
                    buttons=["download"],
                )
                names = list(models)
                name = gr.Dropdown(names, value=names[0], label="model", visible=len(names) > 1)
                button = gr.Button("Predict", variant="primary", elem_id="predict")
            with gr.Column():
                verdict = gr.Markdown("### ", elem_id="verdict")
                bars = gr.Label(label="probabilities", show_heading=False, elem_id="bars")
        timelines = [
            gr.Plot(label="timeline", show_label=False, elem_id=f"timeline-{kind}", elem_classes=kind)
            for kind in _WIDTHS
        ]
        gr.Markdown("**What it resembles:** the source utterances of which the network sees it as a mixture")
        why = gr.Dataframe(headers=list(_COLUMNS), interactive=False, label="explanation", elem_id="why")
        with gr.Row():
            players = [
                gr.Audio(visible=False, interactive=False, type="numpy", buttons=["download"])
                for _ in range(EXAMPLES)
            ]
        button.click(
            show,
            [audio, name],
            [verdict, bars, *timelines, why, *players],
            api_visibility="private",
            concurrency_limit=1,
        )
        # For programs: the same recogniser, its answer as JSON.
        answer, seconds, hop = gr.JSON(visible=False), gr.Number(visible=False), gr.Number(visible=False)
        gr.Button(visible=False).click(
            predict_emotions, [audio, name, seconds, hop], answer, api_name="predict", concurrency_limit=1
        )
    return page


def mount_page(app: FastAPI, models: Mapping[str, TrainedModel], limits: Limits) -> None:
    """Show the page at the root of an application, beside what it answers already.

    Nothing is loaded from elsewhere, nothing is reported to anybody, and of the files on this machine only those
    that were uploaded can be read back; example recordings are sent as sound and not by path.

    Args:
        app: see :func:`didan.service.app.build_app`.
        models: see :func:`build_page`.
        limits: see :func:`build_page`.
    """
    page = build_page(models, limits)
    # Gradio refuses to read files that were not uploaded only where it takes the page to be launched.
    page.has_launched = True
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        max_file_size=limits.bytes,
        ssr_mode=False,
        pwa=False,
        enable_monitoring=False,
        show_error=False,
        footer_links=["api"],
        css=_CSS,
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
    )


def _about(error: UserError, file: Path) -> str:
    """The reason without where the upload lies on this machine."""
    return without_place(error, file, "The recording").replace(": ", " ", 1)


def _timelines(model: TrainedModel, file: Path, seconds: float) -> list[Figure]:
    """A timeline of each width."""
    window = max(min(_WINDOW, seconds), MIN_WINDOW)
    windows = list(predict(model, utterance_alone(model, file), window=window, hop=min(_HOP, window)))
    samples = read_audio(file)
    return [plot_timeline(samples, windows, model.emotions, width) for width in _WIDTHS.values()]


def _why(model: TrainedModel, file: Path) -> list[Any]:
    """The explanation as a table, and as many of its utterances as can be played."""
    examples = explain(model, file).examples
    table = pd.DataFrame(
        {
            "weight": [f"{weight:.2f}" for weight in examples["weight"]],
            "emotion": examples["emotion"],
            "corpus": examples["corpus"],
            "speaker": examples["speaker"].fillna("").astype(str),
            "file": [Path(str(name)).name for name in examples["file"]],
        }
    )
    players: list[Any] = []
    for row in examples.head(EXAMPLES).itertuples():
        try:
            samples = read_audio(str(row.file), float(row.start), float(row.end))  # type: ignore[arg-type]
        except UserError:  # not here: the model has come without its corpus
            continue
        label = f"{row.emotion}, weight {row.weight:.2f}"
        players.append(gr.Audio((RATE, (samples * 32767).astype("int16")), label=label, visible=True))
    return [table, *players, *[gr.Audio(None, visible=False)] * (EXAMPLES - len(players))]
