"""What a known corpus is: its facts, and how its file names spell emotion and speaker."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from didan.audio import AUDIO_SUFFIXES, find_audio
from didan.corpora.corpus import Corpus
from didan.errors import UserError, note


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

        Files are never renamed or moved. What has an audio suffix and does not fit the naming is left out with one
        summarising warning, and so are copies: of files with the same content, and of those that differ in nothing
        but the format, one stays. A count that differs from the published one is warned of.

        Raises:
            UserError: the folder is missing or holds no audio; or it has different recordings under one name, one
                of them numbered, as where folders of several speakers were unpacked into one.
            ForeignNamesError: none of its files fits this corpus' naming.
        """
        files = find_audio(folder)
        named = [(file, self._name(file)) for file in files]
        copies = _copies([(file, name) for file, name in named if name])
        named = [(file, name) for file, name in named if file not in copies]
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
        skipped = [file for file, name in named if name is None]
        notes = [*self._copied(copies), *self._skipped(skipped), *self._miscounted(table)]
        for remark in notes:
            note(remark)
        return Corpus(self.name, table, self.language, tuple(notes))

    def _name(self, file: Path) -> Name | None:
        """What a file is called, also if a number was added when it was copied beside another of its name."""
        name = self.parse(PurePosixPath(file.as_posix()))
        plain = _unnumbered(file)
        return name if name or plain is None else self.parse(PurePosixPath(plain.as_posix()))

    def _copied(self, copies: Mapping[Path, Path]) -> list[str]:
        if not copies:
            return []
        file, kept = next(iter(copies.items()))
        return [f"{self.name}: {len(copies)} files are copies of others, left out (first: {file} of {kept})"]

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


def _unnumbered(file: Path) -> Path | None:
    """``a01.wav`` for ``a01 (2).wav``; None for a name without such a number."""
    stem, numbered = re.subn(r" ?\(\d+\)$", "", file.stem)
    return file.with_name(stem + file.suffix) if numbered else None


def _copies(named: Sequence[tuple[Path, Name]]) -> dict[Path, Path]:
    """Files that hold what another does, and that other.

    Of one utterance under one name, however deep its folder: the same bytes, or another format.
    """
    places: dict[tuple[Name, str], list[Path]] = defaultdict(list)
    for file, name in named:
        places[name, (_unnumbered(file) or file).stem.lower()].append(file)
    copies: dict[Path, Path] = {}
    for files in places.values():
        if len(files) == 1:
            continue
        files.sort(key=lambda file: (_preference(file), _unnumbered(file) is not None, len(file.parts), str(file)))
        contents: dict[bytes, Path] = {}
        for file in files:
            if _preference(file) > _preference(files[0]):
                copies[file] = files[0]
            elif (digest := _content(file)) in contents:
                copies[file] = contents[digest]
            else:
                contents[digest] = file
        if len(contents) > 1 and any(map(_unnumbered, contents.values())):
            raise UserError(
                f"{' and '.join(map(str, contents.values()))} are different recordings under one name, so nobody "
                "knows whose they are; unpack the corpus into folders of its own"
            )
    return copies


def _content(file: Path) -> bytes:
    try:
        return hashlib.blake2b(file.read_bytes()).digest()
    except OSError:  # whoever needs its sound will say so
        return str(file).encode(errors="surrogateescape")


_LOSSLESS = (".wav", ".flac", ".aiff", ".aif")


def _preference(file: Path) -> int:
    """The lower the better: lossless formats before others."""
    suffix = file.suffix.lower()
    return (
        _LOSSLESS.index(suffix) if suffix in _LOSSLESS else len(_LOSSLESS) + sorted(AUDIO_SUFFIXES).index(suffix)
    )
