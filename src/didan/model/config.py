"""All settings of a training run, from defaults, a YAML file and ``--set key=value``."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError, model_validator

from didan.errors import UserError, shortened, suggest
from didan.features import (
    FRONTENDS,
    AugmentationSettings,
    FrontendSettings,
    FunctionalsSettings,
    NormalisationSettings,
    SpectrogramSettings,
    found,
    frame_period,
)
from didan.files import read_yaml, refuse_unnamed
from didan.methods import AlignmentSettings, MethodSettings, SourceFreeSettings, find_method
from didan.networks import Loss, WhisperSettings
from didan.self_training import PSEUDO_LABELLERS, AnyPseudoLabeller, BalancedSettings, PseudoLabelSettings
from didan.yaml import parse_yaml

_FRONTEND = "functionals"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkSettings(_Settings):
    """The network: a head of fully connected layers, for spectrograms with a backbone in front.

    Attributes:
        dropout: in the fully connected layers; None takes 0.5.
        members: networks whose mean predicts; they share the backbone.
        whisper: for spectrograms, a pretrained Whisper as whose first layers the network begins.
        hierarchical: whether frames go through nested transformers, which learn; None takes them where the method
            or the features, frames of hidden states, need them.
    """

    dropout: float | None = Field(None, ge=0, lt=1)
    members: int = Field(12, ge=1)
    whisper: WhisperSettings | None = None
    hierarchical: bool | None = None


class OptimisationSettings(_Settings):
    """How the network is trained.

    Attributes:
        steps: number of steps; the model is the one after the last.
        batch_size: source utterances per step, and as many of the target.
        learning_rate: of AdamW at the start; it falls to 0 along a cosine.
        weight_decay: of AdamW.
        backbone_rate: learning rate of the layers between frames and vector, as a share of ``learning_rate``; 0
            leaves them as they begin. None takes 0, 0.3 for Whisper's, or 1 for nested transformers.
        backbone_from: share of training after which they learn: before, what is above them would pull them towards
            its random beginning (Kumar et al., ICLR 2022). None takes 0, or 0.92 for Whisper's.
        crop: seconds of each utterance seen per step, from a random place, where those layers learn or
            spectrograms are augmented; else utterances are seen whole.
        validation: share of the source utterances of every emotion that is not trained on, for criteria that
            need labelled source utterances which the network has not seen. Which ones are drawn makes more of a
            difference to the model than any other chance, so none are by default.
        loss: ``regression`` (squared error on one-hot labels, the paper's) or ``cross-entropy``.
    """

    steps: int = Field(750, ge=1)
    batch_size: int = Field(64, ge=2)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    backbone_rate: float | None = Field(None, ge=0)
    backbone_from: float | None = Field(None, ge=0, lt=1)
    crop: float = Field(4.0, gt=0)
    validation: float = Field(0.0, ge=0, lt=1)
    loss: Loss = "regression"


class Config(_Settings):
    """Everything that, with the data and a seed, determines a model.

    Attributes:
        method: its name.
        method_settings: its settings.
        pseudo_labels: self-training, with any method; by default what belongs to the method.
        class_prior: how frequent emotions are assumed to be in the target, such as ``{neutral: 0.5}``; emotions
            that are not named share the rest equally. Alignment and pseudo-labels both use it.
        frontend: features.
        normalisation: of the features.
        augmentation: of source utterances.
        network: see :class:`NetworkSettings`.
        optimisation: see :class:`OptimisationSettings`.
        seed: of everything random.
    """

    method: str = "didan"
    method_settings: SerializeAsAny[MethodSettings] = MethodSettings()
    pseudo_labels: AnyPseudoLabeller = BalancedSettings()
    class_prior: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)
    frontend: FrontendSettings = FunctionalsSettings()
    normalisation: NormalisationSettings = NormalisationSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    network: NetworkSettings = NetworkSettings()
    optimisation: OptimisationSettings = OptimisationSettings()
    seed: int = Field(0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _settings_of_the_method(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        method = find_method(data.get("method", "didan"))
        _refuse_old_names(data, method.settings)
        given = data.get("method_settings", {})
        if not isinstance(given, (dict, method.settings)):
            raise UserError(
                f"setting method_settings: these are no settings of {method.name} (given: {shortened(given)})"
            )
        try:
            settings = method.settings(**given) if isinstance(given, dict) else given
        except ValidationError as error:
            raise UserError(_explain(error, data, "method_settings")) from None
        pseudo_labels = data.get("pseudo_labels", {})
        if isinstance(pseudo_labels, dict):
            kind = pseudo_labels.get("kind", "balanced")
            shared = None if kind == "balanced" else set(PseudoLabelSettings.model_fields)
            pseudo_labels = {**method.pseudo_labels.model_dump(include=shared), "kind": kind, **pseudo_labels}
        return {**data, "method_settings": settings, "pseudo_labels": pseudo_labels}

    @property
    def adapts(self) -> bool:
        """Whether training looks at the target."""
        return isinstance(self.method_settings, AlignmentSettings) or self.pseudo_labels.weight > 0

    @property
    def hears_line(self) -> bool:
        """Whether training hears the source by the target's line, too, where that is worse."""
        return self.adapts and self.augmentation.line

    @property
    def needs_source(self) -> bool:
        """Whether training looks at the source; if not, it begins with a trained network."""
        settings = self.method_settings
        return not (isinstance(settings, SourceFreeSettings) and settings.pretraining == 0)

    @property
    def uses_class_prior(self) -> bool:
        """Whether anything in training depends on the class prior assumed of the target."""
        return self.pseudo_labels.weight > 0 or self.method_settings.uses_class_prior()

    @property
    def assumes_uniform_prior(self) -> bool:
        """Whether emotions are taken for equally frequent in the target."""
        balanced = isinstance(self.pseudo_labels, BalancedSettings) and self.pseudo_labels.weight > 0
        assumes_any = balanced or self.method_settings.assumes_uniform_prior()
        return assumes_any and not (self.class_prior and self.uses_class_prior)

    @property
    def crop_frames(self) -> int:
        """Frames of an utterance seen per step; functionals are one."""
        hop = frame_period(self.frontend)
        return 1 if hop is None else max(round(self.optimisation.crop / hop), 1)

    @property
    def hierarchical(self) -> bool:
        """Whether frames go through nested transformers: if asked to, or if the method or the features need it."""
        if self.network.hierarchical is not None:
            return self.network.hierarchical
        return self.has_hidden_states or find_method(self.method).hierarchical

    @property
    def has_hidden_states(self) -> bool:
        """Whether features are frames of hidden states."""
        return self.frontend.kind == "pretrained" and frame_period(self.frontend) is not None


_RENAMED = {
    "method_settings.labels": "pseudo_labels.weight",
    "method_settings.labels_from": "pseudo_labels.start",
    "method_settings.labels_every": "pseudo_labels.every",
    "method_settings.sharpness": "pseudo_labels.sharpening",
    "method_settings.proportions": "class_prior",
}
_REMOVED = (
    "method_settings.layer",
    "method_settings.dictionary",
    "method_settings.groups",
    "network.name",
    "network.weights",
)


def _refuse_old_names(data: Mapping[str, Any], method_settings: type[MethodSettings]) -> None:
    """Name the new setting to whoever uses an old one, unless the method has a setting of that name."""
    normalisation = data.get("normalisation")
    if isinstance(normalisation, str):
        group = {"corpus": "none", "utterance": "file"}.get(normalisation, normalisation)
        raise UserError(f"setting normalisation is a group of settings now: normalisation.group={group}")
    for old in (*_RENAMED, *_REMOVED):
        group, _, name = old.partition(".")
        if group == "method_settings" and name in method_settings.model_fields:
            continue
        given = data.get(group)
        if isinstance(given, dict) and name in given:
            now = (
                f"is called {_RENAMED[old]} now"
                if old in _RENAMED
                else "is gone: no result was better with another value"
            )
            raise UserError(f"setting {old} {now}")


def make_config(
    method: str | None = None,
    frontend: str | None = None,
    seed: int | None = None,
    file: Path | None = None,
    assignments: Iterable[str] = (),
    data: Mapping[str, Any] | None = None,
    *,
    group: str | None = None,
) -> Config:
    """Put a configuration together; what comes later wins: defaults, data, file, assignments, the rest.

    Args:
        method: name of the method.
        frontend: kind of the frontend, or several joined by ``+``.
        seed: of everything random.
        group: what utterances are normalised together, see :class:`didan.features.NormalisationSettings`.
        file: YAML with any of the keys of :class:`Config`.
        assignments: ``key=value`` with dots between the levels, such as ``optimisation.steps=200``; the value
            is read as YAML.
        data: any of the keys of :class:`Config`.

    Raises:
        UserError: an unknown key or name (the nearest is suggested), a value out of range, an unreadable file; an
            encoder that cannot be found.

    >>> make_config("didan", assignments=["method_settings.tau=0.2"]).method_settings.tau
    0.2
    """
    data = {**(data or {}), **(read_yaml(file, "method: didan") if file else {})}
    for assignment in assignments:
        assign(data, assignment)
    if method is not None:
        data["method"] = method
    if seed is not None:
        data["seed"] = seed
    if frontend is not None:
        for kind in frontend.split("+"):
            if kind not in FRONTENDS:
                raise UserError(
                    f"unknown frontend {shortened(kind)}: {suggest(kind, FRONTENDS)}; fuse several with +"
                )
        data["frontend"] = {**_group(data, "frontend"), "kind": frontend}
    if group is not None:
        data["normalisation"] = {**_group(data, "normalisation"), "group": group}
    if "frontend" in data and isinstance(data["frontend"], dict):
        data["frontend"] = {"kind": _FRONTEND, **data["frontend"]}
    try:
        _prepare_for_whisper(data)
        config = Config(**data)
    except ValidationError as error:
        raise UserError(_explain(error, data)) from None
    config = config.model_copy(update={"frontend": found(config.frontend)})
    if config.augmentation.does_anything and not isinstance(config.frontend, SpectrogramSettings):
        raise UserError(
            f"augmentation is for spectrograms, not for {config.frontend.kind}: --frontend spectrogram"
        )
    refuse_without_frames(config)
    return config


def refuse_without_frames(config: Config) -> None:
    """Make sure that features, method and network agree about frames.

    Raises:
        UserError: they do not.
    """
    method = find_method(config.method)
    if not config.hierarchical:
        if method.hierarchical or config.has_hidden_states:
            needs = f"method {method.name}" if method.hierarchical else "frontend.pooling=frames"
            raise UserError(f"{needs} needs the hierarchical network: leave network.hierarchical out")
        return
    what = f"method {method.name}" if method.hierarchical else "network.hierarchical"
    if frame_period(config.frontend) is None:
        raise UserError(
            f"{what} is for frames, and {config.frontend.kind} are one vector per utterance: take --frontend "
            "spectrogram, or --frontend pretrained with --set frontend.pooling=frames"
        )
    if config.network.whisper is not None:
        raise UserError(f"{what} brings a network of its own: leave network.whisper out")


def _prepare_for_whisper(data: dict[str, Any]) -> None:
    """Where the network begins as Whisper, find it, and let the spectrogram be what it hears.

    Raises:
        UserError: it cannot be found, or another frontend is asked for.
    """
    network = data.get("network")
    if not isinstance(network, dict) or network.get("whisper") is None:
        return
    try:
        whisper = NetworkSettings(**network).whisper
    except ValidationError as error:
        raise UserError(_explain(error, data, "network")) from None
    assert whisper is not None
    whisper = whisper.found()
    hears = whisper.frontend().model_dump()
    given = data.get("frontend", {"kind": "spectrogram"})
    if isinstance(given, SpectrogramSettings):
        given = given.model_dump()
    if not isinstance(given, dict) or {**hears, **given} != hears:
        raise UserError(
            "network.whisper hears one kind of spectrogram: take --frontend spectrogram, with no settings of it"
        )
    data["network"], data["frontend"] = {**network, "whisper": whisper}, hears


def assign(data: dict[str, Any], assignment: str) -> None:
    """Put one setting, ``key=value`` with dots between the levels, into nested settings.

    Raises:
        UserError: it has no ``=``, its value is not YAML, or a level has a value of its own.

    >>> settings = {}
    >>> assign(settings, "optimisation.steps=200"); settings
    {'optimisation': {'steps': 200}}
    """
    key, separator, value = assignment.partition("=")
    if not separator or not key:
        raise UserError(f"--set wants key=value, not {shortened(assignment)}")
    *levels, last = key.split(".")
    for level in levels:
        data = data.setdefault(level, {})
        if not isinstance(data, dict):
            raise UserError(f"--set {key}: {level} is a single value and has no settings of its own")
    try:
        data[last] = parse_yaml(value)
        refuse_unnamed(data[last])
    except ValueError:
        raise UserError(f"--set {key}: cannot read the value {shortened(value)}") from None


def _explain(error: ValidationError, data: Mapping[str, Any], *above: str) -> str:
    """One line for the first problem, with the nearest valid key or the reason."""
    problem = error.errors()[0]
    kinds = {*FRONTENDS, *PSEUDO_LABELLERS, "fusion"}
    key = ".".join([*above, *(str(part) for part in problem["loc"] if part not in kinds)])
    if problem["type"] == "extra_forbidden":
        group, _, name = key.partition(".")
        mine = _frontend_of(data)
        others = [
            kind for kind, own in FRONTENDS.items() if name in own.model_fields and kind not in mine.split("+")
        ]
        if group == "frontend" and others:
            theirs = " and ".join(others)
            return f"{mine} has no setting {shortened(key)}, which belongs to {theirs}: --frontend {others[0]}"
        return f"unknown setting {shortened(key)}: {suggest(key, _all_keys(data))}"
    if problem["type"] == "union_tag_invalid":
        known = FRONTENDS if key == "frontend" else PSEUDO_LABELLERS
        tag = str(problem["ctx"]["tag"])
        return f"setting {key}.kind: unknown {shortened(tag)}; {suggest(tag, known)}"
    reason = problem["msg"].removeprefix("Value error, ")
    return f"setting {key}: {reason} (given: {shortened(problem['input'])})" if key else reason


def _frontend_of(data: Mapping[str, Any]) -> str:
    return str(_group(data, "frontend").get("kind", _FRONTEND))


def _group(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A group of settings, none where what is given is not a group."""
    given = data.get(name)
    given = given.model_dump() if isinstance(given, BaseModel) else given
    return given if isinstance(given, Mapping) else {}


def _all_keys(data: Mapping[str, Any]) -> list[str]:
    """Every valid key, dotted, for this method and frontend."""
    parts: dict[str, type[BaseModel]] = {
        "": Config,
        "network.": NetworkSettings,
        "network.whisper.": WhisperSettings,
        "optimisation.": OptimisationSettings,
        "normalisation.": NormalisationSettings,
        "augmentation.": AugmentationSettings,
        "pseudo_labels.": PSEUDO_LABELLERS.get(
            str(_group(data, "pseudo_labels").get("kind", "balanced")), BalancedSettings
        ),
        "method_settings.": find_method(data.get("method", "didan")).settings,
    }
    keys = [f"{prefix}{name}" for prefix, model in parts.items() for name in model.model_fields]
    kinds = [FRONTENDS[kind] for kind in _frontend_of(data).split("+") if kind in FRONTENDS]
    return [*keys, *(f"frontend.{name}" for kind in kinds for name in kind.model_fields)]
