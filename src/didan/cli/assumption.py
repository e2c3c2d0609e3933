"""The class prior that training assumes of recordings without labels, printed before it begins."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from didan.model.config import Config


def print_assumption(config: "Config", emotions: Sequence[str], target: str) -> None:
    """Print one line about the assumed class prior, if anything is assumed.

    Args:
        config: of the training.
        emotions: those expected.
        target: name of the recordings.
    """
    from didan.methods import assumed_priors, prior_in_words
    from didan.methods.class_prior import FREQUENT, TIMES

    if config.class_prior and not config.uses_class_prior:
        line = f"class_prior has no effect: nothing in method {config.method} uses it without pseudo-labels"
    elif config.class_prior:
        line = f"assumed class prior of {target}: {prior_in_words(config.class_prior)}"
    elif config.assumes_uniform_prior:
        line = f"{', '.join(emotions)} in {target}: "
        priors = assumed_priors({}, emotions) if config.pseudo_labels.weight > 0 else []
        equal, *others = priors[: config.network.members] or [None]
        if others:
            part = {1: "half", 2: "a third"}[len(others)]
            line += f"{part} of the ensemble assumes that they are equally frequent"
            for prior in others:
                frequent = f"that {FREQUENT} is {TIMES:g} times as frequent as any other"
                line += f", {part} {'nothing' if prior is None else frequent}"
        else:
            line += "assumed to be about equally frequent"
        if equal is not None and FREQUENT in emotions:
            line += f"; if you know how frequent {FREQUENT} is, say so: --set class_prior.{FREQUENT}=SHARE"
    else:
        return
    print(line, file=sys.stderr)
