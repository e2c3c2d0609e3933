"""What a known corpus is: its facts, and how its file names spell emotion and speaker."""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from didan.audio import find_audio
from didan.corpora.corpus import Corpus
from didan.errors import DidanWarning, UserError


class ForeignNamesError(UserError):
    """A folder whose audio ``files`` are all named in other ways than the corpus expected there."""

    def __init__(self, message: str, files: Sequence[Path]) -> None:
        super().__init__(message)
        self.files = files


@dataclass(frozen=True)
class Name:
    """What a file name says: emotion (a word of the vocabulary), speaker, and sentence where there is one."""

    emotion: str
    speaker: str
    sentence: str | None = None


@dataclass(frozen=True)
class Reader:
    """A known corpus: published facts, and ``parse``, which reads emotion and speaker from a path.

    ``parse`` takes an absolute path and returns None for a file that is not an utterance of this corpus. It
    must look only at as many path components as the naming needs, counted from the file, so that any folder
    above the corpus works. ``counts`` are the published numbers of utterances per emotion; ``n_speakers`` is
    text, since publications differ; ``obtain`` says where to get the corpus.
    """

    name: str
    title: str
    language: str
    n_speakers: str
    counts: Mapping[str, int]
    licence: str
    obtain: str
    parse: Callable[[PurePosixPath], Name | None]
    quirks: str = ""

    @property
    def n_utterances(self) -> int:
        """The published number of utterances."""
        return sum(self.counts.values())

    def read(self, folder: Path) -> Corpus:
        """Find the utterances in a folder: the corpus' root, or any folder above it.

        Files are never renamed, moved or opened. What has an audio suffix and does not fit the naming is
        left out with one summarising warning, and so is a count that differs from the published one.

        Raises:
            UserError: the folder is missing or holds no audio.
            ForeignNamesError: none of its files fits this corpus' naming.
        """
        files = find_audio(folder)
        named = [(file, self.parse(PurePosixPath(file.as_posix()))) for file in files]
        table = pd.DataFrame(
            [(str(file), name.speaker, name.emotion, name.sentence) for file, name in named if name],
            columns=["file", "speaker", "emotion", "sentence"],
        )
        if table.empty:
            raise ForeignNamesError(
                f"{folder} does not hold {self.title}, none of its {len(files)} audio files has such a name", files
            )
        table.insert(1, "start", float("nan"))
        table.insert(2, "end", float("nan"))
        notes = [*self._skipped([file for file, name in named if name is None]), *self._miscounted(table)]
        for note in notes:
            warnings.warn(note, DidanWarning, stacklevel=2)
        return Corpus(self.name, table, self.language, tuple(notes))

    def _skipped(self, files: list[Path]) -> list[str]:
        if not files:
            return []
        first = f"left out (first: {files[0]})"
        return [f"{self.name}: {len(files)} audio files are not named like {self.title}, {first}"]

    def _miscounted(self, table: pd.DataFrame) -> list[str]:
        counts = Counter(table["emotion"])
        wrong = [
            f"{emotion} {counts[emotion]} (published {published})"
            for emotion, published in self.counts.items()
            if counts[emotion] != published
        ]
        return [f"{self.name}: counts differ from the published ones: {', '.join(wrong)}"] if wrong else []
