"""Which runs a benchmark has: from flags or a YAML file to a list."""

import itertools
from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from didan.benchmark.run import Run
from didan.classical import CLASSICAL
from didan.errors import UserError, shortened, suggest
from didan.features import FRONTENDS, FrontendSettings, NormalisationSettings
from didan.inference.adapt_outputs import ADAPTATIONS
from didan.methods import METHODS, find_method
from didan.model.config import Config, make_config

TARGET_ONLY = "target-only"
"""The upper bound, see :mod:`didan.benchmark.run_target_only`."""

FOLDS = 4
"""Parts of the target that it is trained and tested on in turn."""

POOLED = "pooled"
"""Mean and standard deviation of log-mel bands, for classical methods."""

PAPER_CORPORA = ("emodb", "enterface", "casia")
"""The corpora of the paper's six tasks."""


def all_methods() -> list[str]:
    """Names of all methods that can be benchmarked."""
    return [*METHODS, *ADAPTATIONS, TARGET_ONLY, *CLASSICAL]


class Entry(BaseModel):
    """A method, or a variant of one.

    Attributes:
        method: its name.
        name: in tables; that of the method if not given.
        outputs: how a network's outputs are adapted, see :mod:`didan.inference.adapt_outputs`; as a method, such a
            way follows source-only.
        settings: of the method, where they differ from its defaults.
        training: of the training, where they differ from the plan's: normalisation, network and so on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    name: str = Field(pattern=r"^[\w.=+ -]+$")
    outputs: str | None = None
    settings: dict[str, Any] = {}
    training: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_a_name(cls, data: Any) -> Any:
        if isinstance(data, str):
            data = {"method": data}
        if not isinstance(data, dict):
            return data
        data = {"name": data.get("method"), **data}
        if data.get("method") in list(ADAPTATIONS):  # whatever was written there
            data |= {"method": "source-only", "outputs": data["method"]}
        return data

    @field_validator("method")
    @classmethod
    def _known(cls, method: str) -> str:
        if method not in all_methods():
            raise UserError(f"unknown method {shortened(method)}: {suggest(method, all_methods())}")
        return method

    @field_validator("outputs")
    @classmethod
    def _adaptable(cls, outputs: str | None) -> str | None:
        if outputs is not None and outputs not in ADAPTATIONS:
            raise UserError(f"unknown way to adapt outputs {shortened(outputs)}: {suggest(outputs, ADAPTATIONS)}")
        return outputs

    @model_validator(mode="after")
    def _settable(self) -> Self:
        if self.settings and self.method not in METHODS:
            raise UserError(f"{self.method} has no settings")
        if self.outputs and self.method not in METHODS:
            raise UserError(f"outputs of {self.method} cannot be adapted, only those of a network")
        return self


class Plan(BaseModel):
    """A benchmark.

    Attributes:
        corpora: CORPUS arguments, as the command line takes them.
        tasks: ``source:target`` or ``source+source:target``; every directed pair of corpora if empty.
        leave_one_out: whether to add every corpus as the target of all others together.
        features: kinds of features, joined by ``+`` to fuse several; a method that does not take one of them is
            left out there.
        methods: methods and variants; ``all`` is every method.
        seeds: how many; methods without randomness run once.
        settings: of all trainings, as ``didan train --config`` takes them: steps, network, normalisation.
        map: translations of labels, ``label=emotion``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    corpora: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    leave_one_out: bool = False
    features: tuple[str, ...] = ("functionals",)
    methods: tuple[Entry, ...] = tuple(Entry(method=name, name=name) for name in ("source-only", "didan"))
    seeds: int = Field(3, ge=1)
    settings: dict[str, Any] = {}
    map: tuple[str, ...] = ()

    @field_validator("methods", mode="before")
    @classmethod
    def _all(cls, methods: Any) -> Any:
        if methods == "all" or not isinstance(methods, (list, tuple)):
            methods = [methods]
        return [own for one in methods for own in (all_methods() if one == "all" else [one])]

    @field_validator("features")
    @classmethod
    def _known(cls, features: tuple[str, ...]) -> tuple[str, ...]:
        known = [*FRONTENDS, POOLED]
        for kind in (kind for name in features if name != POOLED for kind in name.split("+")):
            if kind not in FRONTENDS:
                raise UserError(f"unknown features {shortened(kind)}: {suggest(kind, known)}; fuse several with +")
        return features

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [entry.name for entry in self.methods]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UserError(f"two methods are called {shortened(twice[0])}; give one of them another name")
        return self

    def runs(self, corpora: Sequence[str]) -> list[Run]:
        """All runs, first seeds first, so that an interrupted benchmark has something of everything.

        Args:
            corpora: names of the corpora given.

        Raises:
            UserError: a task names a corpus that is not given, or no method takes these features.
        """
        tasks = parse_tasks(self.tasks, corpora, self.leave_one_out)
        runs = [
            Run(
                sources=sources,
                target=target,
                features=features,
                name=entry.name,
                method=entry.method,
                seed=seed,
                settings=settings,
            )
            for seed in range(self.seeds)
            for features in self.features
            for (sources, target), entry in itertools.product(tasks, self.methods)
            if (settings := run_settings(entry, features, seed, self.settings)) is not None
        ]
        if not runs:
            raise UserError(
                f"none of {', '.join(entry.name for entry in self.methods)} takes {', '.join(self.features)}"
            )
        return runs


