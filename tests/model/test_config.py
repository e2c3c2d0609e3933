import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from didan.errors import UserError
from didan.features import FunctionalsSettings, NormalisationSettings, SpectrogramSettings
from didan.methods import METHODS, AlignmentSettings
from didan.methods.didan import DidanSettings
from didan.model.config import Config, assign, make_config
from didan.self_training import BalancedSettings, ConfidentSettings
from didan.training.train import selection_in_words


def didan_settings(config: Config) -> DidanSettings:
    assert isinstance(config.method_settings, DidanSettings)
    return config.method_settings


def test_assignments_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("optimisation: {steps: 7, batch_size: 9}\nmethod_settings: {tau: 0.5}\n")
    config = make_config(file=file, assignments=["optimisation.steps=8"])
    assert (config.optimisation.steps, config.optimisation.batch_size) == (8, 9)
    assert didan_settings(config).tau == 0.5


def test_flags_win_over_everything(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("seed: 3\nmethod: didan\nfrontend: {bands: 32}\n")
    config = make_config("source-only", "spectrogram", 5, file, ["seed=4"])
    assert (config.method, config.seed) == ("source-only", 5)
    assert isinstance(config.frontend, SpectrogramSettings)
    assert (config.frontend.kind, config.frontend.bands) == ("spectrogram", 32)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("optimisation.step=3", "did you mean 'optimisation.steps'"),
        ("optimization.steps=3", "did you mean 'optimisation"),
        ("sed=3", "did you mean 'seed'"),
        ("method_settings.tua=3", "did you mean 'method_settings.tau'"),
        ("frontend.part=[cepstra]", "did you mean 'frontend.parts'"),
        ("frontend.bands=40", "functionals has no setting 'frontend.bands', which belongs to spectrogram"),
        ("network.dropouts=0.1", "did you mean 'network.dropout'"),
        ("optimisation.steps=0", "optimisation.steps"),
        ("optimisation.steps=many", "optimisation.steps"),
        ("network.dropout=1", "network.dropout"),
        ("frontend.kind=mfcc", "frontend"),
        ("frontend={kind: spectrogram, low: 9000}", "below"),
        ("frontend={kind: spectrogram, band: 3}", "did you mean 'frontend.bands'"),
        ("frontend.kind=linear", "setting frontend.kind: unknown 'linear'; known: spectrogram, functionals"),
        ("frontend.kind=spectogram", "did you mean 'spectrogram'"),
        ("normalisation.groups=speaker", "did you mean 'normalisation.group'"),
        ("normalisation.shrink=3", "did you mean 'normalisation.shrinkage'"),
        ("normalisation.shrinkage=-1", "normalisation.shrinkage"),
        ("normalisation.shrinkage=.inf", "normalisation.shrinkage"),  # which is group=none
        ("normalisation.group=", "normalisation.group"),
        ("pseudo_labels.wieght=3", "did you mean 'pseudo_labels.weight'"),
        ("pseudo_labels.weight=-1", "pseudo_labels.weight"),
        ("pseudo_labels.sharpenning=2", "did you mean 'pseudo_labels.sharpening'"),
        ("pseudo_labels.threshold=0.5", "unknown setting 'pseudo_labels.threshold'"),
        ("pseudo_labels={kind: confident, treshold: 0.5}", "did you mean 'pseudo_labels.threshold'"),
        ("pseudo_labels={kind: confident, sharpening: 2}", "unknown setting 'pseudo_labels.sharpening'"),
        ("pseudo_labels.kind=balance", "setting pseudo_labels.kind: unknown 'balance'; did you mean 'balanced'"),
        ("pseudo_labels=2", "pseudo_labels"),
        ("class_prior=0.5", "class_prior"),
        ("class_prior.neutral=50", "less than 1"),
        ("class_prior.neutral=0", "greater than 0"),
        ("method=dijan", "did you mean 'didan'"),
        ("seed.more=1", "seed"),
        ("seed", "key=value"),
        ("=3", "key=value"),
        ("seed=[", "cannot read"),
    ],
)
def test_a_wrong_setting_is_named(assignment: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        make_config(assignments=["seed=1", assignment] if "." in assignment else [assignment])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("nonsense", ["x", "5", "[1]", "{kind: [1]}", "{kind: {a: 1}}"])
@pytest.mark.parametrize("group", ["frontend", "pseudo_labels", "normalisation", "network"])
def test_what_is_no_group_of_settings_hides_no_other_mistake(tmp_path: Path, group: str, nonsense: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"{group}: {nonsense}\nmethod_settings: {{penalti: 1}}\n", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"did you mean 'method_settings\.penalty'|^setting normalisation is a group"
    ):
        make_config(file=file)
    file.write_text(f"{group}: {nonsense}\n", encoding="utf-8")
    with pytest.raises(UserError, match=group):
        make_config(file=file)


def test_settings_given_as_objects_keep_what_is_not_replaced() -> None:
    given = {
        "normalisation": NormalisationSettings(shrinkage=5),
        "frontend": FunctionalsSettings(parts=("cepstra",)),
    }
    config = make_config(data=given, group="none", frontend="functionals")
    assert config.normalisation == NormalisationSettings(shrinkage=5, group="none")
    assert config.frontend == FunctionalsSettings(parts=("cepstra",))


def test_settings_of_one_method_are_unknown_to_another() -> None:
    with pytest.raises(UserError, match=r"unknown setting 'method_settings\.tau'"):
        make_config("source-only", assignments=["method_settings.tau=0.1"])


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("method_settings.labels=2", "method_settings.labels is called pseudo_labels.weight now"),
        ("method_settings.labels_from=0.2", "method_settings.labels_from is called pseudo_labels.start now"),
        ("method_settings.labels_every=5", "method_settings.labels_every is called pseudo_labels.every now"),
        ("method_settings.sharpness=2", "method_settings.sharpness is called pseudo_labels.sharpening now"),
        ("method_settings.proportions.neutral=0.6", "method_settings.proportions is called class_prior now"),
        ("method_settings.proportions={neutral: 0.6}", "method_settings.proportions is called class_prior now"),
        ("normalisation=speaker", "normalisation.group=speaker$"),
        ("normalisation=corpus", "normalisation.group=none$"),
        ("normalisation=none", "normalisation.group=none$"),
        ("network.name=vgg11", "network.name is gone"),
        ("network.weights=alexnet.pth", "network.weights is gone"),
        ("method_settings.layer=fc2", "method_settings.layer is gone"),
        ("method_settings.dictionary=memory", "method_settings.dictionary is gone"),
        ("method_settings.groups=valence", "method_settings.groups is gone"),
    ],
)
@pytest.mark.parametrize("way", ["assignment", "file", "data"])
def test_old_names_are_refused_with_the_new_ones(tmp_path: Path, assignment: str, message: str, way: str) -> None:
    data: dict[str, Any] = {}
    assign(data, assignment)
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(data))
    ways: dict[str, dict[str, Any]] = {
        "assignment": {"assignments": [assignment]},
        "file": {"file": tmp_path / "old.yaml"},
        "data": {"data": data},
    }
    with pytest.raises(UserError, match=f"^setting .*{re.escape(message.removesuffix('$'))}") as caught:
        make_config(**ways[way])
    assert "\n" not in str(caught.value)
    if message.endswith("$"):
        assert str(caught.value).endswith(message.removesuffix("$"))
        make_config(assignments=[message.removesuffix("$")])  # what is advised is accepted


