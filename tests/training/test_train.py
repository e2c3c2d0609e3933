import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from didan.corpora import Corpus, Recordings
from didan.errors import DidanWarning, UserError
from didan.evaluation import evaluate
from didan.features import MOODY, load_features
from didan.model.config import Config, make_config
from didan.model.directory import load, save
from didan.model.trained import TrainedModel
from didan.networks import build_network
from didan.training import loop, module
from didan.training.train import train
from helpers import InterruptAt


def quick(method: str = "didan", steps: int = 25, *more: str) -> Config:
    return make_config(method, assignments=[f"optimisation.steps={steps}", "optimisation.batch_size=8", *more])


LEARNT = ["frontend.kind=spectrogram", "optimisation.crop=0.5", "optimisation.backbone_rate=0.5"]


def same_weights(first: TrainedModel, second: TrainedModel) -> bool:
    a, b = first.network.state_dict(), second.network.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(autouse=True)
def checkpoint_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_CHECKPOINTS", -1.0)


def test_the_same_seed_gives_the_same_model(source: Corpus, target: Corpus, session_cache: Path) -> None:
    runs = [train(source, target, config=quick(), seed=s, cache=session_cache) for s in (1, 1, 2)]
    assert same_weights(runs[0], runs[1])
    assert not same_weights(runs[0], runs[2])
    pd.testing.assert_frame_equal(runs[0].history, runs[1].history)


def test_training_leaves_the_callers_randomness_alone(source: Corpus, target: Corpus, session_cache: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(source, target, config=quick(steps=2), cache=session_cache)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("didan", []),
        # Pseudo-labels of step 3 are still in use at step 17, and then new ones are due.
        ("didan", ["pseudo_labels.every=15"]),
        ("source-only", ["pseudo_labels.weight=2", "pseudo_labels.every=15"]),
        ("mcc", ["pseudo_labels.weight=2", "pseudo_labels.kind=confident", "pseudo_labels.threshold=0.5"]),
        ("didan", [*LEARNT, "optimisation.backbone_from=0.3"]),  # statistics of step 7 are in use until 14
        ("source-only", [*LEARNT, "pseudo_labels.weight=2", "augmentation.noise=0.5", "augmentation.tempo=0.2"]),
    ],
)
@pytest.mark.parametrize("step", [3, 10, 17, 25])
def test_a_resumed_run_equals_an_uninterrupted_one(
    source: Corpus,
    target: Corpus,
    session_cache: Path,
    tmp_path: Path,
    method: str,
    settings: list[str],
    step: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "REFRESH", 7)
    config = quick(method, 25, *settings)
    whole = train(source, target, config=config, cache=session_cache)
    arguments: dict[str, Any] = {"config": config, "cache": session_cache, "out": tmp_path / "m"}
    with pytest.raises(KeyboardInterrupt):
        train(source, target, **arguments, progress=InterruptAt("training", step))
    assert not (tmp_path / "m").exists()
    # Before the first checkpoint there is nothing to keep.
    assert (tmp_path / "m.unfinished").exists() == (step > 10)
    resumed = train(source, target, **arguments, resume=True)
    assert whole.history["pseudo_labels"].notna().any()
    assert same_weights(whole, resumed)
    pd.testing.assert_frame_equal(whole.history, resumed.history)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("m")) == ["m"]


def backbone_of(model: TrainedModel) -> list[torch.Tensor]:
    return [weights.detach() for weights in model.network.backbone.parameters()]


def test_the_backbone_learns_if_and_when_it_is_told_to(
    source: Corpus, target: Corpus, session_cache: Path
) -> None:
    def trained(*settings: str) -> TrainedModel:
        config = quick("didan", 12, "frontend.kind=spectrogram", "optimisation.crop=0.5", *settings)
        return train(source, target, config=config, cache=session_cache)

    begun = [weights.detach() for weights in build_network("spectrogram", 64, 3).backbone.parameters()]
    fixed = trained()
    assert all(map(torch.equal, backbone_of(fixed), begun))
    learnt = trained("optimisation.backbone_rate=0.1")
    assert not any(map(torch.equal, backbone_of(learnt), begun))
    # Of a network that begins to learn at step 6, steps before are those of a fixed one.
    late = trained("optimisation.backbone_rate=0.1", "optimisation.backbone_from=0.5")
    assert late.history["loss"][:6].tolist() == fixed.history["loss"][:6].tolist()
    assert late.history["loss"][7:].tolist() != fixed.history["loss"][7:].tolist()
    moved = [
        sum(float((a - b).abs().sum()) for a, b in zip(backbone_of(model), begun, strict=True))
        for model in (learnt, late)
    ]
    assert 0 < moved[1] < moved[0]


