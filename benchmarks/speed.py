"""What training costs beside the bare network, and what alignment costs of a step.

    python -m benchmarks.speed [--corpus emodb=PATH --target casia=PATH]

Everything is timed in one process and in turn, so that the ratios hold on a noisy machine. Without corpora on
disk the training is timed on synthetic ones of the size of EmoDB and CASIA.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from torch.nn.functional import one_hot

import didan
from benchmarks.pairs import clock_seconds
from didan.corpora import Corpus, Recordings
from didan.methods.didan import METHOD, DidanSettings
from didan.methods.method import MethodContext
from didan.model.config import make_config
from didan.networks import ScoreLink, build_network
from didan.synthesis import make_corpus, style

BATCH, FRAMES, BANDS, EMOTIONS = 64, 200, 64, 5
NAMES = ("anger", "fear", "happiness", "neutral", "sadness")


def step_parts(repeats: int = 30) -> tuple[float, float]:
    """Median seconds of the bare forward and backward pass, and of the alignment term, at batch 64.

    The alignment is timed together with its own backward pass to the features.
    """
    torch.manual_seed(0)
    network = build_network("spectrogram", BANDS, EMOTIONS, 0.3)
    labels = torch.arange(BATCH) % EMOTIONS
    link, prior = ScoreLink(), torch.full((EMOTIONS,), 1 / EMOTIONS)
    context = MethodContext(
        emotions=NAMES,
        widths=network.widths,
        link=link,
        class_prior=prior,
        source_domains=torch.zeros(BATCH, dtype=torch.long),
        n_target=BATCH,
    )
    term = METHOD.build(DidanSettings(), context)
    assert term is not None
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    features = torch.randn(2 * BATCH, FRAMES, BANDS)
    lengths = torch.full((2 * BATCH,), FRAMES)
    bare, aligning = [], []
    for repeat in range(repeats + 5):
        begun = time.perf_counter()
        (output,) = network.head(network.backbone(features, lengths))
        loss = link.fit(output.scores[:BATCH], one_hot(labels, output.scores.shape[1]))
        optimiser.zero_grad()
        loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        optimiser.step()
        middle = time.perf_counter()
        embedding = output.embeddings["fc1"].detach().requires_grad_()
        output.embeddings["fc1"] = embedding
        term(output[:BATCH], output[BATCH:], labels).loss.backward()  # type: ignore[no-untyped-call]
        end = time.perf_counter()
        if repeat >= 5:
            bare.append(middle - begun)
            aligning.append(end - middle)
    return median(bare), median(aligning)


def training(source: Corpus, target: Corpus | Recordings, cache: Path) -> tuple[float, float]:
    """Seconds of a training with default settings after its features are made, and of one of its steps."""
    didan.train(source, target, config=make_config(assignments=["optimisation.steps=1"]), cache=cache)
    whole = clock_seconds(lambda: didan.train(source, target, cache=cache))
    return whole, whole / make_config().optimisation.steps


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", metavar="NAME=PATH")
    parser.add_argument("--target", metavar="NAME=PATH")
    arguments = parser.parse_args()
    bare, aligning = step_parts()
    print(f"threads {torch.get_num_threads()}, batch {BATCH} + {BATCH} utterances of {FRAMES} frames")
    per_utterance = 1000 * bare / (2 * BATCH)
    print(f"bare forward, backward and update: {1000 * bare:.0f} ms, {per_utterance:.2f} ms per utterance")
    print(f"implicit alignment: {1000 * aligning:.1f} ms, {100 * aligning / bare:.1f} % on top of that")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.corpus and arguments.target:
            source, target = didan.read_corpus(arguments.corpus), didan.read_target(arguments.target)
        else:
            emotions = ("anger", "fear", "happiness", "neutral", "sadness")
            made = [
                make_corpus(
                    Path(folder) / name, style(name), n_speakers=n, n_per_emotion=each, emotions=emotions, seed=n
                )
                for name, n, each in (("alpha", 10, 8), ("beta", 4, 50))
            ]
            source, target = made[0], made[1]
        whole, step = training(source, target, Path(folder) / "cache")
    again, _ = step_parts()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"training {source.name} -> {target.name}: {whole:.0f} s (at most 240 wanted)")
    print(f"peak memory of this process: {memory:.2f} GB (below 2 wanted)")
    print(f"a step of it takes {step / median([bare, again]):.2f} times the bare passes")
    print(f"implicit alignment is {100 * aligning / step:.1f} % of a step of it (at most 5 wanted)")


if __name__ == "__main__":
    main()
