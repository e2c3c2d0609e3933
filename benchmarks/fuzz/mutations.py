"""Damage to files: what transfers, faulty programs and people who mean harm do to bytes and to text."""

import re
from collections.abc import Callable, Sequence

import numpy as np

Random = np.random.Generator

_INTEGERS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**63 - 1,
    2**64 - 1,
)
_LARGEST = 2**20  # bytes of a mutated file, in addition to those of its seeds

_TOKENS = (
    *(
        "",
        "0",
        "-1",
        "1",
        "2",
        "1e308",
        "-1e308",
        "1e-308",
        "0.5",
        ".nan",
        ".inf",
        "nan",
        "inf",
        "null",
        "~",
        "true",
    ),
    *(
        "9" * 20,
        "9" * 5000,
        "0x7fffffffffffffff",
        "1_000",
        "12:30:45",
        "2020-13-45",
        "2001-12-14t21:59:43.10-05:00",
    ),
    *(
        "[]",
        "{}",
        "[[]]",
        "{a: {b: {c: 1}}}",
        "[" * 2000,
        "{a: " * 2000,
        "- " * 2000,
        '"',
        "'",
        "|",
        ">",
        "%",
        "@",
        "`",
    ),
    *(
        "&a [*a, *a]",
        "*a",
        "&a",
        "<<: *a",
        "? ",
        "!!binary aGk=",
        "!!set {a}",
        "!!omap [a: 1]",
        "!!float x",
        "!!int x",
    ),
    *("!!python/object/apply:os.abort []", "!!python/name:os.abort", "!!timestamp x", "!!bool x", "!a b"),
    *(
        "\0",
        "\ufeff",
        "\u202e",
        "\u2028",
        "é",
        "日本語",
        "\U0001f600",
        "a" * 10_000,
        ",",
        ";",
        "\t",
        "\n",
        "\r",
        "\r\n",
    ),
    *(
        "../../../etc/passwd",
        "/dev/zero",
        "/",
        ".",
        "~",
        "C:\\",
        "file:///etc/passwd",
        "{{ 7*7 }}",
        "%s%n",
        "${HOME}",
    ),
)
"""What parsers stumble over."""

_TOKEN = re.compile(r"[\w.+-]+|[^\w\s]")


def damaged(content: bytes, others: Sequence[bytes], random: Random, *, is_text: bool) -> bytes:
    """A file that is damaged once, often more than once.

    Args:
        content: the whole file.
        others: whole files of which it may get parts.
        random: what decides.
        is_text: whether words are damaged as well as bytes.
    """
    for _ in range(int(random.geometric(0.4))):
        if is_text and random.random() < 0.7:
            content = _of_text(content, random)
        else:
            content = _BYTES[int(random.integers(len(_BYTES)))](content, others, random)
    return content


def _of_text(content: bytes, random: Random) -> bytes:
    """A word replaced, added, doubled or taken away, or a line doubled, moved or taken away."""
    text = content.decode("utf-8", errors="surrogateescape")
    if random.random() < 0.3:
        lines = text.splitlines(keepends=True)
        if lines:
            line = lines[int(random.integers(len(lines)))]
            place = int(random.integers(len(lines)))
            if random.random() < 0.5:
                del lines[place]
            lines[place:place] = [line] * int(random.integers(3))
        text = "".join(lines)
    elif found := list(_TOKEN.finditer(text)):
        token = found[int(random.integers(len(found)))]
        word = _TOKENS[int(random.integers(len(_TOKENS)))]
        kept = token[0] if random.random() < 0.3 else ""
        text = text[: token.start()] + kept + word + text[token.end() :]
    return text.encode("utf-8", errors="surrogateescape")


def _place(content: bytes, random: Random) -> int:
    """Anywhere, but at the beginning and the end more often: that is where headers are."""
    size = len(content)
    if size > 512 and (kind := random.random()) < 0.7:
        return int(random.integers(256)) if kind < 0.5 else size - 1 - int(random.integers(256))
    return int(random.integers(size)) if size else 0


def _part(content: bytes, random: Random) -> slice:
    first = _place(content, random)
    return slice(first, first + int(2 ** random.uniform(0, 12)))


def _flip(content: bytes, others: Sequence[bytes], random: Random) -> bytes:
    changed = bytearray(content)
    if changed:
        changed[_place(content, random)] ^= 1 << int(random.integers(8))
    return bytes(changed)


def _integer(content: bytes, others: Sequence[bytes], random: Random) -> bytes:
    width: int = (1, 2, 4, 8)[int(random.integers(4))]
    number: int = _INTEGERS[int(random.integers(len(_INTEGERS)))] % 256**width
    place = _place(content, random)
    as_bytes = number.to_bytes(width, "little" if random.random() < 0.5 else "big")
    return content[:place] + as_bytes + content[place + width :]


def _noise(content: bytes, others: Sequence[bytes], random: Random) -> bytes:
    part = _part(content, random)
    return content[: part.start] + random.bytes(len(content[part])) + content[part.stop :]


def _zeros(content: bytes, others: Sequence[bytes], random: Random) -> bytes:
    part = _part(content, random)
    return content[: part.start] + bytes(len(content[part])) + content[part.stop :]


def _without(content: bytes, others: Sequence[bytes], random: Random) -> bytes:
    part = _part(content, random)
    return content[: part.start] + content[part.stop :]


def _cut_off(content: bytes, others: Sequence[bytes], random: Random) -> bytes:
    return content[: _place(content, random)]


def _repeated(content: bytes, others: Sequence[bytes], random: Random) -> bytes:
    part = _part(content, random)
    room = max(_LARGEST - len(content), 0) // max(len(content[part]), 1)
    return content[: part.stop] + content[part] * min(int(2 ** random.uniform(0, 16)), room) + content[part.stop :]


def _spliced(content: bytes, others: Sequence[bytes], random: Random) -> bytes:
    other = others[int(random.integers(len(others)))]
    return (content[: _place(content, random)] + other[_place(other, random) :])[: _LARGEST + len(other)]


def _inserted(content: bytes, others: Sequence[bytes], random: Random) -> bytes:
    place, other = _place(content, random), others[int(random.integers(len(others)))]
    return content[:place] + other[_part(other, random)] + content[place:]


_BYTES: tuple[Callable[[bytes, Sequence[bytes], Random], bytes], ...] = (
    *(_flip, _flip, _integer, _integer, _integer),
    *(_noise, _zeros, _without, _cut_off, _repeated, _spliced, _inserted),
)
