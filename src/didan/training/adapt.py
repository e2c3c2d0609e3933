"""Re-adaptation: a trained model and a folder of recordings become a model for that folder."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from didan.corpora import Recordings
from didan.errors import AudioError, OnDamaged, UserError
from didan.features import FeatureSet, default_cache, load_features, normalised, readable
from didan.methods import METHODS, SourceFreeSettings, assumed_prior, find_method
from didan.model.config import Config, make_config
from didan.model.directory import save
from didan.model.source import source_corpora
from didan.model.trained import TrainedModel
from didan.selection import CRITERIA, label_free_outputs
from didan.training.carried import carried_before, carry
from didan.training.data import combine, told_apart, ungrouped_if_moody
from didan.training.sources import no_features, source_features, source_recordings
from didan.training.task import make_task
from didan.training.train import fit_model, refit_model
from didan.training.workspace import unfinished
from didan.typing import Labels, Progress

MIN_UTTERANCES = 20
"""With fewer, there is nothing to adapt to."""

FEW_UTTERANCES = 100
"""With fewer, adapting is a gamble."""

_MUCH = 0.8


def few_utterances(n: int) -> str:
    """The caveat where there are fewer than ``FEW_UTTERANCES``."""
    return f"only {n} utterances, too few to be sure of anything; a few hundred are better"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What re-adaptation changed, as far as it shows without labels.

    Attributes:
        target: the recordings adapted to.
        n: how many utterances they are.
        emotions: in the order of the proportions.
        before: proportion of the utterances given each emotion by the old model.
        after: by the new one.
        moved: how many went from each emotion (row) to each (column).
        criteria_before: every label-free criterion of the old model, NaN where it cannot tell.
        criteria_after: of the new one.
    """

    target: str
    n: int
    emotions: tuple[str, ...]
    before: list[float]
    after: list[float]
    moved: list[list[int]]
    criteria_before: dict[str, float]
    criteria_after: dict[str, float]

    @property
    def changed(self) -> float:
        """Proportion of the utterances whose emotion is another one now."""
        return 1 - float(np.trace(np.array(self.moved))) / self.n

    def remarks(self) -> list[str]:
        """Caveats before anybody trusts the new model."""
        lines = []
        if self.n < FEW_UTTERANCES:
            lines.append(few_utterances(self.n))
        most = int(np.argmax(self.after))
        if self.after[most] > _MUCH:
            lines.append(
                f"{100 * self.after[most]:.0f} % of the utterances are {self.emotions[most]} now, "
                f"{100 * self.before[most]:.0f} % before; unless you expect that, do not use the new model"
            )
        lines.append(
            "scores without labels often err: only labelled recordings like these can tell whether the new model "
            "is better"
        )
        return lines


def adapt(
    model: TrainedModel,
    target: Recordings,
    *,
    config: Config | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    search_paths: Sequence[Path] = (),
    cache: str | Path | None = None,
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
) -> tuple[TrainedModel, Change]:
    """Adapt a model to other recordings without labels, beginning with its weights.

    The source is the one the model was trained on, unless the method does without; the target it was adapted to
    before plays no part any more. The old model is not touched.

    Args:
        model: the model.
        target: utterances, see :func:`didan.speech.utterances.find_utterances`.
        config: how to train; frontend and network must be the model's. See :func:`adapting_config`, the default.
        out: model directory to write.
        resume: continue an interrupted adaptation to ``out``.
        search_paths: folders to look for the source's recordings in, if they were moved.
        cache: folder for features; the user's cache folder if None.
        progress: called after every utterance and step.
        on_damaged: called with the reason for an utterance that cannot be read or is silent, which is then left
            out; if None such utterances are an error.

    Returns:
        The new model, and what has changed.

    Raises:
        UserError: there are fewer than 20 utterances; the source's features are not to be found; all utterances
            become one emotion, in which case nothing is written; see also :func:`didan.training.train.train`.
    """
    _refuse_few(target)
    config = config or adapting_config(model)
    cache = Path(cache or default_cache())
    sources = source_corpora(model)
    task = make_task(sources, target, model.emotions, group=config.normalisation.group)
    task = replace(task, sources=tuple(sources))  # with the groups it was trained in, whatever those of the target
    assumed_prior(config.class_prior, task.emotions)  # a mistake should surface before features are made
    with unfinished(out, resume) as workspace:
        recordings = readable(task.target, config.frontend, cache, progress=progress, on_damaged=on_damaged)
        _refuse_few(recordings)
        task = replace(task, target=recordings)
        target = target if len(recordings) == len(target) else recordings
        features = load_features(task.target, config.frontend, config.normalisation, cache)
        needed = config.needs_source
        if needed:
            source = source_features(replace(model, config=config), search_paths, cache)
            source, features = told_apart(
                source, features, config.frontend, config.normalisation, adapts=config.adapts
            )
            data = combine(task, source, features)
            heard = source_recordings(model, search_paths, cache) if config.hears_line else None
            carried = None
            try:
                if heard is not None:
                    carried = carry(heard, source, task.target, config, cache, progress=progress)
            except AudioError:  # what decoded them where the model was trained is not installed here
                heard = None
            if heard is None:
                carried = carried_before(model, source, task.target, config)
            data = replace(data, carried=carried)
            data, config = ungrouped_if_moody(data, config)
            features = data.target
        else:
            features = features.told_apart(model.normaliser.voices)
            data = combine(task, no_features(model), features)
        if workspace is not None:
            workspace.claim(data.identity(config, model.network.state_dict()))
        if needed:
            held_out = model.source_index.table["validation"].to_numpy(dtype=bool)
            network = deepcopy(model.network)
            adapted = fit_model(data, config, held_out, network=network, workspace=workspace, progress=progress)
        else:
            adapted = refit_model(model, data, config, workspace=workspace, progress=progress)
        change = _compare(model, adapted, target, features)
        if max(change.after) == 1 and max(change.before) < 1:
            if workspace is not None:
                workspace.clear()  # to resume it would lead to the same end
            only = adapted.emotions[int(np.argmax(change.after))]
            raise UserError(
                f"every utterance of {target.name} would become {only}: the adaptation has collapsed and nothing "
                "was written; try more recordings, or --set pseudo_labels.weight=0"
            )
        included = model.source_index
        adapted.source_index = replace(adapted.source_index, features=included.features, carried=included.carried)
        adapted.includes_encoder = model.includes_encoder
        adapted.record["encoders"] = model.record.get("encoders", [])  # as first named, wherever they are now
        earlier = {key: model.record.get(key) for key in ("sources", "target", "n_target", "adapted_from")}
        adapted.record |= {
            "adapted_from": earlier,
            "adaptation": {
                **asdict(change),
                "emotions": list(change.emotions),
                "changed": change.changed,
                "without_source": not needed,
            },
        }
        if workspace is not None:
            save(adapted, workspace.out)
    return adapted, change