def test_a_method_may_have_a_setting_that_is_called_like_an_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class LayerSettings(AlignmentSettings):
        layer: str = "fc2"
        labels: int = 1

    method = replace(METHODS["dan"], name="layered", settings=LayerSettings)
    monkeypatch.setitem(METHODS, "layered", method)
    config = make_config("layered", assignments=["method_settings.layer=fc1", "method_settings.labels=3"])
    assert config.method_settings == LayerSettings(layer="fc1", labels=3)
    with pytest.raises(UserError, match=r"method_settings\.sharpness is called pseudo_labels\.sharpening now"):
        make_config("layered", assignments=["method_settings.sharpness=2"])


def test_normalisation_by_utterance_leads_to_no_column_of_that_name() -> None:
    with pytest.raises(UserError, match=r"normalisation\.group=file$"):
        make_config(assignments=["normalisation=utterance"])


@pytest.mark.parametrize("method", sorted(METHODS))
def test_methods_come_with_their_pseudo_labels(method: str) -> None:
    config = make_config(method, "spectrogram")
    assert isinstance(config.pseudo_labels, BalancedSettings)
    assert config.pseudo_labels.weight == (2 if method in ("didan", "shot") else 0)
    assert (config.pseudo_labels.start, config.pseudo_labels.every) == (0.1, 10)
    assert config.pseudo_labels.sharpening == 1.8
    assert config.adapts == (method != "source-only")


