"""What an hour of speech costs: processor and disk, from audio files to features in the store.

    python -m benchmarks.hours [--model DIR] [--record results/hours/record.json]

Speech is synthetic, in 16-bit WAV files of some seconds each; decoding, features and the store are timed together,
on one thread, by the time that the process had a processor. ``--model`` adds the hidden states of a pretrained
encoder. The page on planning multiplies.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import soundfile
import torch

from benchmarks.pairs import processor_seconds
from benchmarks.record import kept, record_parser
from didan.features import FrontendSettings, FunctionalsSettings, PretrainedSettings, SpectrogramSettings, extract
from didan.synthesis import make_corpus, style

ROUNDS = 3


def main() -> None:
    parser = record_parser(__doc__)
    parser.add_argument("--model", help="a pretrained encoder, as --set frontend.model takes it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    kinds: dict[str, FrontendSettings] = {
        "functionals": FunctionalsSettings(),
        "spectrogram": SpectrogramSettings(),
    }
    if arguments.model:
        kinds[Path(arguments.model).name] = PretrainedSettings(model=arguments.model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = make_corpus(
            folder / "speech", style("alpha"), n_speakers=4, n_per_emotion=8, emotions=("anger", "neutral"), seed=0
        ).unlabelled()
        hours = sum(soundfile.info(file).duration for file in corpus.table["file"]) / 3600
        rows: dict[str, Any] = {}
        for kind, settings in kinds.items():
            caches = [folder / f"{kind}-{round_}" for round_ in range(ROUNDS)]
            times = [processor_seconds(partial(extract, corpus, settings, cache, workers=1)) for cache in caches]
            stored = sum(file.stat().st_size for file in caches[0].rglob("*.f32"))
            rows[kind] = {"seconds": min(times) / hours, "bytes": stored / hours}
            print(
                f"{kind}, an hour: {rows[kind]['seconds']:.0f} s, {rows[kind]['bytes'] / 1e6:.2f} MB", flush=True
            )
    kept({"an_hour": rows, "utterance": 3600 * hours / len(corpus)}, arguments.record)


if __name__ == "__main__":
    main()