def _refuse_few(target: Recordings) -> None:
    if len(target) < MIN_UTTERANCES:
        raise UserError(
            f"{target.name} holds {len(target)} utterances; adapting needs at least {MIN_UTTERANCES}, better "
            "a few hundred"
        )


def adapting_config(
    model: TrainedModel,
    method: str | None = None,
    seed: int | None = None,
    assignments: Sequence[str] = (),
    *,
    group: str | None = None,
    source_free: bool = False,
) -> Config:
    """How a model is re-adapted: as it was trained, or with DIDAN if that was without adaptation.

    A method that adapts without the source does so from the first step on: the model has been trained on it.

    Args:
        model: the model.
        method: another one, with its default settings.
        seed: another one.
        assignments: ``key=value``, as for :func:`didan.make_config`.
        group: what utterances are normalised together.
        source_free: take the model's method only if it does without the source, else SHOT.

    Raises:
        UserError: the method does not adapt, or needs the source where it must not; or a setting that only a model
            trained from scratch can have.
    """
    if method is None and source_free and not isinstance(model.config.method_settings, SourceFreeSettings):
        method = "shot"
    if method is None and not model.config.adapts:
        method = "didan"
    data = model.config.model_dump(mode="json")
    if method is not None and method != model.config.method:
        del data["method_settings"], data["pseudo_labels"]
    chosen = find_method(method or model.config.method)
    if issubclass(chosen.settings, SourceFreeSettings):
        assignments = ["method_settings.pretraining=0", "pseudo_labels.start=0", *assignments]
    config = make_config(method, None, seed, None, assignments, data, group=group)
    if source_free and config.needs_source:
        without = [name for name, one in METHODS.items() if issubclass(one.settings, SourceFreeSettings)]
        raise UserError(f"method {config.method} needs the source; without it: {', '.join(without)}")
    if not config.adapts:
        raise UserError(f"method {config.method} does not adapt; choose another")
    for fixed in ("frontend", "network"):
        if getattr(config, fixed) != getattr(model.config, fixed):
            raise UserError(f"{fixed} is part of the model and cannot be changed; train another with didan train")
    return config


def _compare(model: TrainedModel, adapted: TrainedModel, target: Recordings, features: FeatureSet) -> Change:
    """Both models on the new target, each with its own normaliser and groups, as they would predict it."""
    count = len(model.emotions)
    grouped = target.grouped(model.group, or_speaker=True)
    as_before = normalised(
        grouped, features.raw, features.contents, model.config.normalisation, normaliser=model.normaliser
    )
    before, after = model.outputs(as_before), adapted.outputs(features)
    old, new = (output.scores.argmax(dim=1).numpy() for output in (before, after))
    views = [label_free_outputs(model, before), label_free_outputs(adapted, after)]
    criteria = [{name: float(criterion(view)) for name, criterion in CRITERIA.items()} for view in views]
    moved = np.zeros((count, count), dtype=int)
    np.add.at(moved, (old, new), 1)

    def proportions(classes: Labels) -> list[float]:
        return [float(share) for share in np.bincount(classes, minlength=count) / len(target)]

    return Change(
        target=target.name,
        n=len(target),
        emotions=model.emotions,
        before=proportions(old),
        after=proportions(new),
        moved=moved.tolist(),
        criteria_before=criteria[0],
        criteria_after=criteria[1],
    )
