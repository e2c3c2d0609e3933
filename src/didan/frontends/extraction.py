"""Computing the features of many recordings: in parallel, once, and again from where it stopped."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from didan.audio import read_audio
from didan.corpora import Recordings
from didan.errors import AudioError
from didan.frontends.frontend import Frontend, FrontendSettings, build_frontend
from didan.frontends.store import FeatureStore

Progress = Callable[[int, int], None]
"""A hook told how many of how many are done."""


@dataclass(frozen=True)
class Extracted:
    """Where the features of each utterance lie, and the digests of its file: columns ``file``, ``audio``."""

    files: list[Path]
    contents: pd.DataFrame


def extract(
    recordings: Recordings,
    settings: FrontendSettings,
    cache: Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Extracted:
    """Make sure that the features of every utterance are in the store.

    Args:
        recordings: the utterances.
        settings: of the frontend.
        cache: folder of the store.
        workers: threads; as many as there are processors if None.
        progress: called after every utterance.

    Returns:
        One stored file per utterance, in order.

    Raises:
        AudioError: recordings that cannot be read: how many, and the first with its reason.
        UserError: the store cannot be written.
    """
    store = FeatureStore(cache, settings)
    frontend = build_frontend(settings)
    table = recordings.table
    utterances = list(zip(table["file"], table["start"], table["end"], strict=True))
    found: dict[int, tuple[Path, str, str | None]] = {}
    damaged: list[str] = []
    executor = ThreadPoolExecutor(workers or _processors())
    try:
        futures = {
            executor.submit(_extract_one, store, frontend, Path(file), start, end): index
            for index, (file, start, end) in enumerate(utterances)
        }
        for done, future in enumerate(as_completed(futures), start=1):
            try:
                found[futures[future]] = future.result()
            except AudioError as error:
                damaged.append(str(error))
            if progress:
                progress(done, len(utterances))
    finally:
        # After an error or Ctrl-C, what has not begun is not begun any more.
        executor.shutdown(cancel_futures=True)
    if damaged:
        more = f" (and {len(damaged) - 1} more of {len(utterances)} recordings)" if len(damaged) > 1 else ""
        raise AudioError(f"{min(damaged)}{more}")
    rows = [found[index] for index in range(len(utterances))]
    return Extracted(
        [path for path, _, _ in rows],
        pd.DataFrame([(file, audio) for _, file, audio in rows], columns=["file", "audio"]),
    )


def _processors() -> int:
    """How many processors this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _extract_one(
    store: FeatureStore, frontend: Frontend, file: Path, start: float, end: float
) -> tuple[Path, str, str | None]:
    contents = store.contents(file, start, end)
    path = store.path(contents.file, start, end)
    if path.exists() and contents.audio:
        return path, contents.file, contents.audio
    samples = read_audio(file, start, end)
    with torch.inference_mode():
        features = frontend(torch.from_numpy(samples))
    store.write(path, features.numpy())
    store.remember_audio(contents.file, start, end, samples)
    return path, contents.file, store.contents(file, start, end).audio
