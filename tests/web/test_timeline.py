import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from didan.audio import RATE, read_audio
from didan.corpora import Corpus
from didan.inference.predict import Prediction
from didan.typing import Samples
from didan.web.timeline import plot_timeline

EMOTIONS = ("anger", "sadness")


def windows(seconds: float, emotion: str | None) -> list[Prediction]:
    probabilities = {one: float(one == emotion) for one in EMOTIONS} if emotion else None
    return [
        Prediction(
            row=0, file="a.wav", start=t, end=t + 1, speech=0.9, emotion=emotion, probabilities=probabilities
        )
        for t in np.arange(0, seconds - 0.99, 0.5)
    ]


@pytest.fixture
def speech(target: Corpus) -> Samples:
    return np.concatenate([read_audio(file) for file in target.table["file"][:4]])


def test_only_what_is_spoken_is_coloured(speech: Samples) -> None:
    silence = np.zeros(3 * RATE, dtype=np.float32)
    samples = np.concatenate([silence, speech, silence])
    figure = plot_timeline(samples, windows(len(samples) / RATE, "anger"), EMOTIONS)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    image = np.asarray(canvas.buffer_rgba())[:, :, :3].astype(int)  # type: ignore[no-untyped-call]
    bottom = figure.axes[1]
    row = image.shape[0] - round(bottom.transData.transform((0, 0.5))[1])

    def colour(second: float) -> list[int]:
        return list(image[row, round(bottom.transData.transform((second, 0.5))[0])])

    white = [255, 255, 255]
    assert colour(1.5) == white
    assert colour(len(samples) / RATE - 1.5) == white
    spoken = [colour(second) for second in np.linspace(3.3, 2.7 + len(speech) / RATE, 20)]
    assert sum(one != white for one in spoken) > 15
    assert len({tuple(one) for one in spoken if one != white}) == 1  # one emotion, one colour


def test_nothing_is_coloured_without_an_emotion(speech: Samples) -> None:
    figure = plot_timeline(speech, windows(len(speech) / RATE, None), EMOTIONS)
    heights = [
        np.asarray(path.vertices)[:, 1].max() for area in figure.axes[1].collections for path in area.get_paths()
    ]
    assert max(heights) == 0
