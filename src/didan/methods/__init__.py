"""Methods: a name becomes an alignment term with its settings."""

from importlib import import_module

from didan.errors import UserError, shortened, suggest
from didan.methods.class_prior import assumed_prior, assumed_priors, prior_in_words
from didan.methods.method import (
    AlignmentSettings,
    AlignmentTerm,
    Method,
    MethodContext,
    MethodSettings,
    SourceFreeSettings,
)

# One file each, in the order of tables. A new method is its file and its line here.
_FILES = (
    "source_only",
    "didan",
    "lidan",
    "dan",
    "jan",
    "dsan",
    "deep_coral",
    "dann",
    "cdan",
    "deep_jdot",
    "mcc",
    "mdd",
    "emo_dna",
    "djda",
    "hda",
    "ecan",
    "shot",
)

METHODS: dict[str, Method] = {
    method.name: method for method in (import_module(f"didan.methods.{file}").METHOD for file in _FILES)
}

__all__ = [
    "METHODS",
    "AlignmentSettings",
    "AlignmentTerm",
    "Method",
    "MethodContext",
    "MethodSettings",
    "SourceFreeSettings",
    "assumed_prior",
    "assumed_priors",
    "find_method",
    "prior_in_words",
]


def find_method(name: object) -> Method:
    """The method of that name.

    Raises:
        UserError: there is none; the nearest is suggested.
    """
    if not isinstance(name, str) or name not in METHODS:  # settings may hold anything
        raise UserError(f"unknown method {shortened(name)}: {suggest(str(name), METHODS)}")
    return METHODS[name]
