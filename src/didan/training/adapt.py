"""Adaptation anew: a trained model and a folder of recordings become a model for that folder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from didan.corpora import Recordings
from didan.errors import UserError
from didan.features import default_cache, load_features
from didan.methods import AlignmentSettings, expected_shares
from didan.model.config import Config, make_config
from didan.model.trained import Model
from didan.networks import Output
from didan.selection import CRITERIA, view_of
from didan.training.loop import Progress
from didan.training.sources import source_corpora, source_features
from didan.training.task import make_task
from didan.training.train import fit_model, put_together
from didan.training.workspace import unfinished

MIN_UTTERANCES = 20
"""With fewer, there is nothing to adapt to."""

FEW_UTTERANCES = 100
"""With fewer, adapting is a gamble."""

_MUCH = 0.8


@dataclass(frozen=True)
class Change:
    """What adapting anew has done, seen without labels.

    Attributes:
        target: the recordings adapted to.
        n: how many utterances they are.
        emotions: in the order of the shares.
        shares_before: share of the utterances given each emotion by the old model.
        shares_after: by the new one.
        moved: how many went from each emotion (row) to each (column).
        criteria_before: every label-free criterion of the old model, NaN where it cannot tell.
        criteria_after: of the new one.
    """

    target: str
    n: int
    emotions: tuple[str, ...]
    shares_before: list[float]
    shares_after: list[float]
    moved: list[list[int]]
    criteria_before: dict[str, float]
    criteria_after: dict[str, float]

    @property
    def changed(self) -> float:
        """Share of the utterances whose emotion is another one now."""
        return 1 - float(np.trace(np.array(self.moved))) / self.n

    def remarks(self) -> list[str]:
        """What a reader must know before trusting the new model."""
        lines = []
        if self.n < FEW_UTTERANCES:
            lines.append(f"only {self.n} utterances, too few to be sure of anything; some hundred are good")
        most = int(np.argmax(self.shares_after))
        if self.shares_after[most] > _MUCH:
            lines.append(
                f"{100 * self.shares_after[most]:.0f} % of the utterances are {self.emotions[most]} now, "
                f"{100 * self.shares_before[most]:.0f} % before; unless you expect that, do not use the new model"
            )
        lines.append(
            "no label was seen, and scores without labels often err: only labelled recordings like these can tell "
            "whether the new model is better"
        )
        return lines


def adapt(
    model: Model,
    target: Recordings,
    *,
    config: Config | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    places: Sequence[Path] = (),
    cache: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Model, Change]:
    """Adapt a model to other recordings without labels, beginning with its weights.

    The source is the one the model learnt from, as it carries it or points to it; the target it was adapted to
    before plays no part any more. The old model is not touched.

    Args:
        model: the model.
        target: utterances, see :func:`didan.speech.utterances.find_utterances`.
        config: how to train; frontend, normalisation and network must be the model's. See
            :func:`adapting_config`, which is asked if None.
        out: model directory to write.
        resume: continue an interrupted adaptation to ``out``.
        places: folders to look for the source's recordings in, if they were moved.
        cache: folder for features; the user's cache folder if None.
        progress: called after every utterance and step.

    Returns:
        The new model, and what has changed.

    Raises:
        UserError: there are fewer than 20 utterances; the source's features are not to be found; all utterances
            become one emotion, in which case nothing is written; see also :func:`didan.training.train`.
    """
    if len(target) < MIN_UTTERANCES:
        raise UserError(
            f"{target.name} holds {len(target)} utterances; adapting needs at least {MIN_UTTERANCES}, and some "
            "hundred are good"
        )
    config = config or adapting_config(model)
    cache = cache or default_cache()
    task = make_task(source_corpora(model), target, model.emotions)
    expected_shares(config.method_settings.told(), task.emotions)  # a mistake is known before features are made

    def hook(done: int, total: int) -> None:
        if progress:
            progress(f"features of {target.name}", done, total)

    with unfinished(out, resume) as workspace:
        features = load_features(task.target, config.frontend, config.normalisation, cache, hook)
        with source_features(model, places, cache) as source:
            data = put_together(task, source, features)
            if workspace is not None:
                workspace.claim(data.identity(config, model.network.state_dict()))
            held_out = model.reference.table["validation"].to_numpy(dtype=bool)
            adapted = fit_model(data, config, held_out, model.network.state_dict(), workspace, progress)
        change = _compare(model, model.outputs(features), adapted, adapted.outputs(features), target)
        if max(change.shares_after) == 1 and max(change.shares_before) < 1:
            if workspace is not None:
                workspace.clear()  # to resume it would lead to the same end
            only = adapted.emotions[int(np.argmax(change.shares_after))]
            raise UserError(
                f"every utterance of {target.name} would become {only}: the adaptation has collapsed and nothing "
                "was written; try more recordings or a smaller trade-off (--set method_settings.trade_off=0.1)"
            )
        adapted.reference = replace(adapted.reference, features=model.reference.features)
        earlier = {key: model.record.get(key) for key in ("sources", "target", "n_target", "adapted_from")}
        adapted.record |= {
            "adapted_from": earlier,
            "adaptation": {**asdict(change), "emotions": list(change.emotions), "changed": change.changed},
        }
        if workspace is not None:
            adapted.save(workspace.out)
    return adapted, change


def adapting_config(
    model: Model, method: str | None = None, seed: int | None = None, assignments: Sequence[str] = ()
) -> Config:
    """How a model is adapted anew: as it was trained, or with DIDAN if that was without adaptation.

    Args:
        model: the model.
        method: another one, with its default settings.
        seed: another one.
        assignments: ``key=value``, as for :func:`didan.make_config`.

    Raises:
        UserError: the method does not adapt; or a setting that only a model trained from the start can have.
    """
    if method is None and not isinstance(model.config.method_settings, AlignmentSettings):
        method = "didan"
    data = model.config.model_dump(mode="json")
    if method is not None and method != model.config.method:
        del data["method_settings"]
    config = make_config(method, None, seed, None, assignments, data)
    if not isinstance(config.method_settings, AlignmentSettings):
        raise UserError(f"method {config.method} does not adapt; choose another")
    for fixed in ("frontend", "normalisation", "network"):
        if getattr(config, fixed) != getattr(model.config, fixed):
            raise UserError(f"{fixed} is part of the model and cannot be changed; train another with didan train")
    return config


def _compare(model: Model, before: Output, adapted: Model, after: Output, target: Recordings) -> Change:
    count = len(model.emotions)
    old, new = (output.scores.argmax(dim=1).numpy() for output in (before, after))
    views = [view_of(model, before), view_of(adapted, after)]
    criteria = [{name: float(criterion(view)) for name, criterion in CRITERIA.items()} for view in views]
    moved = np.zeros((count, count), dtype=int)
    np.add.at(moved, (old, new), 1)
    return Change(
        target.name,
        len(target),
        model.emotions,
        (np.bincount(old, minlength=count) / len(target)).tolist(),
        (np.bincount(new, minlength=count) / len(target)).tolist(),
        moved.tolist(),
        *criteria,
    )