def test_the_normaliser_of_a_model_is_that_of_what_its_own_backbone_makes(
    source: Corpus, target: Corpus, session_cache: Path
) -> None:
    settings = ["frontend.kind=spectrogram", "optimisation.crop=0.5", "optimisation.backbone_rate=1"]
    config = quick("didan", 6, *settings)
    model = train(source, target, config=config, cache=session_cache)
    raw = load_features(target.unlabelled(), config.frontend, config.normalisation, session_cache).raw
    vectors = model.network.vectors(raw).astype(np.float64)
    np.testing.assert_allclose(model.normaliser.domain[0].mean, vectors.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.normaliser.domain[0].variance, vectors.var(axis=0), rtol=1e-3, atol=1e-6)


def test_augmentation_changes_what_is_learnt_and_nothing_else(
    source: Corpus, target: Corpus, session_cache: Path
) -> None:
    spectrogram = ["frontend.kind=spectrogram", "optimisation.crop=0.5"]
    runs = [
        train(source, target, config=quick("source-only", 6, *spectrogram, more), cache=session_cache)
        for more in ("augmentation.voice=0.2", "augmentation.voice=0.1", "augmentation.voice=0.1")
    ]
    assert not same_weights(runs[0], runs[1])
    assert same_weights(runs[1], runs[2])
    assert all(map(torch.equal, backbone_of(runs[1]), backbone_of(runs[0])))


