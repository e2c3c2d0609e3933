"""What a method takes for granted about recordings without labels, said before it does."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from didan.methods import MethodSettings


def print_assumption(console: "Console", settings: "MethodSettings", emotions: Iterable[str], target: str) -> None:
    """One line on how frequent emotions are taken to be in a target, where a method has to suppose something.

    Args:
        console: to print to.
        settings: of the method.
        emotions: those of the source.
        target: name of the recordings.
    """
    from didan.methods import described

    if settings.told():
        line = f"told of {target}: {described(settings.told())}"
    elif settings.supposes_even():
        line = f"emotions are taken to be about equally frequent in {target}"
        if "proportions" in type(settings).model_fields and "neutral" in emotions:
            line += "; if it is mostly neutral, say how much: --set method_settings.proportions.neutral=SHARE"
    else:
        return
    console.print(line, highlight=False, soft_wrap=True, markup=False)
