"""What two corpora have in common that they should not: speakers, and recordings."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import pandas as pd

from didan.corpora.known import known_readers

DEFAULTS_CHOSEN_ON = ("casia", "emodb", "ravdess")
"""Corpora whose labels served to choose didan's defaults: features, dropout, steps, pseudo-labels."""


def in_hindsight(selection: str, target: str) -> str:
    """How settings were chosen, where the defaults among them were chosen with labels of the target.

    >>> in_hindsight("last step; settings fixed beforehand, without target labels", "emodb")
    'last step; settings fixed beforehand, the defaults with target labels'
    """
    if target not in DEFAULTS_CHOSEN_ON:
        return selection
    return selection.replace("without target labels", "the defaults with target labels")


@dataclass(frozen=True)
class Leakage:
    """What source and target have in common, and which labels were read by what.

    Attributes:
        shared_speakers: speakers that occur in both; speakers of different known corpora are different people.
        identical_files: target files whose bytes, or whose audio in another format, are in the source too.
        labels_read: by part of the program, what it read.
    """

    shared_speakers: list[str]
    labels_read: dict[str, str]
    identical_files: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """For records on disk."""
        return asdict(self)


def shared_speakers(source: str, source_speakers: pd.Series, target: str, target_speakers: pd.Series) -> set[str]:
    """Speakers that occur in both of two corpora, given the corpora's names and their columns of speakers.

    Two different known corpora share nobody, whatever their speakers are called; otherwise names decide.

    >>> shared_speakers("emodb", pd.Series(["03"]), "enterface", pd.Series(["03"]))
    set()
    >>> shared_speakers("monday", pd.Series(["03", "04"]), "tuesday", pd.Series(["03"]))
    {'03'}
    """
    known = known_readers()
    if source in known and target in known and source != target:
        return set()
    return {str(speaker) for speaker in set(source_speakers.dropna()) & set(target_speakers.dropna())}


def identical_files(source: pd.DataFrame, target: pd.DataFrame, target_files: Sequence[str]) -> list[str]:
    """Target files that are in the source too, by their bytes or by their decoded samples.

    Args:
        source: digests of the source files, columns ``file`` and ``audio``.
        target: digests of the target files.
        target_files: names of the target files, in the order of ``target``.
    """
    same = target["file"].isin(source["file"]) | target["audio"].isin(source["audio"].dropna())
    return sorted({name for name, copied in zip(target_files, same, strict=True) if copied})
