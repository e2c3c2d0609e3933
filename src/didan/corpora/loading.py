"""From what a user names as a corpus to its utterances. No audio is opened here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pandas as pd

from didan.audio import find_audio
from didan.corpora.audformat_database import is_audformat_database, read_audformat_database
from didan.corpora.corpus import Corpus, Recordings
from didan.corpora.emotions import translate_labels
from didan.corpora.known import known_reader, known_readers
from didan.corpora.reader import ForeignNamesError
from didan.corpora.table import TABLE_SUFFIXES, read_table
from didan.errors import OnDamaged, UserError, note


def load_corpus(name: str, path: str | Path, mapping: Mapping[str, str] | None = None) -> Corpus:
    """Load a known corpus from the folder it lies in, or any folder above.

    Args:
        name: the corpus, such as ``"emodb"``; ``didan corpora`` lists them.
        path: the folder.
        mapping: emotions to join or leave out, such as ``{"calm": "neutral"}`` or ``{"boredom": "-"}``.

    Returns:
        The corpus.

    Raises:
        UserError: an unknown name, or a folder that does not hold that corpus.
    """
    folder = Path(path).expanduser()
    try:
        corpus = known_reader(name).read(folder)
    except ForeignNamesError as error:
        hint = looks_like(error.files, folder) or "give the corpus' own folder, its files named as published"
        raise UserError(f"{error}; {hint}") from None
    if not mapping:
        return corpus
    table, notes = translate_labels(corpus.table, corpus.name, mapping)
    _warn(notes)
    return replace(corpus, table=table, notes=(*corpus.notes, *notes))


def read_corpus(argument: str, mapping: Mapping[str, str] | None = None) -> Corpus:
    """Read a labelled corpus, named as on the command line.

    Args:
        argument: ``NAME=PATH`` with a known name, a CSV, TSV or Parquet table, or an audformat database.
        mapping: the user's own translations of emotion labels; the emotion ``-`` leaves a label out.

    Returns:
        The corpus.

    Raises:
        UserError: none of these, without labels, or something in it is wrong.
    """
    corpus = _read_named(argument, mapping, labelled=True)
    if isinstance(corpus, Corpus):
        return corpus
    folder = Path(argument).expanduser()
    files = find_audio(folder)
    hint = (
        looks_like(files, folder)
        or "give NAME=PATH of a known corpus, or a table with the columns file and emotion"
    )
    raise UserError(f"{argument} is a folder of audio without labels; {hint}")


def read_target(
    argument: str, mapping: Mapping[str, str] | None = None, *, on_damaged: OnDamaged | None = None
) -> Corpus | Recordings:
    """Read a target to adapt to or to predict: labels may be missing.

    Args:
        argument: as for :func:`read_corpus`, or a table without emotions, or any folder of audio.
        mapping: the user's own translations of emotion labels, if there are labels.
        on_damaged: called with the reason for a folder in a folder that cannot be read; if None that is an error.

    Returns:
        A corpus where there are labels, otherwise recordings.

    Raises:
        UserError: none of these, or something in it is wrong.
    """
    target = _read_named(argument, mapping, labelled=False)
    if target is None:
        folder = Path(argument).expanduser()
        files = [str(file) for file in find_audio(folder, on_damaged, note)]
        table = pd.DataFrame({"file": files}).assign(start=float("nan"), end=float("nan"), speaker=float("nan"))
        target = Recordings(folder.absolute().name, table)
    return target


def looks_like(files: Sequence[PurePath], folder: PurePath) -> str | None:
    """Say which known corpus names its files like these, if one fits more than half of them.

    Args:
        files: the audio files of a folder.
        folder: that folder, for the advice.

    Returns:
        Half a sentence for an error message, or None.

    >>> looks_like([Path("wav/03a01Fa.wav")], Path("data"))
    'it looks like EmoDB, 1 of 1 audio files are named like it: use emodb=data'
    """
    paths = [PurePosixPath(file.as_posix()) for file in files]
    n_fitting, best = max(
        ((sum(reader.parse(path) is not None for path in paths), reader) for reader in known_readers().values()),
        key=lambda pair: pair[0],
    )
    if n_fitting * 2 <= len(paths):
        return None
    return (
        f"it looks like {best.title}, {n_fitting} of {len(paths)} audio files are named like it: "
        f"use {best.name}={folder}"
    )


def _read_named(argument: str, mapping: Mapping[str, str] | None, labelled: bool) -> Corpus | Recordings | None:
    """What the argument names, or None for a folder that says nothing about itself."""
    path = Path(argument).expanduser()
    if path.is_dir():
        return _warned(read_audformat_database(path, mapping)) if is_audformat_database(path) else None
    if path.is_file():
        return _warned(read_table(path, mapping, labelled))
    name, equals, folder = argument.partition("=")
    if equals and PureWindowsPath(name).name == name:  # else the sign is part of a path, on whatever system
        return load_corpus(name, folder, mapping)
    if argument.lower() in known_readers():
        raise UserError(f"say where {argument} is: {argument}=PATH")
    wanted = f"a folder, a table ({', '.join(TABLE_SUFFIXES)}) or NAME=PATH is wanted"
    raise UserError(f"{argument} {'is none of these' if path.exists() else 'does not exist'}; {wanted}")


def _warned(utterances: Corpus | Recordings) -> Corpus | Recordings:
    if isinstance(utterances, Corpus):
        _warn(utterances.notes)
    return utterances


def _warn(notes: tuple[str, ...]) -> None:
    for remark in notes:
        note(remark)
