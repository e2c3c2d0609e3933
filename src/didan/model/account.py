"""What a model rests on, in plain words: what was assumed of its target, what estimated from it, what chosen."""

from collections.abc import Sequence

from didan.methods import assumed_priors, prior_in_words
from didan.methods.class_prior import FREQUENT, TIMES
from didan.model.config import Config
from didan.model.trained import TrainedModel


def without_effect(config: Config) -> str | None:
    """What was set and changes nothing, in one line to be said before training."""
    if config.class_prior and not config.uses_class_prior:
        return f"class_prior has no effect: nothing in method {config.method} uses it without pseudo-labels"
    return None


def prior_assumed(config: Config, emotions: Sequence[str], target: str) -> str | None:
    """What training assumes of how frequent emotions are, in one line; None if it assumes nothing.

    Args:
        config: of the training.
        emotions: those expected.
        target: name of the recordings.
    """
    if config.class_prior and config.uses_class_prior:
        return f"class prior of {target}: {prior_in_words(config.class_prior)}"
    if not config.assumes_uniform_prior:
        return None
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
    return line


def account(model: TrainedModel) -> list[str]:
    """What was assumed, estimated and chosen when a model was adapted, and what to expect of it.

    Args:
        model: as :func:`didan.training.train.train` and :func:`didan.training.adapt.adapt` return it.

    Returns:
        Lines, each of which begins with one of these words.
    """
    record, config = model.record, model.config
    target = record["target"]
    lines = [f"assumed: whatever sounds in {target} is one of {', '.join(model.emotions)}"]
    prior = prior_assumed(config, model.emotions, target)
    if prior is not None:
        lines.append(f"assumed: {prior}")
    kinds = [float(moments.n_frames) for moments in model.normaliser.domain]
    if model.normaliser.voices is not None and sum(kinds) > 0:
        low = 100 * kinds[0] / sum(kinds)
        lines.append(f"estimated: two kinds of voice; {low:.0f} % of {target} are low, {100 - low:.0f} % high")
    n_groups, mood = record["n_groups"], record["mood"]
    if n_groups:
        line = f"estimated: what voices and microphones do to features, for {n_groups} groups (by {model.group})"
        lines.append(line if mood is None else f"{line}, which do not differ in mood ({mood:.2f})")
    else:
        line = f"estimated: what voices and microphones do to features, for all of {target} together"
        moody = mood is not None and config.normalisation.group == "none"
        lines.append(f"{line}, since its groups differ in mood ({mood:.2f})" if moody else line)
    for source, line in record.get("lines", {}).items():
        lines.append(
            f"estimated: {target} is narrower or noisier than {source}, which was learnt from by such a line as "
            f"well ({line})"
        )
    if config.optimisation.validation == 0:
        lines.append("assumed: how sure to be, as is right on the way from one acted corpus to another")
    else:
        lines.append(
            "estimated: how sure to be, on source utterances that were held out; less sure than they allow, since "
            "other recordings are harder"
        )
    lines.append(f"chosen: method {config.method}; {record['selection']}")
    if config.adapts and not n_groups and FREQUENT in model.emotions and not config.class_prior:
        lines.append(
            "expect: little, if these are telephone calls. With unknown speakers adaptation to acted speech over "
            "the telephone has gained a few points in the mean, and next to none from some corpora. Name the "
            "speakers only where each shows several emotions: of a caller in one mood they take the mood away"
        )
    return lines