def run_settings(entry: Entry, features: str, seed: int, common: dict[str, Any]) -> dict[str, Any] | None:
    """All that determines a run beside its data, or None if the method does not take these features.

    Raises:
        UserError: a setting is unknown or out of range.
    """
    common = merge(common, entry.training)
    kind = "spectrogram" if features == POOLED else features
    frontend = _frontend(common, kind)
    frames = features != POOLED and (kind == "spectrogram" or frontend.get("pooling") == "frames")
    if entry.method in CLASSICAL:
        classical = CLASSICAL[entry.method]
        if frames or (seed > 0 and not classical.random):  # they take one vector per utterance
            return None
        own = {} if classical.normalisation is None else {"normalisation": classical.normalisation}
        given = {"frontend": frontend, "normalisation": common.get("normalisation", {}), **own}
        settings = make_config(data=given).model_dump(mode="json")
        normalisation = None if classical.by_source else settings["normalisation"]
        return {"method": entry.method, "normalisation": normalisation, "frontend": settings["frontend"]}
    method = "source-only" if entry.method == TARGET_ONLY else entry.method
    if features == POOLED or (find_method(method).hierarchical and not frames):
        return None
    given = {**common, "method": method, "seed": seed, "method_settings": entry.settings}
    given["frontend"] = frontend
    settings = make_config(data=given).model_dump(mode="json")
    if entry.method == TARGET_ONLY:
        return {**settings, "method": TARGET_ONLY, "folds": FOLDS}
    return {**settings, "outputs": entry.outputs} if entry.outputs else settings


def _frontend(common: dict[str, Any], kind: str) -> dict[str, Any]:
    """A plan's settings of one frontend; those that only others of its frontends have are not for this one."""
    kinds = kind.split("+")
    own = {key for one in kinds for key in FRONTENDS[one].model_fields}
    if "pretrained" in kinds:
        own |= {"models"}
    anybody = {"models", *(key for settings in FRONTENDS.values() for key in settings.model_fields)}
    given = common.get("frontend", {})
    return {**{key: value for key, value in given.items() if key in own or key not in anybody}, "kind": kind}


def merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Nested settings, overridden by others.

    >>> merge({"optimisation": {"steps": 9}, "seed": 1}, {"optimisation": {"crop": 2}})
    {'optimisation': {'steps': 9, 'crop': 2}, 'seed': 1}
    """
    both = {**below, **above}
    return {
        key: merge(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in both.items()
    }


def config_of(settings: dict[str, Any]) -> Config:
    """The training configuration in the settings of a run."""
    settings = {key: value for key, value in settings.items() if key not in ("folds", "outputs")}
    if settings["method"] == TARGET_ONLY:
        settings["method"] = "source-only"
    return Config(**settings)


def frontend_of(run: Run) -> FrontendSettings:
    """The frontend whose features a run needs; pooled spectrograms are made of spectrograms."""
    return make_config(data={"frontend": run.settings["frontend"]}).frontend


def normalisation_of(run: Run) -> NormalisationSettings | None:
    """How a run normalises features; None is by the statistics of the source."""
    given = run.settings["normalisation"]
    return None if given is None else NormalisationSettings(**given)


def parse_tasks(
    tasks: Sequence[str], corpora: Sequence[str], leave_one_out: bool = False
) -> list[tuple[tuple[str, ...], str]]:
    """Sources and target of every task.

    Args:
        tasks: ``source:target`` or ``source+source:target``; every directed pair if empty, unless only
            ``leave_one_out`` is asked for.
        corpora: names of the corpora given.
        leave_one_out: whether to add every corpus as the target of all others.

    Raises:
        UserError: a task is malformed or names a corpus that is not given; fewer than two corpora.

    >>> parse_tasks([], ["a", "b"])
    [(('a',), 'b'), (('b',), 'a')]
    >>> parse_tasks(["a+b:c"], ["a", "b", "c"])
    [(('a', 'b'), 'c')]
    """
    if len(set(corpora)) < 2:
        raise UserError("a benchmark needs at least two corpora: repeat --corpus")
    pairs = []
    for task in tasks:
        sources, separator, target = task.partition(":")
        named = sources.split("+")
        if not separator or not target or not all(named):
            raise UserError(f"--task wants SOURCE:TARGET or SOURCE+SOURCE:TARGET, not {shortened(task)}")
        for name in (*named, target):
            if name not in corpora:
                raise UserError(f"task {task}: no corpus {shortened(name)} is given: {suggest(name, corpora)}")
        if target in named:
            raise UserError(f"task {task}: {target} cannot be source and target")
        pairs.append((tuple(named), target))
    if not tasks and not leave_one_out:
        pairs = [((source,), target) for source, target in itertools.permutations(dict.fromkeys(corpora), 2)]
    if leave_one_out:
        pairs += [(tuple(c for c in corpora if c != target), target) for target in corpora]
    return list(dict.fromkeys(pairs))


def paper_in_words(corpora: Sequence[str], features: Sequence[str]) -> list[str]:
    """Which of the paper's tasks are run, on which features, and why not all as the paper does; a line each.

    >>> for line in paper_in_words(["emodb", "casia", "ravdess"], ["functionals"]): print(line)
    preset paper: 2 of the paper's 6 tasks, emodb:casia, casia:emodb; the other 4 need --corpus enterface=PATH
    preset paper: nothing on ravdess, which is in none of them
    preset paper: on functionals, where the paper has spectrograms (--features spectrogram)
    preset paper: network, settings and normalisation are didan's, so no figure compares with the paper's
    """
    tasks, n_all = paper_tasks(corpora), len(PAPER_CORPORA) * (len(PAPER_CORPORA) - 1)
    missing = [f"{name}=PATH" for name in PAPER_CORPORA if name not in corpora]
    needs = f"; the other {n_all - len(tasks)} need --corpus {' and '.join(missing)}" if missing else ""
    others = [name for name in corpora if name not in PAPER_CORPORA]
    instead = "" if "spectrogram" in features else ", where the paper has spectrograms (--features spectrogram)"
    lines = [
        f"{len(tasks)} of the paper's {n_all} tasks, {', '.join(tasks)}{needs}",
        *(f"nothing on {name}, which is in none of them" for name in others),
        f"on {', '.join(features)}{instead}",
        "network, settings and normalisation are didan's, so no figure compares with the paper's",
    ]
    return [f"preset paper: {line}" for line in lines]


def paper_tasks(corpora: Sequence[str]) -> tuple[str, ...]:
    """Those of the paper's six tasks whose corpora are given.

    Raises:
        UserError: fewer than two of them are.
    """
    given = [name for name in PAPER_CORPORA if name in corpora]
    if len(given) < 2:
        raise UserError(f"preset paper needs at least two of {', '.join(PAPER_CORPORA)}: give them with --corpus")
    return tuple(f"{source}:{target}" for source, target in itertools.permutations(given, 2))


def make_plan(data: dict[str, Any]) -> Plan:
    """A plan from its keys.

    Raises:
        UserError: an unknown key or name (the nearest is suggested), or a value out of range.

    >>> make_plan({"methods": ["dan"], "seeds": 2}).methods[0].name
    'dan'
    """
    try:
        return Plan(**data)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = Entry.model_fields if key.startswith("methods.") else Plan.model_fields
            raise UserError(f"unknown key {shortened(key)}: {suggest(key.rpartition('.')[2], known)}") from None
        raise UserError(
            f"{key}: {problem['msg'].removeprefix('Value error, ')} (given: {shortened(problem['input'])})"
        ) from None