def test_any_method_can_have_pseudo_labels() -> None:
    config = make_config("source-only", assignments=["pseudo_labels.weight=2", "pseudo_labels.every=5"])
    assert (config.pseudo_labels.weight, config.pseudo_labels.every) == (2, 5)
    assert config.adapts
    assert config.assumes_uniform_prior
    given = make_config("source-only", assignments=["pseudo_labels.weight=2", "class_prior.neutral=0.5"])
    assert not given.assumes_uniform_prior
    none = make_config("didan", assignments=["pseudo_labels.weight=0"])
    assert none.pseudo_labels.weight == 0
    assert none.adapts


@pytest.mark.parametrize(
    ("method", "settings", "uses"),
    [
        ("didan", [], True),
        ("didan", ["pseudo_labels.weight=0"], False),
        ("didan", ["pseudo_labels.weight=0", "method_settings.constraint=balanced"], True),
        ("mcc", [], False),
        ("mcc", ["pseudo_labels.weight=1"], True),
        ("lidan", [], False),
        ("source-only", [], False),
    ],
)
def test_a_class_prior_counts_only_where_something_uses_it(method: str, settings: list[str], uses: bool) -> None:
    given = make_config(method, assignments=[*settings, "class_prior.neutral=0.5"])
    assert given.uses_class_prior == uses
    assumes = make_config(method, assignments=settings).assumes_uniform_prior
    assert given.assumes_uniform_prior == (assumes and not uses)
    assert ("neutral 0.5" in selection_in_words(given)) == uses


def test_a_setting_of_pseudo_labels_leaves_the_others_as_they_are() -> None:
    labeller = make_config("didan", assignments=["pseudo_labels.sharpening=3"]).pseudo_labels
    assert labeller == BalancedSettings(weight=2, sharpening=3)


def test_pseudo_labels_of_another_kind_are_as_strong_and_as_frequent() -> None:
    labeller = make_config("didan", assignments=["pseudo_labels.kind=confident"]).pseudo_labels
    assert labeller == ConfidentSettings(weight=2, threshold=0.9)
    config = make_config("mcc", assignments=["pseudo_labels={kind: confident, weight: 1, threshold: 0.5}"])
    assert config.pseudo_labels == ConfidentSettings(weight=1, threshold=0.5)
    assert make_config("mcc", assignments=["pseudo_labels.kind=confident"]).pseudo_labels.weight == 0
    # They assume nothing of how frequent emotions are.
    assert not config.assumes_uniform_prior
    assert Config(**config.model_dump(mode="json")) == config


def test_groups_are_those_of_the_last_who_named_one() -> None:
    assert make_config().normalisation.group == "speaker"
    assert make_config(group="file").normalisation == NormalisationSettings(group="file")
    assignments = ["normalisation.group=folder", "normalisation.shrinkage=3"]
    config = make_config(assignments=assignments, group="session")
    assert config.normalisation == NormalisationSettings(group="session", shrinkage=3)


@pytest.mark.parametrize("other", ["pseudo_labels=2", "method_settings=3", "normalisation=[1]", "frontend=4"])
def test_a_group_of_settings_that_is_none_is_named_beside_any_mistake(other: str) -> None:
    for assignments in ([other], ["sed=3", other]):
        with pytest.raises(UserError) as caught:
            make_config(assignments=assignments)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["- a\n- b\n", "a: [", "\x00"])
def test_a_file_without_settings_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(content)
    with pytest.raises(UserError, match=r"config\.yaml"):
        make_config(file=file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        make_config(file=tmp_path / "none.yaml")


def test_a_configuration_survives_yaml() -> None:
    config = make_config(
        "didan", "spectrogram", 3, assignments=["method_settings.penalty=l1", "class_prior.neutral=0.5"]
    )
    again = Config(**yaml.safe_load(yaml.safe_dump(config.model_dump(mode="json"))))
    assert again == config
    assert didan_settings(again).penalty == "l1"
    assert again.class_prior == {"neutral": 0.5}
