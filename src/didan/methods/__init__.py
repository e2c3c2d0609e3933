"""Methods: a name becomes an alignment term with its settings."""

from didan.errors import UserError, suggest
from didan.methods import (
    cdan,
    dan,
    dann,
    deep_coral,
    deep_jdot,
    didan,
    dsan,
    jan,
    lidan,
    mcc,
    mdd,
    source_only,
)
from didan.methods.method import AlignmentSettings, AlignmentTerm, Method, MethodSettings, Setting

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        source_only.METHOD,
        didan.METHOD,
        lidan.METHOD,
        dan.METHOD,
        jan.METHOD,
        dsan.METHOD,
        deep_coral.METHOD,
        dann.METHOD,
        cdan.METHOD,
        deep_jdot.METHOD,
        mcc.METHOD,
        mdd.METHOD,
    )
}

__all__ = [
    "METHODS",
    "AlignmentSettings",
    "AlignmentTerm",
    "Method",
    "MethodSettings",
    "Setting",
    "find_method",
]


def find_method(name: str) -> Method:
    """The method of that name.

    Raises:
        UserError: there is none; the nearest is suggested.
    """
    if name not in METHODS:
        raise UserError(f"unknown method {name!r}: {suggest(name, METHODS)}")
    return METHODS[name]
