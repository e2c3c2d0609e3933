import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from didan.yaml import parse_yaml

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN)
def test_it_reads_what_was_written(data: object) -> None:
    assert parse_yaml(yaml.safe_dump(data)) == data


def test_parts_can_be_repeated() -> None:
    assert parse_yaml("a: &x [1, 2]\nb: *x\nc: {<<: {d: 3}}") == {"a": [1, 2], "b": [1, 2], "c": {"d": 3}}


LAUGHS = "a{0}: &a{0} [" + ", ".join(["*a{1}"] * 10) + "]\n"
BOMBS = {
    "a billion times lol": "a0: &a0 [lol]\n" + "".join(LAUGHS.format(n, n - 1) for n in range(1, 10)),
    "what contains itself": "a: &a [*a]",
    "200,000 levels of lists": "[" * 200_000,
    "200,000 levels of mappings": "{a: " * 200_000,
    "200,000 levels of items": "- " * 200_000,
    "a number of 5,000 digits": "a: " + "9" * 5000,
    "a day that is none": "2020-13-45",
    "text for a time": "!!timestamp x",
    "text for a truth": "!!bool x",
    "nothing for a number": "!!int ''",
    "a list for a key": "? [a]\n: 1",
    "an object of Python": "!!python/object/apply:os.getcwd []",
    "a name of Python": "!!python/name:os.getcwd",
    "a name without an owner": "*a",
    "two documents": "a: 1\n---\nb: 2",
    "a zero byte": "a: \0",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_what_no_settings_hold_is_refused_at_once(bomb: str) -> None:
    begun = time.process_time()
    with pytest.raises(ValueError, match=r"."):
        parse_yaml(bomb)
    assert time.process_time() - begun < 5
