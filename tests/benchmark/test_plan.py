from pathlib import Path
from typing import Any

import pytest

from didan.benchmark.plan import config_of, make_plan, paper_in_words, paper_tasks, parse_tasks
from didan.classical import CLASSICAL
from didan.errors import UserError
from didan.files import read_yaml
from didan.inference.adapt_outputs import ADAPTATIONS
from didan.methods import METHODS

THREE = ["casia", "emodb", "ravdess"]


def test_every_directed_pair_is_a_task() -> None:
    tasks = parse_tasks([], THREE)
    assert len(tasks) == len(set(tasks)) == 6
    assert all(len(sources) == 1 and sources[0] != target for sources, target in tasks)


def test_several_sources_and_leave_one_out() -> None:
    assert parse_tasks(["casia+emodb:ravdess"], THREE) == [(("casia", "emodb"), "ravdess")]
    left_out = parse_tasks([], THREE, leave_one_out=True)
    assert [(set(sources), target) for sources, target in left_out] == [
        ({"emodb", "ravdess"}, "casia"),
        ({"casia", "ravdess"}, "emodb"),
        ({"casia", "emodb"}, "ravdess"),
    ]
    both = parse_tasks(["casia:emodb"], THREE, leave_one_out=True)
    assert len(both) == 4
    # With two corpora, leaving one out is a pair.
    assert parse_tasks(["a:b"], ["a", "b"], leave_one_out=True) == [(("a",), "b"), (("b",), "a")]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("casia", "wants SOURCE:TARGET"),
        ("casia:", "wants SOURCE:TARGET"),
        (":casia", "wants SOURCE:TARGET"),
        ("casia+:emodb", "wants SOURCE:TARGET"),
        ("casia:casia", "cannot be source and target"),
        ("casia:emobd", "no corpus 'emobd' is given: did you mean 'emodb'?"),
    ],
)
def test_malformed_tasks_are_explained(task: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        parse_tasks([task], THREE)


def test_one_corpus_is_too_few() -> None:
    with pytest.raises(UserError, match="at least two corpora"):
        parse_tasks([], ["emodb"])


def test_paper_preset_says_nothing_of_what_is_as_in_the_paper() -> None:
    said = " ".join(paper_in_words(["emodb", "enterface", "casia"], ["spectrogram"]))
    assert "6 of the paper's 6 tasks" in said
    for gone in ("need", "nothing on", "where the paper has"):
        assert gone not in said


def test_paper_preset_takes_the_corpora_that_are_given() -> None:
    assert len(paper_tasks(["emodb", "enterface", "casia"])) == 6
    assert set(paper_tasks(["ravdess", "casia", "emodb"])) == {"emodb:casia", "casia:emodb"}
    with pytest.raises(UserError, match="at least two of emodb, enterface, casia"):
        paper_tasks(["emodb", "ravdess"])


def test_runs_are_the_product_with_first_seeds_first() -> None:
    plan = make_plan({"methods": ["source-only", "dan"], "seeds": 2})
    runs = plan.runs(THREE)
    assert len(runs) == 6 * 2 * 2
    assert [run.seed for run in runs] == [0] * 12 + [1] * 12
    assert len({run.record_name for run in runs}) == len(runs)


def test_methods_run_on_the_features_they_take_and_classical_ones_once() -> None:
    plan = make_plan(
        {
            "methods": "all",
            "features": ["spectrogram", "functionals", "pooled"],
            "seeds": 2,
            "tasks": ["a:b"],
        }
    )
    runs = plan.runs(["a", "b"])
    networks = {*METHODS, "target-only"}
    for run in runs:
        if run.method == "hda":
            assert run.features == "spectrogram"  # of frames
        elif run.method in networks:
            assert run.features in ("spectrogram", "functionals")
        else:
            assert run.features in ("functionals", "pooled")
            assert run.seed == 0 or run.method == "style"  # which draws
    assert len(runs) == (len(networks) + len(ADAPTATIONS)) * 2 * 2 - 2 + len(CLASSICAL) * 2 + 2


def test_a_way_to_adapt_outputs_is_a_method() -> None:
    plan = make_plan(
        {
            "methods": ["source-only", "t3a", {"method": "didan", "name": "didan + lame", "outputs": "lame"}],
            "seeds": 1,
        }
    )
    plain, after, variant = plan.runs(["a", "b"])[:3]
    assert (after.name, after.method) == ("t3a", "source-only")
    assert dict(after.settings) == {**plain.settings, "outputs": "t3a"}
    assert config_of(dict(after.settings)) == config_of(dict(plain.settings))
    assert variant.settings["outputs"] == "lame"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"method": "didan", "outputs": "t3b"}, "unknown way to adapt outputs 't3b': did you mean 't3a'"),
        ({"method": "jdar", "outputs": "t3a"}, "outputs of jdar cannot be adapted"),
    ],
)
def test_outputs_that_cannot_be_adapted(entry: dict[str, str], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        make_plan({"methods": [entry]})


@pytest.mark.parametrize("entry", [{"name": "x"}, {"settings": {}}, {"method": ["t3a"]}])
def test_an_entry_without_a_method_is_the_users_mistake(entry: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"methods\.0\.method"):
        make_plan({"methods": [entry]})


def test_variants_have_names_and_settings_of_their_own() -> None:
    plan = make_plan(
        {
            "methods": ["didan", {"method": "didan", "name": "didan 4", "settings": {"trade_off": 4}}],
            "seeds": 1,
            "settings": {"optimisation": {"steps": 7}, "normalisation": {"group": "file", "shrinkage": 3}},
        }
    )
    plain, variant = plan.runs(["a", "b"])[:2]
    assert (plain.name, variant.name) == ("didan", "didan 4")
    assert config_of(dict(variant.settings)).method_settings.trade_off == 4  # type: ignore[attr-defined]
    for run in (plain, variant):
        config = config_of(dict(run.settings))
        assert config.optimisation.steps == 7
        assert (config.normalisation.group, config.normalisation.shrinkage) == ("file", 3)


def test_functionals_have_their_own_frontend_and_the_seed_is_set() -> None:
    run = make_plan({"methods": ["dan"], "features": ["functionals"], "seeds": 2}).runs(["a", "b"])[-1]
    config = config_of(dict(run.settings))
    assert config.frontend.kind == "functionals"
    assert (config.method, config.seed) == ("dan", 1)


def test_target_only_trains_without_adaptation() -> None:
    run = make_plan({"methods": ["target-only"]}).runs(["a", "b"])[0]
    assert run.settings["method"] == "target-only"
    assert run.settings["folds"] == 4
    assert config_of(dict(run.settings)).method == "source-only"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"methods": ["didam"]}, "unknown method 'didam': did you mean 'didan'"),
        ({"method": ["didan"]}, "unknown key 'method': did you mean 'methods'"),
        ({"methods": [{"method": "didan", "setings": {}}]}, "setings"),
        ({"methods": ["didan", "didan"]}, "two methods are called 'didan'"),
        ({"methods": [{"method": "tca", "settings": {"x": 1}}]}, "tca has no settings"),
        ({"methods": [{"method": "didan", "name": "a/b"}]}, "name"),
        ({"seeds": 0}, "seeds"),
        ({"features": ["spectogram"]}, "features"),
    ],
)
def test_wrong_plans_are_explained(data: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_plan(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"methods": [{"method": "didan", "settings": {"trade_of": 1}}]}, "trade_of"),
        ({"settings": {"optimisation": {"stepps": 1}}}, "optimisation.steps"),
        ({"methods": ["tca"], "features": ["spectrogram"]}, "none of tca takes spectrogram"),
        ({"methods": ["hda"], "features": ["functionals"]}, "none of hda takes functionals"),
    ],
)
def test_wrong_settings_are_explained_before_anything_runs(data: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_plan(data).runs(["a", "b"])


def test_plan_files(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("methods: [dan]\nseeds: 4\n")
    assert make_plan(read_yaml(file, "seeds: 5")).seeds == 4
    file.write_text("- dan\n")
    with pytest.raises(UserError, match="holds no settings; it should look like 'seeds: 5'"):
        read_yaml(file, "seeds: 5")
    file.write_text("methods: [dan\n")
    with pytest.raises(UserError, match="is not YAML"):
        read_yaml(file, "seeds: 5")
    with pytest.raises(UserError, match="no such file"):
        read_yaml(tmp_path / "none.yaml", "seeds: 5")
