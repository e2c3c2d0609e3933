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
        others = len(assumed_priors({}, emotions)) - 1 if config.pseudo_labels.weight > 0 else 0
        if others == 2:
            line += (
                f"a third of the ensemble assumes that they are equally frequent, a third that {FREQUENT} is "
                f"{TIMES:g} times as frequent as any other, a third nothing; if you know how frequent it is, say "
                f"so: --set class_prior.{FREQUENT}=SHARE"
            )
        elif others:
            line += "half of the ensemble assumes that they are equally frequent, the other half nothing"
        else:
            line += "assumed to be about equally frequent"
    else:
        return
    print(line, file=sys.stderr)
