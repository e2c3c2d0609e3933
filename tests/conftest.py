"""What many tests share: two tiny synthetic corpora, and a cache that is not the user's."""

import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from didan.corpora import Corpus
from didan.model.config import make_config
from didan.model.trained import TrainedModel
from didan.synthesis import between, make_corpus, style
from models import untrained_model

EMOTIONS = ("anger", "neutral", "sadness")


SLOW = [
    "alignment/test_layer_adapted.py",
    "alignment/test_transport.py",
    "benchmark",
    "benchmarks",
    "cli",
    "evaluation/test_evaluate.py",
    "features/test_export_of_features.py",
    "features/test_extraction.py",
    "features/test_extraction_on_cluster.py",
    "inference",
    "model/test_hub.py",
    "model/test_shipped.py",
    "model/test_trained.py",
    "report/test_page.py",
    "selection/test_select.py",
    "service",
    "speech/test_segments.py",
    "synthesis",
    "training",
    "web",
    "test_api.py",
    "test_docker.py",
    "test_docs.py",
    "test_docstrings.py",
    "test_hostile.py",
    "test_killed.py",
    "test_packaging.py",
    "test_readme.py",
    "test_results.py",
    "test_sharing.py",
    "test_sklearn.py",
    "test_sklearn_checks.py",
]
"""What trains, exports, starts programs, imports every extra, solves many problems exactly, or listens to much
synthetic speech."""


def _is_slow(path: Path) -> bool:
    folder = Path(__file__).parent
    return bool({folder / name for name in SLOW} & {path, *path.parents})


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import what `make check` leaves out, which takes longer than a third of its tests."""
    return True if config.option.markexpr == "not slow" and _is_slow(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make check` leaves out."""
    for item in items:
        if _is_slow(item.path):
            item.add_marker(pytest.mark.slow)


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
def untrained(tiny_corpora: tuple[Corpus, Corpus], session_cache: Path) -> TrainedModel:
    """A recogniser with random weights for the target, which gives every emotion to some utterances."""
    config = make_config(frontend="spectrogram", assignments=["network.members=2"])
    return untrained_model(tiny_corpora, session_cache, config)
