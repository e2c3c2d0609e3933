"""Every figure of speed on one page: all comparisons, in pairs, in one run.

    python -m benchmarks.all --record results/speed/record.json [--only NAME ...]

Work is measured by the time that a process has a processor, alternately with what it is compared with; the record
keeps the median ratio, the lowest and the highest. Speech is synthetic. ``--only`` measures some rows anew and
leaves the others of the record as they are. The page is made of the record by ``python -m results.table``.
"""

import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property, partial
from itertools import permutations, product
from pathlib import Path
from typing import Any

import librosa
import torch
from threadpoolctl import threadpool_limits
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.pairs import Ratio, clock_seconds, command_seconds, in_pairs, peak_rate, processor_seconds
from benchmarks.record import kept, record_parser
from benchmarks.small_model import EMOTIONS, make_small_model
from benchmarks.solvers import Lasso
from benchmarks.training import a_step, busy_process, didan_steps, on_threads, skada_steps, spectrogram_steps
from didan.audio import RATE, read_audio
from didan.corpora import Corpus, Recordings
from didan.extras import require
from didan.features import FrontendSettings, FunctionalsSettings, SpectrogramSettings, build_frontend, extract
from didan.features import extract_features as features_of
from didan.synthesis import between, make_corpus, style
from didan.typing import Samples

PAIRS = 5
ONE_MEMBER = ("network.members=1",)

Row = dict[str, Any]


def librosa_spectrogram(samples: Samples, settings: SpectrogramSettings) -> object:
    """The same spectrogram by librosa."""
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=RATE,
        n_fft=round(settings.window * RATE),
        hop_length=round(settings.hop * RATE),
        n_mels=settings.bands,
        fmin=settings.low,
        fmax=settings.high,
    )
    return librosa.power_to_db(power, top_db=settings.floor)


