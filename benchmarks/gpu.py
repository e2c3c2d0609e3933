"""What a GPU saves: training steps and an encoder's hidden states on it and on all processors beside it.

    python -m benchmarks.gpu --record results/speed/gpu.json

Two processes take turns, one of which sees the GPU; time is by the clock. The encoder has the shape of Whisper
small and random weights. Rows of the GPU alone say what alignment costs there, and what
it costs that training repeats.
"""

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.pairs import Ratio, clock_seconds, in_pairs
from benchmarks.record import Record, kept, record_parser
from benchmarks.training import EMOTIONS, LONG, a_step, didan_steps, spectrogram_steps
from didan.audio import RATE
from didan.corpora import Recordings
from didan.extras import require
from didan.features import PretrainedSettings, extract
from didan.features.frontend import cached_frontend, extract_batch
from didan.hardware import deterministic
from didan.synthesis import make_corpus, style

PAIRS = 3
FAR = 160
"""Steps of the long training on a GPU, where they are short beside everything else."""

_caches = count()


def step(steps_of: Callable[..., Callable[[int], object]], method: str, *settings: str) -> float:
    """Seconds of a training step of a method, where this process computes."""
    train = partial(_repeatable, steps_of(method, settings))
    return a_step(train, clock_seconds, FAR if torch.cuda.is_available() else LONG)


def varying_step(steps_of: Callable[..., Callable[[int], object]], method: str) -> float:
    """The same with whichever operations torch takes for the fastest."""
    return a_step(steps_of(method), clock_seconds, FAR)


def _repeatable(train: Callable[[int], object], steps: int) -> None:
    with deterministic():
        train(steps)


def hidden_states(recordings: Recordings, encoder: str, folder: Path) -> float:
    """Seconds of the features of recordings, from their files into a new store."""
    cache = folder / f"{os.getpid()}-{next(_caches)}"
    return clock_seconds(lambda: extract(recordings, PretrainedSettings(model=encoder), cache))


def share_of_limit(encoder: str, batch: int = 16, seconds: float = 10) -> float:
    """What the encoder's operations alone would take in large products of half precision, of what they take."""
    frontend = cached_frontend(PretrainedSettings(model=encoder).found())
    clips = list(torch.randn(batch, int(seconds * RATE)).mul(0.1).numpy())
    with FlopCounterMode(display=False) as counter:
        extract_batch(frontend, clips)
    one, other = torch.rand(2, 8192, 8192, device="cuda", dtype=torch.float16)

    def product() -> None:
        for _ in range(10):
            one @ other
        torch.cuda.synchronize()

    rate = 10 * 2 * len(one) ** 3 / min(clock_seconds(product) for _ in range(3))
    taken = min(clock_seconds(lambda: extract_batch(frontend, clips)) for _ in range(3))
    return float(counter.get_total_flops() / rate / taken)


def write_encoder(folder: Path) -> str:
    """An encoder of the shape of Whisper small, with random weights."""
    transformers = require("transformers", "pretrained", "the encoder")
    shape = {"d_model": 768, "encoder_layers": 12, "encoder_attention_heads": 12, "encoder_ffn_dim": 3072}
    config = transformers.WhisperConfig(**shape, decoder_layers=1, decoder_attention_heads=12, vocab_size=51865)
    transformers.WhisperModel(config).save_pretrained(folder)
    return str(folder)


def _process(gpu: bool) -> ProcessPoolExecutor:
    """A process that sees a GPU or does not, which is decided before it imports torch."""
    before = dict(os.environ)
    try:
        if not gpu:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        process = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        if process.submit(torch.cuda.is_available).result() != gpu:
            raise SystemExit("this needs a GPU")
    finally:
        os.environ.clear()
        os.environ.update(before)
    return process


def main() -> None:
    arguments = record_parser(__doc__).parse_args()
    rows: dict[str, Record] = {}

    def add(name: str, against: str, ratio: Ratio, **others: object) -> None:
        rows[name] = {"against": against, "wanted": None, **asdict(ratio), "pairs": PAIRS, **others}
        del rows[name]["seconds"]  # absolute times mean nothing elsewhere
        print(f"{name}: {ratio.median:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]", flush=True)

    with tempfile.TemporaryDirectory() as name, _process(gpu=True) as gpu, _process(gpu=False) as processors:
        folder = Path(name)
        encoder = write_encoder(folder / "encoder")
        recordings = make_corpus(
            folder / "speech", style("alpha"), n_speakers=4, n_per_emotion=20, emotions=EMOTIONS, seed=0
        ).unlabelled()

        def on(process: ProcessPoolExecutor, work: Callable[..., float], *values: object) -> Callable[[], float]:
            return lambda: process.submit(work, *values).result()

        beside_processors: list[tuple[str, Callable[..., float], tuple[object, ...]]] = [
            ("step, DIDAN on functionals", step, (didan_steps, "didan")),
            ("step, DIDAN on spectrograms that a backbone learns from", step, (spectrogram_steps, "didan")),
            ("hidden states, files to store", hidden_states, (recordings, encoder, folder)),
        ]
        for row, work, values in beside_processors:
            ratio = in_pairs(on(gpu, work, *values), on(processors, work, *values), PAIRS)
            limit = {"limit": on(gpu, share_of_limit, encoder)()} if work is hidden_states else {}
            add(row, "all processors", ratio, **limit)
        on_gpu: list[tuple[str, str, Callable[..., float], tuple[object, ...]]] = [
            ("step, DIDAN", "source-only", step, (didan_steps, "source-only")),
            ("step, DIDAN beside DAN", "DAN", step, (didan_steps, "dan")),
            ("step, DIDAN that repeats", "the fastest operations", varying_step, (didan_steps, "didan")),
        ]
        for row, other, work, values in on_gpu:
            add(
                row,
                f"{other}, on the GPU",
                in_pairs(on(gpu, step, didan_steps, "didan"), on(gpu, work, *values), PAIRS),
            )
        bare = ("source-only", "pseudo_labels.weight=2")
        ratio = in_pairs(on(gpu, step, spectrogram_steps, "didan"), on(gpu, step, spectrogram_steps, *bare), PAIRS)
        add(
            "step, spectrograms that a backbone learns from",
            "the same without implicit alignment, on the GPU",
            ratio,
        )
    kept({"rows": rows, "processors": os.cpu_count()}, arguments.record, "transformers")


if __name__ == "__main__":
    main()