def test_an_unfinished_run_is_neither_overwritten_nor_mixed_up(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    arguments: dict[str, Any] = {"cache": session_cache, "out": tmp_path / "m"}
    with pytest.raises(KeyboardInterrupt):
        train(source, target, config=quick(), progress=InterruptAt("training", 15), **arguments)
    with pytest.raises(UserError, match="--resume"):
        train(source, target, config=quick(), **arguments)
    with pytest.raises(UserError, match="other settings"):
        train(source, target, config=quick(steps=30), resume=True, **arguments)
    with pytest.raises(UserError, match="other groups and source and target"):
        train(target, source, config=quick(), resume=True, **arguments)


def altered(corpus: Corpus, **columns: Any) -> Corpus:
    return replace(corpus, table=corpus.table.assign(**columns))


def test_a_run_is_not_continued_with_other_labels_or_groups(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    arguments: dict[str, Any] = {"config": quick(), "cache": session_cache, "out": tmp_path / "m"}
    with pytest.raises(KeyboardInterrupt):
        train(source, target, progress=InterruptAt("training", 15), **arguments)
    swapped = source.table["emotion"].to_numpy().copy()
    first, second = 0, int(np.flatnonzero(swapped != swapped[0])[0])
    swapped[[first, second]] = swapped[[second, first]]
    speakers = source.table["speaker"].to_numpy().copy()
    speakers[0] = "somebody else"
    for other, what in (({"emotion": swapped}, "labels"), ({"speaker": speakers}, "groups")):
        with pytest.raises(UserError, match=f"was begun with other {what};"):
            train(altered(source, **other), target, resume=True, **arguments)
    unknown = [np.nan, *target.table["speaker"][1:]]
    with pytest.raises(UserError, match="was begun with other groups;"):
        train(source, altered(target, speaker=unknown), resume=True, **arguments)
    # Labels of the target are none of its business.
    assert train(source, target.unlabelled(), resume=True, **arguments).history["step"].tolist()[-1] == 25


@pytest.mark.parametrize(("before", "after"), [(["1", "11"], ["11", "1"]), (["a", np.nan], ["anan", ""])])
def test_a_run_is_not_continued_with_groups_that_read_alike(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path, before: list[object], after: list[object]
) -> None:
    arguments: dict[str, Any] = {"config": quick("source-only"), "cache": session_cache, "out": tmp_path / "m"}
    first = altered(source, speaker=before * 18)
    with pytest.raises(KeyboardInterrupt):
        train(first, target, progress=InterruptAt("training", 15), **arguments)
    with pytest.raises(UserError, match="was begun with other groups;"):
        train(altered(source, speaker=after * 18), target, resume=True, **arguments)


def test_a_run_is_not_continued_with_other_spans_or_channels_of_the_same_files(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    target = altered(target, speaker=np.nan)  # groups would part channels as well
    arguments: dict[str, Any] = {"config": quick(), "cache": session_cache, "out": tmp_path / "m"}
    with pytest.raises(KeyboardInterrupt):
        train(source, target, progress=InterruptAt("training", 15), **arguments)
    for corpora, what in (
        ((altered(source, start=0.1), target), "source"),
        ((source, altered(target, end=0.5)), "target"),
        ((source, altered(target, audio_channel=1)), "target"),
    ):
        with pytest.raises(UserError, match=f"was begun with other {what};"):
            train(*corpora, resume=True, **arguments)


def test_ctrl_c_while_features_are_made_leaves_nothing(source: Corpus, target: Corpus, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(
            source,
            target,
            config=quick(),
            cache=tmp_path / "cache",
            out=tmp_path / "m",
            progress=InterruptAt("features", 5),
        )
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("m")] == []
    assert not list((tmp_path / "cache").rglob("*.partial"))


def test_target_labels_have_no_influence(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    labels = np.random.default_rng(0).permutation(target.table["emotion"])
    shuffled = Corpus(target.name, target.table.assign(emotion=labels), target.language)
    unlabelled = target.unlabelled()
    runs = [train(source, t, config=quick(), cache=session_cache) for t in (target, shuffled, unlabelled)]
    assert same_weights(runs[0], runs[1])
    assert same_weights(runs[0], runs[2])
    assert runs[2].record["leakage"]["labels_read"]["task"].startswith("none")


def test_changed_labels_or_columns_of_the_target_have_no_influence(
    source: Corpus, target: Corpus, session_cache: Path
) -> None:
    table = target.unlabelled().table.assign(mood=target.table["emotion"], label=range(len(target)))
    own = Recordings(target.name, table)
    runs = [train(source, t, config=quick(), cache=session_cache) for t in (target, own)]
    assert same_weights(*runs)


def test_source_only_never_sees_the_target(source: Corpus, target: Corpus, session_cache: Path) -> None:
    few = Recordings(target.name, target.unlabelled().table.iloc[:5])
    runs = [train(source, t, config=quick("source-only"), cache=session_cache) for t in (target.unlabelled(), few)]
    assert same_weights(*runs)


@pytest.mark.parametrize(
    "more",
    [
        ["optimisation.loss=cross-entropy"],
        ["frontend.kind=spectrogram"],
        ["frontend.parts=[modulation]"],
        ["normalisation.group=none"],
        ["normalisation.group=file", "frontend.kind=spectrogram"],
        ["normalisation.group=folder", "normalisation.shrinkage=0"],
        ["normalisation.shrinkage=1e9"],
        ["method_settings.constraint=free", "method_settings.penalty=l1"],
        ["method_settings.constraint=convex", "method_settings.ramp=0"],
        ["pseudo_labels.weight=0"],
        ["pseudo_labels.kind=confident", "pseudo_labels.weight=1", "pseudo_labels.start=0"],
        ["network.dropout=0", "optimisation.validation=0"],
    ],
)
def test_every_switch_trains_and_predicts(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path, more: list[str]
) -> None:
    config = quick("didan", 3, *more)
    model = train(source, target, config=config, cache=session_cache)
    assert np.isfinite(model.history["loss"]).all()
    result = evaluate(model, target, cache=session_cache)
    save(model, tmp_path / "m")
    again = evaluate(load(tmp_path / "m"), target, cache=session_cache)
    pd.testing.assert_frame_equal(again.utterances, result.utterances, check_exact=True)


def test_several_sources_are_joined(source: Corpus, target: Corpus, session_cache: Path) -> None:
    other = Corpus("other", target.table[target.table["speaker"] == "gamma-01"].reset_index(drop=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DidanWarning)
        model = train([source, other], target, config=quick(steps=2), cache=session_cache)
    assert model.record["sources"] == ["alpha", "other"]
    assert len(model.source_index.table) == len(source) + len(other)


def test_copies_of_target_files_in_the_source_are_reported(source: Corpus, session_cache: Path) -> None:
    with pytest.warns(DidanWarning, match="36 target recordings are in the source too"):
        model = train(source, source, config=quick(steps=2), cache=session_cache)
    assert len(model.record["leakage"]["identical_files"]) == len(source)
    assert model.record["leakage"]["shared_speakers"] == ["alpha-01", "alpha-02", "alpha-03"]


def test_a_used_or_unwritable_out_is_refused_before_any_work(
    source: Corpus, target: Corpus, tmp_path: Path
) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "file").touch()
    for out, message in ((tmp_path / "used", "exists already"), (tmp_path / "file" / "m", "cannot write")):
        with pytest.raises(UserError, match=message):
            train(source, target, out=out, progress=InterruptAt("", 0))


def test_a_full_disk_while_saving_is_one_clear_error(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("didan.model.directory.save_file", full)
    with pytest.raises(UserError, match="no space left"):
        train(source, target, config=quick(steps=2), cache=session_cache, out=tmp_path / "m")
    assert not (tmp_path / "m").exists()
    assert not (tmp_path / ".m.partial").exists()


def test_the_record_says_what_a_reader_must_know(source: Corpus, target: Corpus, session_cache: Path) -> None:
    model = train(source, target, config=quick(steps=2), cache=session_cache)
    assert model.record["n_source"] == len(source)
    assert "last step" in model.record["selection"]
    assert {"torch", "didan"} <= model.record["versions"].keys()
    assert list(model.history["step"]) == [1, 2]
    assert {"fit", "alignment", "weight", "residual", "used", "gap", "loss"} <= set(model.history.columns)


def test_the_assumed_class_prior_is_in_the_record(source: Corpus, target: Corpus, session_cache: Path) -> None:
    config = quick("didan", 2, "class_prior.neutral=0.6")
    model = train(source, target, config=config, cache=session_cache)
    assert model.record["selection"].endswith(
        "without target labels; assumed class prior of the target: neutral 0.6"
    )


def test_a_class_prior_of_an_unknown_emotion_is_refused_before_features_are_made(
    source: Corpus, target: Corpus, tmp_path: Path
) -> None:
    config = quick("didan", 2, "class_prior={nutral: 0.6}")
    with pytest.raises(UserError, match="did you mean 'neutral'"):
        train(source, target, config=config, cache=tmp_path / "cache", out=tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", ["didan", "source-only"])
def test_pseudo_labels_follow_the_class_prior(
    source: Corpus, target: Corpus, session_cache: Path, method: str
) -> None:
    settings = ["pseudo_labels.weight=2"]
    models = [
        train(source, target, config=quick(method, 60, *settings, *more), cache=session_cache)
        for more in ([], ["class_prior.neutral=0.8"])
    ]
    config = models[0].config
    features = load_features(target.unlabelled(), config.frontend, config.normalisation, session_cache)
    uniform, mostly = (
        float((model.outputs(features).scores.argmax(dim=1) == model.emotions.index("neutral")).double().mean())
        for model in models
    )
    assert mostly > uniform + 0.2


@pytest.mark.parametrize("frontend", ["functionals", "spectrogram"])
def test_a_diverged_training_is_an_error_and_leaves_nothing(
    source: Corpus, target: Corpus, session_cache: Path, tmp_path: Path, frontend: str
) -> None:
    config = quick("source-only", 25, "optimisation.learning_rate=1e30").model_copy(
        update={"frontend": make_config(frontend=frontend).frontend}
    )
    with pytest.raises(UserError, match=r"training diverged.*lower optimisation\.learning_rate \(now 1e\+30\)"):
        train(source, target, config=config, out=tmp_path / "m", cache=session_cache)
    assert list(tmp_path.iterdir()) == []


def test_threads_of_a_small_network_do_not_wait_for_one_another(
    source: Corpus, target: Corpus, session_cache: Path
) -> None:
    before, seen = torch.get_num_threads(), set[tuple[int, int]]()
    try:
        torch.set_num_threads(2)
        for rate in (0, 1):  # without and with a backbone that learns

            def note(stage: str, done: int, total: int, rate: int = rate) -> None:
                if stage == "training":
                    seen.add((rate, torch.get_num_threads()))

            config = quick("didan", 2, "frontend.kind=spectrogram", f"optimisation.backbone_rate={rate}")

            train(source, target, config=config, cache=session_cache, progress=note)
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == {(0, 1), (1, 2)}


def test_callers_in_one_mood_each_are_not_normalised_by_their_own(
    source: Corpus, target: Corpus, session_cache: Path
) -> None:
    moody = replace(target, table=target.table.assign(speaker="caller " + target.table["emotion"]))
    with pytest.warns(DidanWarning, match=r"groups of \w+ \(by speaker\) differ in mood"):
        model = train(source, moody.unlabelled(), config=quick(), cache=session_cache)
    assert model.group == "none"
    assert model.record["mood"] > MOODY
    without = quick("didan", 25, "normalisation.group=none")
    assert same_weights(model, train(source, moody.unlabelled(), config=without, cache=session_cache))
    asked = quick("didan", 25, "normalisation.moods=false")
    kept = train(source, moody.unlabelled(), config=asked, cache=session_cache)
    assert (kept.group, kept.record["mood"]) == ("speaker", None)
    assert not same_weights(model, kept)


def test_speakers_in_all_moods_are_normalised_by_their_own(
    source: Corpus, target: Corpus, session_cache: Path
) -> None:
    model = train(source, target.unlabelled(), config=quick(), cache=session_cache)
    assert model.group == "speaker"
    assert 0 <= model.record["mood"] < MOODY
