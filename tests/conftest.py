"""What many tests share: two tiny synthetic corpora, and a cache that is not the user's."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

# Workers that compile librosa's functions for the first time must not write one cache: it can end broken, and then
# crashes whoever reads it. Numba looks at this when it is imported, so it comes before everything that does.
_COMPILED = Path(__file__).parents[1] / "build" / "numba" / os.environ.get("PYTEST_XDIST_WORKER", "alone")
os.environ["NUMBA_CACHE_DIR"] = str(_COMPILED)

from didan.corpora import Corpus
from didan.features import FeatureSet, extract, normalised
from didan.model.config import make_config
from didan.model.trained import Model, Reference
from didan.networks import build_network, network_outputs
from didan.synthesis import between, make_corpus, style

EMOTIONS = ("anger", "neutral", "sadness")


@pytest.fixture(scope="session")
def tiny_corpora(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, Corpus]:
    """A source and a shifted target: 3 speakers, 3 emotions, 4 short utterances of each."""
    folder = tmp_path_factory.mktemp("corpora")
    alpha = replace(style("alpha"), syllables=2.0, silence=0.05)
    beta = replace(between(style("alpha"), style("beta"), 0.5), name="gamma", syllables=2.0, silence=0.05)
    source, target = (
        make_corpus(folder / made.name, made, n_speakers=3, n_per_emotion=4, emotions=EMOTIONS, seed=seed)
        for seed, made in enumerate((alpha, beta))
    )
    return source, target


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features computed once for all tests of a session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests that name no cache away from the user's."""
    monkeypatch.setenv("DIDAN_CACHE", str(tmp_path / "default-cache"))


@pytest.fixture
def source(tiny_corpora: tuple[Corpus, Corpus]) -> Corpus:
    """The labelled source."""
    return tiny_corpora[0]


@pytest.fixture
def target(tiny_corpora: tuple[Corpus, Corpus]) -> Corpus:
    """The target, with labels for evaluation."""
    return tiny_corpora[1]


@pytest.fixture
def small_disk() -> Callable[[int], AbstractContextManager[None]]:
    """While it lasts, no file can grow beyond so many bytes, which the system reports as it does a full disk."""

    @contextmanager
    def limit(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit


@pytest.fixture(scope="session")
def untrained(tiny_corpora: tuple[Corpus, Corpus], session_cache: Path) -> Model:
    """A recogniser with random weights for the target, which gives every emotion to some utterances."""
    config = make_config(frontend="spectrogram", assignments=["normalisation=corpus"])

    def features(corpus: Corpus) -> FeatureSet:
        extracted = extract(corpus.unlabelled(), config.frontend, session_cache)
        return normalised(corpus.unlabelled(), extracted.files, extracted.contents, "corpus")

    source, target = map(features, tiny_corpora)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        network = build_network("compact", 64, len(EMOTIONS), 0.3)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):  # as after some training: no two are alike
                torch.nn.init.normal_(module.get_buffer("running_mean"), std=0.1)
                torch.nn.init.uniform_(module.weight, 0.5, 1.5)
        scores = network_outputs(network, target, target.lengths()).scores
        spread = 3 * scores.std(dim=0)
        network.get_parameter("head.output.weight").div_(spread[:, None])
        network.get_parameter("head.output.bias").sub_(scores.mean(dim=0)).div_(spread).add_(1 / 3)
    table = tiny_corpora[0].table.assign(
        corpus="alpha", digest=source.contents["file"], audio=source.contents["audio"], validation=False, source=0
    )
    columns = ["file", "start", "end", "corpus", "speaker", "emotion", "source", "digest", "audio", "validation"]
    return Model(
        config,
        EMOTIONS,
        network.eval(),
        target.overall(),
        Reference(table[columns], network_outputs(network, source, source.lengths()).embeddings),
        0.2,
        pd.DataFrame({"step": [1, 2], "fit": [0.5, 0.25]}),
        {
            "sources": ["alpha"],
            "target": "gamma",
            "selection": "none, it is untrained",
            "leakage": {"shared_speakers": [], "labels_read": {"training": "none"}, "identical_files": []},
        },
    )
