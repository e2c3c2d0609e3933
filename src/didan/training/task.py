"""A task: learn from labelled sources, carry over to an unlabelled target."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from didan.corpora.corpus import Corpus, Recordings
from didan.corpora.emotions import emotion_counts
from didan.corpora.leakage import Leakage, shared_speakers
from didan.errors import UserError, suggest
from didan.typing import Labels

_MIN_PER_EMOTION = 2
_MIN_TARGET = 2


@dataclass(frozen=True)
class Task:
    """Sources and target cut to the emotions that take part, the target without its labels.

    ``left_out`` counts the utterances of each corpus that have other emotions, by emotion.
    """

    sources: tuple[Corpus, ...]
    target: Recordings
    emotions: tuple[str, ...]
    leakage: Leakage
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)

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

    @property
    def source_domains(self) -> Labels:
        """Number of the corpus of each source utterance; of the speaker where there is one corpus."""
        if len(self.sources) > 1:
            return np.repeat(np.arange(len(self.sources)), [len(corpus) for corpus in self.sources])
        numbers, _ = pd.factorize(self.sources[0].table["speaker"], use_na_sentinel=False)
        return numbers.astype(np.int64)


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
        group: what utterances are normalised together, see :meth:`didan.corpora.Corpus.grouped`. A source without
            such a column is grouped by speaker; so is one whose speakers are known, in place of files or folders,
            which tell of the target who speaks, and in many corpora hold one emotion each.

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
    cut = tuple(_source(corpus.only(kept), group) for corpus in sources if set(corpus.emotions) & set(kept))
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
    left_out = _left_out([*sources, *([target] if isinstance(target, Corpus) else [])], kept)
    return Task(cut, recordings, kept, Leakage(in_both, read), left_out)


def _source(corpus: Corpus, group: str) -> Corpus:
    """A source with its groups."""
    by_speaker = group in ("file", "folder") and corpus.table["speaker"].notna().any()
    return corpus.grouped("speaker" if by_speaker else group, or_speaker=True)


def _left_out(corpora: Sequence[Corpus], kept: Sequence[str]) -> dict[str, dict[str, int]]:
    counts = {corpus.name: emotion_counts(corpus.table["emotion"]) for corpus in corpora}
    others = {name: {e: n for e, n in own.items() if e not in kept} for name, own in counts.items()}
    return {name: own for name, own in others.items() if own}


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
