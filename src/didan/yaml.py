"""YAML that may come from anybody: plain values, bounded in depth and size."""

from typing import Any

import yaml

_Loader: type[yaml.SafeLoader] = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # the same in C, where it is built in

_DEEPEST = 100
_MOST = 5_000_000
"""Values, counted once for each place where they stand."""


def parse_yaml(text: str) -> Any:
    """The text, numbers, dates, lists and mappings that YAML spells. Nothing in it is executed.

    Raises:
        ValueError: it is not YAML, or not of these; or it nests too deeply, or repeats its parts (``*name``) until
            they would fill the memory.

    >>> parse_yaml("emotions: [anger, 0.5]")
    {'emotions': ['anger', 0.5]}
    """
    try:
        _refuse_bombs(text)
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    # What the constructors of numbers and dates make of words that are none.
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"a value is not of the kind that it is said to be ({error})") from None


def _refuse_bombs(text: str) -> None:
    """Go through a text without building anything of it.

    Raises:
        ValueError: it nests too deeply, or is too large with all that it names put in.
    """
    sizes: dict[str, int] = {}  # of what has a name
    opened: list[tuple[str | None, int]] = []  # names of what is open, and how much had come before
    total = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in (name for name, _ in opened):
                raise ValueError(f"{event.anchor} contains itself")
            total += sizes.get(str(event.anchor), 0)
        elif isinstance(event, yaml.CollectionStartEvent):
            opened.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            name, before = opened.pop()
            if name is not None:
                sizes[name] = total - before
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        if len(opened) > _DEEPEST:
            raise ValueError(f"it nests more than {_DEEPEST} levels deep")
        if total > _MOST:
            raise ValueError(f"it holds more than {_MOST} values")
