"""A task: learn from labelled sources, carry over to an unlabelled target."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from didan.corpora.corpus import Corpus, Recordings
from didan.corpora.emotions import counts_in_words, emotion_counts
from didan.corpora.leakage import Leakage, shared_speakers
from didan.errors import DidanWarning, UserError, suggest

_MIN_PER_EMOTION = 2
_MIN_TARGET = 2


@dataclass(frozen=True)
class Task:
    """Sources and target cut to the emotions that take part, the target without its labels."""

    sources: tuple[Corpus, ...]
    target: Recordings
    emotions: tuple[str, ...]
    leakage: Leakage

    def __post_init__(self) -> None:
        """Refuse what is too little to learn from.

        Raises:
            UserError: an emotion has one source utterance only, or the target has one recording only.
        """
        _refuse_too_few(self.sources, self.target, self.emotions)

    @property
    def source_table(self) -> pd.DataFrame:
        """All source utterances, with a ``corpus`` column."""
        return pd.concat([c.table.assign(corpus=c.name) for c in self.sources], ignore_index=True)


def make_task(
    sources: Sequence[Corpus],
    target: Corpus | Recordings,
    emotions: Sequence[str] | None = None,
    *,
    group: str = "speaker",
) -> Task:
    """Cut sources and target to the emotions they share, and take the target's labels away.

    An emotion takes part if any source and the target have it; with an unlabelled target, if any source has it.
    This selection is the one use of target labels outside evaluation, customary in the field, and is recorded.

    Args:
        sources: one or more labelled corpora.
        target: a corpus, whose labels go no further than here, or unlabelled recordings.
        emotions: fewer emotions than shared, if wanted.
        group: what utterances are normalised together, see :meth:`didan.corpora.Corpus.grouped`; a source without
            such a column is grouped by speaker.

    Raises:
        UserError: fewer than two emotions are shared, an emotion has one source utterance only, or the target
            has one recording only.
    """
    available = sorted({emotion for corpus in sources for emotion in corpus.emotions})
    labelled = isinstance(target, Corpus)
    shared = [e for e in available if e in target.emotions] if isinstance(target, Corpus) else available
    if emotions is not None:
        for emotion in emotions:
            if emotion not in shared:
                raise UserError(f"emotion {emotion!r} is not among the shared ones: {suggest(emotion, shared)}")
        shared = [e for e in shared if e in emotions]
    if len(shared) < 2:
        has = f"; {target.name} has {', '.join(target.emotions)}" if isinstance(target, Corpus) else ""
        common = f"only {shared[0]}" if shared else "no emotion"
        names = " + ".join(corpus.name for corpus in sources)
        raise UserError(
            f"source and target share {common}, at least two are needed ({names} has {', '.join(available)}{has})"
        )
    kept = tuple(shared)
    cut = tuple(
        corpus.only(kept).grouped(group, or_speaker=True) for corpus in sources if set(corpus.emotions) & set(kept)
    )
    for corpus in (*sources, *([target] if isinstance(target, Corpus) else [])):
        _note_left_out(corpus, kept)
    grouped = target.grouped(group)
    recordings = (grouped.only(kept) if isinstance(grouped, Corpus) else grouped).unlabelled()
    read = {
        "training": "source labels",
        "task": "target labels, to keep the shared emotions" if labelled else "none, the target has no labels",
    }
    in_both = sorted(
        {
            s
            for corpus in cut
            for s in shared_speakers(
                corpus.name, corpus.table["speaker"], recordings.name, recordings.table["speaker"]
            )
        }
    )
    return Task(cut, recordings, kept, Leakage(in_both, read))


def _note_left_out(corpus: Corpus, kept: Sequence[str]) -> None:
    emotions = corpus.table["emotion"]
    left_out = emotion_counts(emotions[~emotions.isin(kept)])
    if left_out:
        warnings.warn(
            f"{corpus.name}: emotions that take no part: {counts_in_words(left_out)} utterances",
            DidanWarning,
            stacklevel=3,
        )


def _refuse_too_few(sources: Sequence[Corpus], target: Recordings, emotions: Sequence[str]) -> None:
    counts = pd.concat([corpus.table["emotion"] for corpus in sources]).value_counts()
    for emotion in emotions:
        if (count := counts.get(emotion, 0)) < _MIN_PER_EMOTION:
            raise UserError(
                f"{emotion} has only {count} source utterance, at least {_MIN_PER_EMOTION} are needed; "
                f"leave it out with --emotions {','.join(e for e in emotions if e != emotion)}"
            )
    if len(target) < _MIN_TARGET:
        raise UserError(
            f"target {target.name} has {len(target)} recording; adapting needs at least {_MIN_TARGET}, "
            "and a few dozen to be worth it"
        )
