"""What is damaged, and the reader that it is given to: one kind after the other."""

import functools
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from didan.errors import UserError
from didan.model.find import SHIPPED

SEEDS = Path(__file__).with_name("seeds")
"""Small whole files, made by :mod:`benchmarks.fuzz.make_seeds`."""

_TEXT = {".csv", ".tsv", ".yaml", ".json", ".md", ".txt"}


@dataclass(frozen=True)
class Kind:
    """Files of one kind.

    Attributes:
        seeds: each a file, or a folder of which one file is damaged.
        read: reads the file or folder, and uses what is in it as a command does.
        share: how many of a hundred cases are of this kind.
    """

    seeds: tuple[Path, ...]
    read: Callable[[Path], None]
    share: int


def is_text(file: Path) -> bool:
    """Whether a file's words can be damaged."""
    return file.suffix in _TEXT


def _seeds(folder: str) -> tuple[Path, ...]:
    return tuple(sorted((SEEDS / folder).iterdir()))


def _audio(file: Path) -> None:
    from didan.audio import audio_info, stream_audio

    info = audio_info(file, 600)
    for _ in stream_audio(file):
        pass
    for _ in stream_audio(file, 0.05, 0.2, channel=info.channels):
        pass


def _table(file: Path) -> None:
    from didan.corpora.loading import read_target

    shutil.copyfile(SEEDS / "audio" / "pcm.wav", file.parent / "a.wav")
    read_target(str(file)).grouped("speaker")


def _audformat(folder: Path) -> None:
    from didan.corpora.loading import read_target

    read_target(str(folder)).grouped("speaker")


def _config(file: Path) -> None:
    from didan.model.config import make_config

    make_config(file=file)
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines()[:5]:
        with suppress(UserError):
            make_config(assignments=[line.strip().replace(": ", "=", 1)])


def _model(folder: Path) -> None:
    import didan
    from didan.model.find import summary

    summary(folder)
    didan.load(folder).predict(SEEDS / "audio" / "pcm.wav")


def _onnx(file: Path) -> None:
    from didan.inference.onnx import OnnxRecogniser
    from didan.inference.predict import predict, utterance_alone

    recogniser = OnnxRecogniser(file, threads=1)
    list(predict(recogniser, utterance_alone(recogniser, SEEDS / "audio" / "pcm.wav")))


def _encoder(folder: Path) -> None:
    from didan.audio import read_audio
    from didan.features import PretrainedSettings, found
    from didan.features.frontend import cached_frontend, extract_features

    settings = found(PretrainedSettings(model=str(folder)))
    extract_features(cached_frontend(settings), read_audio(SEEDS / "audio" / "pcm.wav"))


def _records(folder: Path) -> None:
    from didan.records import read_failures, read_records

    read_failures(folder)
    read_records(folder)


@functools.cache
def kinds() -> dict[str, Kind]:
    """All of them, by name."""
    return {
        "audio": Kind(_seeds("audio"), _audio, 50),
        "table": Kind(_seeds("tables"), _table, 12),
        "config": Kind(_seeds("configs"), _config, 8),
        "audformat": Kind(_seeds("audformat"), _audformat, 6),
        "model": Kind(tuple(SHIPPED.values()), _model, 8),
        "onnx": Kind(_seeds("onnx"), _onnx, 6),
        "encoder": Kind(_seeds("encoders"), _encoder, 6),
        "records": Kind(_seeds("records"), _records, 4),
    }
