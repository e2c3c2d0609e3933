import pytest

from didan.errors import UserError
from didan.methods import METHODS, find_method


@pytest.mark.parametrize("name", list(METHODS))
def test_methods_are_found_by_name(name: str) -> None:
    method = find_method(name)
    assert method.name == name
    assert method.summary


def test_names_match() -> None:
    assert {name: method.name for name, method in METHODS.items()} == {name: name for name in METHODS}


@pytest.mark.parametrize(("wrong", "right"), [("didann", "didan"), ("sourceonly", "source-only")])
def test_nearest_method_is_suggested(wrong: str, right: str) -> None:
    with pytest.raises(UserError, match=rf"unknown method '{wrong}': did you mean '{right}'\?"):
        find_method(wrong)


def test_methods_are_listed_where_none_is_near() -> None:
    with pytest.raises(UserError, match=r"known: .*source-only.*didan"):
        find_method("zzz")
