"""What makes a network for spectrograms carry over from one corpus to another?

    python -m benchmarks.spectrogram --corpus emodb=/data/emodb --corpus casia=/data/casia \\
        --corpus ravdess=/data/ravdess --out results/spectrogram/records.jsonl

Every pair of corpora with the default network and with one thing changed at a time: where features are normalised,
what the layers begin as and whether they learn, what is pooled, dropout, and each augmentation. Figures are as
predicted. Records are appended; the same command continues where it was, ``--only NAME`` takes some variants and
``--task SOURCE:TARGET`` some pairs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise, permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from benchmarks.study import continue_study, parser, read_corpora
from didan.benchmark.record_fields import per_speaker
from didan.corpora import Corpus
from didan.evaluation import evaluate
from didan.features import FeatureSet, Moments, Normaliser
from didan.features.short_time import is_valid, moments_over_time
from didan.model.config import make_config
from didan.networks import Network
from didan.networks.cepstral import LEAST_VARIANCE, Cepstral
from didan.training.data import load_data
from didan.training.pair import hold_out
from didan.training.task import make_task
from didan.training.train import fit_model


class AllFrames(Cepstral):
    """Statistics over all frames alone."""

    def __init__(self, n_bands: int) -> None:
        super().__init__(n_bands)
        self.width //= 2

    def pooled(self, tracks: Tensor, features: Tensor, valid: Tensor) -> Tensor:
        """Mean and deviation, shape (n, width)."""
        _, mean, variance = moments_over_time(tracks, valid)
        return torch.cat([mean, (variance + LEAST_VARIANCE).sqrt()], dim=1)


class NoChanges(Cepstral):
    """The cosine transform without slopes and curvatures."""

    slopes = curvatures = ()


class ShortFilters(Cepstral):
    """Slopes and curvatures over at most 50 ms."""

    slopes, curvatures = (3, 5), (3, 5)


class LongFilters(Cepstral):
    """The same over up to 0.4 s."""

    slopes, curvatures = (3, 9, 21, 41), (5, 11, 21, 41)


class NoCosines(Cepstral):
    """Slopes and curvatures of bands instead of cepstral coefficients."""

    def __init__(self, n_bands: int) -> None:
        super().__init__(n_bands)
        self.cosines.weight.data = torch.eye(n_bands)


class Drawn(Cepstral):
    """The same layers with weights drawn at random."""

    def __init__(self, n_bands: int) -> None:
        super().__init__(n_bands)
        for weights in self.parameters():
            nn.init.normal_(weights, std=weights[0].numel() ** -0.5)


class Convolutions(nn.Module):
    """Convolutions over time and frequency as they are usually drawn, the network that stood here before."""

    rate, begins = 1.0, 0.0
    channels, strides = (1, 16, 32, 64, 96), ((4, 2), (2, 2), (2, 2), (1, 2))

    def __init__(self, n_bands: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride, padding=1)
            for (before, after), stride in zip(pairwise(self.channels), self.strides, strict=True)
        )
        for _, stride in self.strides:
            n_bands = (n_bands - 1) // stride + 1
        self.width = 2 * self.channels[-1] * n_bands

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """See :class:`didan.networks.Backbone`."""
        x = (features[:, None] + 50) / 20  # about -2 to 2
        for convolution, (stride, _) in zip(self.convolutions, self.strides, strict=True):
            x = torch.relu(convolution(x * is_valid(lengths, x.shape[2])[:, None, :, None]))
            lengths = (lengths - 1) // stride + 1
        _, mean, variance = moments_over_time(x.transpose(1, 2).flatten(2), is_valid(lengths, x.shape[2]))
        return torch.cat([mean, (variance + 1e-5).sqrt()], dim=1)


class Attentive(Cepstral):
    """Mean and deviation over frames that an attention weighs, learnt (Okabe, Koshinaka and Shinoda 2018)."""

    rate, begins = 1.0, 0.0

    def __init__(self, n_bands: int) -> None:
        super().__init__(n_bands)
        n_tracks = self.width // 4
        self.attention = nn.Sequential(nn.Linear(n_tracks, 64), nn.Tanh(), nn.Linear(64, 1))
        self.width //= 2

    def requires_grad_(self, requires_grad: bool = True) -> "Attentive":
        """The attention alone learns."""
        super().requires_grad_(False)
        self.attention.requires_grad_(requires_grad)
        return self

    def pooled(self, tracks: Tensor, features: Tensor, valid: Tensor) -> Tensor:
        """Mean and deviation, shape (n, width)."""
        scaled = nn.functional.layer_norm(tracks, tracks.shape[2:])
        weights = self.attention(scaled).masked_fill(~valid[:, :, None], -torch.inf).softmax(dim=1)
        mean = (weights * tracks).sum(dim=1)
        variance = (weights * (tracks - mean[:, None]).square()).sum(dim=1)
        return torch.cat([mean, (variance + LEAST_VARIANCE).sqrt()], dim=1)


@dataclass(frozen=True)
class Variant:
    """What is changed.

    Attributes:
        backbone: in place of the default one.
        settings: ``key=value``.
        group: what utterances are normalised together.
        frames: whether bands are normalised frame by frame, and vectors by domain alone, as it was before.
    """

    backbone: Callable[[int], nn.Module] | None = None
    settings: tuple[str, ...] = ()
    group: str = "speaker"
    frames: bool = False


def learnt(rate: float, *settings: str) -> Variant:
    """One whose layers learn."""
    return Variant(settings=(f"optimisation.backbone_rate={rate}", *settings))


def augmented(*settings: str) -> Variant:
    """One with augmentation."""
    return Variant(settings=tuple(f"augmentation.{setting}" for setting in settings))


EVERY = ("masks=1", "voice=0.1", "tempo=0.2", "microphone=4", "noise=0.5", "room=0.5")
VARIANTS = {
    "default": Variant(),
    "frames normalised, vectors by domain": Variant(frames=True),
    "vectors by domain": Variant(group="none"),
    "dropout 0.3": Variant(settings=("network.dropout=0.3",)),
    "250 steps": Variant(settings=("optimisation.steps=250",)),
    "statistics over all frames alone": Variant(AllFrames),
    "no slopes and curvatures": Variant(NoChanges),
    "filters of up to 50 ms": Variant(ShortFilters),
    "filters of up to 0.4 s": Variant(LongFilters),
    "no cosine transform": Variant(NoCosines),
    "drawn at random, fixed": Variant(Drawn),
    "masks": augmented("masks=1"),
    "gain": augmented("gain=6"),
    "voice": augmented("voice=0.1"),
    "tempo": augmented("tempo=0.2"),
    "speed": augmented("speed=0.1"),
    "microphone": augmented("microphone=4"),
    "band limit": augmented("band_limit=0.5"),
    "noise": augmented("noise=0.5"),
    "room": augmented("room=0.5"),
    "all augmentation": augmented(*EVERY),
    "attentive pooling": Variant(Attentive),
    "learnt at 0.01 of the rate": learnt(0.01),
    "learnt at 0.1 of the rate": learnt(0.1),
    "learnt at the full rate": learnt(1),
    "learnt at 0.1, crops of 2 s": learnt(0.1, "optimisation.crop=2"),
    "convolutions drawn at random, learnt": Variant(Convolutions),
}


def normalised_frames(features: FeatureSet) -> FeatureSet:
    """Bands normalised by group, in dB again, as if nothing were to be normalised by group any more."""
    of_all = Normaliser((Moments.pooled(one.domain[0] for one in features.normalisers),), 0).statistics()
    frames = [features[index] * of_all.std + of_all.mean for index in range(len(features))]
    domains = tuple(replace(domain, groups=[None] * len(domain.groups)) for domain in features.domains)
    return replace(features, raw=frames, domains=domains)


def measure(run: dict[str, Any], corpora: dict[str, Corpus], cache: Path) -> dict[str, Any]:
    """Train a variant and evaluate it as it predicts."""
    variant, target = VARIANTS[run["variant"]], corpora[run["target"]]
    config = make_config(
        run["method"], "spectrogram", run["seed"], assignments=variant.settings, group=variant.group
    )
    task = make_task([corpora[run["source"]]], target, None, group=variant.group)
    data = load_data(task, config, cache)
    held_out = hold_out(data.labels, config.optimisation.validation, config.seed)
    if variant.frames:
        data = replace(data, source=normalised_frames(data.source), target=normalised_frames(data.target))
    network = None
    if variant.backbone is not None:
        torch.manual_seed(config.seed)
        network = Network(variant.backbone(data.source.raw[0].shape[1]), len(task.emotions), 0.6, 1)
    model = fit_model(data, config, held_out, network=network)
    known = target.only(model.emotions).table
    if variant.frames:  # which prediction cannot do any more
        scores = model.network.run(data.target).scores.numpy()
        predicted = np.array(model.emotions)[scores.argmax(axis=1)]
        utterances = pd.DataFrame({"emotion": known["emotion"].to_numpy(), "predicted": predicted})
        right = utterances["emotion"] == utterances["predicted"]
        uar = float(right.groupby(utterances["emotion"]).mean().mean())
    else:
        evaluation = evaluate(model, target, cache=cache)
        utterances, uar = evaluation.utterances, evaluation.uar
    utterances = utterances.assign(speaker=known["speaker"])
    return {
        **run,
        "selection": model.record["selection"],
        "uar": uar,
        "speakers": per_speaker(utterances, model.emotions),
        "versions": model.record["versions"],
    }


def main() -> None:
    command = parser(__doc__, seeds=1)
    command.add_argument("--method", action="append", help="source-only if none is given")
    command.add_argument("--only", action="append", choices=VARIANTS)
    command.add_argument("--task", action="append", help="source:target; every pair if none is given")
    arguments = command.parse_args()
    corpora = read_corpora(arguments)
    every = product(
        range(arguments.seeds),
        arguments.only or VARIANTS,
        arguments.method or ["source-only"],
        [task.split(":") for task in arguments.task or ()] or permutations(corpora, 2),
    )
    runs = (
        {"variant": name, "source": source, "target": target, "method": method, "seed": seed}
        for seed, name, method, (source, target) in every
    )
    continue_study(arguments, runs, lambda run: measure(run, corpora, arguments.cache))


if __name__ == "__main__":
    main()
