"""What a method takes for granted about recordings without labels, said before it does."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from didan.methods import MethodSettings


def print_assumption(console: "Console", settings: "MethodSettings", target: str) -> None:
    """One line on how frequent emotions are taken to be in a target, where a method has to suppose something.

    Args:
        console: to print to.
        settings: of the method.
        target: name of the recordings.
    """
    if "proportions" not in type(settings).model_fields:
        return
    told = ", ".join(f"{emotion} {share:g}" for emotion, share in settings.told().items())
    console.print(
        f"told of {target}: {told}; other emotions equally frequent"
        if told
        else f"emotions are taken to be about equally frequent in {target}; if it is mostly neutral, say so: "
        "--set method_settings.proportions.neutral=0.35",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