class Speed:
    """All comparisons, over the same files.

    Args:
        folder: for what is made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        corpus: Corpus = make_small_model(folder)
        self.recordings = corpus.unlabelled()
        self.files = [str(file) for file in self.recordings.table["file"]]
        self.clips = [read_audio(file) for file in self.files]
        self.rows: dict[str, Callable[[], Row]] = {
            "functionals": self.functionals,
            "functionals, files to store, two processes": self.two_processes,
            "log-mel": self.log_mel,
            "log-mel, from files into the store": self.log_mel_stored,
            "start, torch": lambda: self.start("model", 1.5),
            "start, exported": lambda: self.start("model.onnx", None),
            "step, DAN": lambda: self.rival("dan", "DAN"),
            "step, DeepCORAL": lambda: self.rival("deep-coral", "DeepCoral"),
            "step, DIDAN": lambda: self.step("didan", "source-only", 1.5),
            "step, DIDAN beside DAN": lambda: self.step("didan", "DAN", 1.0),
            "step, DAN beside source-only": lambda: self.step("dan", "source-only"),
            "step, MCC beside source-only": lambda: self.step("mcc", "source-only"),
            "step, five members at once": self.members,
            "step, spectrograms that a backbone learns from": self.share_of_alignment,
            "step, two threads beside a busy process": self.threads,
            "benchmark, three corpora": self.benchmark,
            **{
                f"IDA's lasso, batch {batch}, gap {gap:g}": partial(self.lasso, batch, gap)
                for batch, gap in product((64, 256), (1e-4, 1e-6))
            },
        }

    def functionals(self) -> Row:
        """Beside openSMILE, on samples in memory."""
        opensmile = require("opensmile", "functionals", "the comparison")
        smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
        )
        return self._features(
            FunctionalsSettings(),
            lambda: [smile.process_signal(clip, RATE) for clip in self.clips],
            "openSMILE, eGeMAPSv02",
            1 / 3,
        )

    @cached_property
    def many(self) -> Recordings:
        """Hundreds of files, for a store is opened once."""
        return make_corpus(
            self.folder / "many", style("alpha"), n_speakers=4, n_per_emotion=25, emotions=EMOTIONS, seed=1
        ).unlabelled()

    def two_processes(self) -> Row:
        """Beside one, by the clock, with enough files for a second process to be begun."""
        caches = iter(range(1000))
        corpus = make_corpus(
            self.folder / "more", style("alpha"), n_speakers=4, n_per_emotion=150, emotions=EMOTIONS, seed=2
        ).unlabelled()

        def on(workers: int) -> float:
            cache = self.folder / f"functionals-{next(caches)}"
            return clock_seconds(lambda: extract(corpus, FunctionalsSettings(), cache, workers=workers))

        return _row(in_pairs(partial(on, 2), partial(on, 1), PAIRS), "one process", 1 / 1.9)

    def log_mel(self) -> Row:
        """Beside librosa, on samples in memory."""
        settings = SpectrogramSettings()
        return self._features(
            settings, lambda: [librosa_spectrogram(clip, settings) for clip in self.clips], "librosa", None
        )

    def log_mel_stored(self) -> Row:
        """Beside librosa, which reads the same files and keeps nothing."""
        corpus = self.many
        settings, caches = SpectrogramSettings(), iter(range(1000))

        def ours() -> None:
            extract(corpus, settings, self.folder / f"store-{next(caches)}", workers=1)

        def other() -> None:
            for file in corpus.table["file"]:
                librosa_spectrogram(librosa.load(file, sr=RATE)[0], settings)

        return _row(
            in_pairs(partial(processor_seconds, ours), partial(processor_seconds, other), PAIRS), "librosa", 0.5
        )

    def start(self, model: str, wanted: float | None) -> Row:
        """A whole ``didan predict`` of one file beside ``import torch``."""
        predict = [sys.executable, "-m", "didan", "predict", str(self.folder / model), self.files[0]]
        alone = [sys.executable, "-c", "import torch"]
        ratio = in_pairs(partial(command_seconds, predict), partial(command_seconds, alone), PAIRS)
        return _row(ratio, "`import torch` alone", wanted)

    def rival(self, ours: str, theirs: str) -> Row:
        """One step beside skada's, of one network."""
        train, other = didan_steps(ours, ONE_MEMBER), skada_steps(theirs)
        return _row(in_pairs(partial(a_step, train), partial(a_step, other), PAIRS), f"skada's {theirs}", 0.3)

    def step(self, method: str, other: str, wanted: float | None = None) -> Row:
        """One step beside that of another method, both with their defaults."""
        train, bare = didan_steps(method), didan_steps(other.lower())
        return _row(in_pairs(partial(a_step, train), partial(a_step, bare), PAIRS), other, wanted)

    def members(self) -> Row:
        """One step of five networks side by side beside five steps of one."""
        members, one = (didan_steps("didan", (f"network.members={count}",)) for count in (5, 1))
        ratio = in_pairs(partial(a_step, members), lambda: 5 * a_step(one), PAIRS)
        return _row(ratio, "five steps of one", 1.0)

    def benchmark(self) -> Row:
        """One command beside training and evaluation of each run by itself, which make features of their own."""
        styles = {"alpha": style("alpha"), "beta": style("beta")}
        styles["gamma"] = between(styles["alpha"], styles["beta"], 0.5)
        corpora = []
        for seed, (name, speech) in enumerate(styles.items()):
            folder = self.folder / "three" / name
            make_corpus(folder, speech, n_speakers=4, n_per_emotion=5, emotions=EMOTIONS, seed=seed)
            corpora.append(str(folder / "corpus.csv"))
        chosen = [f"--method={method}" for method in ("source-only", "didan", "dan", "mcc")]

        def run(*arguments: str) -> None:
            subprocess.run([sys.executable, "-m", "didan", *arguments], check=True, capture_output=True)

        def ours() -> None:
            out, flags = self.folder / "benchmark", [f"--corpus={corpus}" for corpus in corpora]
            run("benchmark", *flags, *chosen, "--seeds=1", "--workers=1", f"--out={out}", f"--cache={out}-cache")

        def one_by_one() -> None:
            for number, ((source, target), method) in enumerate(product(permutations(corpora, 2), chosen)):
                out = self.folder / f"run-{number}"
                cache = f"--cache={out}-cache"
                run("train", f"--source={source}", f"--target={target}", method, f"--out={out}", cache)
                run("evaluate", str(out), target, cache)

        times = clock_seconds(ours), clock_seconds(one_by_one)
        ratio = times[0] / times[1]
        return _row(Ratio(ratio, ratio, ratio, times[0]), "its runs one by one", 1 / 3) | {"pairs": 1}

    def share_of_alignment(self) -> Row:
        """A step of DIDAN beside one that lacks implicit alignment and nothing else."""
        train, bare = spectrogram_steps("didan"), spectrogram_steps("source-only", ("pseudo_labels.weight=2",))
        ratio = in_pairs(partial(a_step, train), partial(a_step, bare), PAIRS)
        return _row(ratio, "the same without implicit alignment", 1.03)

    def lasso(self, batch: int, gap: float) -> Row:
        """The coefficients of one batch, under the penalty and at the gap of another solver."""
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what scikit-learn says of its convergence the gap says better
            return _row(Lasso(batch, 1024, gap).compare(PAIRS), "scikit-learn's Lasso", 0.02)

    def threads(self) -> Row:
        """By the clock, on two threads and on one, while another process is busy."""
        train = didan_steps("didan")
        with busy_process():
            ratio = in_pairs(partial(on_threads, train, 2), partial(on_threads, train, 1), PAIRS)
        return _row(ratio, "one thread", 2.2)

    def _features(
        self, settings: FrontendSettings, other: Callable[[], object], name: str, wanted: float | None
    ) -> Row:
        frontend = build_frontend(settings)

        def ours() -> None:
            for clip in self.clips:
                features_of(frontend, clip)

        with FlopCounterMode(display=False) as counter:
            ours()
        ratio = in_pairs(partial(processor_seconds, ours), partial(processor_seconds, other), PAIRS)
        at_least = counter.get_total_flops() / peak_rate()
        return _row(ratio, name, wanted) | {"limit": at_least / ratio.seconds}


def _row(ratio: Ratio, against: str, wanted: float | None) -> Row:
    return {"against": against, "wanted": wanted, **asdict(ratio)}


def main() -> None:
    parser = record_parser(__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="a row, and others if repeated")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    before: Path | None = arguments.record if arguments.only else None
    rows = json.loads(before.read_text())["rows"] if before and before.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        speed = Speed(Path(name))
        chosen = arguments.only or list(speed.rows)
        if unknown := set(chosen) - set(speed.rows):
            parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(speed.rows)}")
        for row in chosen:
            measured = {"pairs": PAIRS, **speed.rows[row]()}
            # Absolute times mean nothing elsewhere.
            rows[row] = {key: value for key, value in measured.items() if key != "seconds"}
            print(f"{row}: {measured['median']:.2f} [{measured['low']:.2f}, {measured['high']:.2f}]", flush=True)
    rows = {row: rows[row] for row in speed.rows if row in rows}
    kept({"rows": rows}, arguments.record, "opensmile", "librosa", "skada", "skorch")


if __name__ == "__main__":
    main()
