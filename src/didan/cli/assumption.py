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
    from didan.methods import prior_in_words

    if config.class_prior and not config.uses_class_prior:
        line = f"class_prior has no effect: nothing in method {config.method} uses it without pseudo-labels"
    elif config.class_prior:
        line = f"assumed class prior of {target}: {prior_in_words(config.class_prior)}"
    elif config.assumes_uniform_prior:
        line = f"assuming that {', '.join(emotions)} are about equally frequent in {target}"
        if "neutral" in emotions and config.uses_class_prior:
            line += "; if it is mostly neutral, say how much: --set class_prior.neutral=SHARE"
    else:
        return
    print(line, file=sys.stderr)
