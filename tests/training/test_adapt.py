"""Tiny models are adapted for a few steps; what that changes is compared with predictions made independently."""

import errno
import math
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch

from didan import Model
from didan.corpora import Corpus, Recordings
from didan.errors import DidanWarning, UserError
from didan.evaluation import evaluate
from didan.features import Domain, NormalisationSettings, PackedFeatures, load_features
from didan.features.normaliser import KIND_SHRINKAGE
from didan.model.config import Config, make_config
from didan.model.directory import load, save
from didan.model.trained import TrainedModel
from didan.networks import build_network
from didan.selection import CRITERIA
from didan.self_training import BalancedSettings, ConfidentSettings
from didan.synthesis import make_corpus, style
from didan.training import adapt as adapt_module
from didan.training import loop
from didan.training.adapt import Change, adapt, adapting_config
from didan.training.train import fit_model, train
from helpers import InterruptAt

STEPS = 14
"""More than a round, so that there is something to resume."""

EMOTIONS = ("anger", "neutral", "sadness")


def quick(method: str = "didan", steps: int = 8, *more: str) -> Config:
    return make_config(method, assignments=[f"optimisation.steps={steps}", "optimisation.batch_size=4", *more])


def with_steps(model: TrainedModel, steps: int, *more: str) -> Config:
    return adapting_config(model, assignments=[f"optimisation.steps={steps}", *more])


def same_weights(first: TrainedModel, second: TrainedModel) -> bool:
    a, b = first.network.state_dict(), second.network.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def left_in(folder: Path) -> list[str]:
    """What a failed adaptation left: anything but the cache of features."""
    return sorted(path.name for path in folder.iterdir() if "cache" not in path.name)


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Other recordings to adapt to; their labels are for the tests alone."""
    beta = replace(style("beta"), syllables=2.0, silence=0.05)
    folder = tmp_path_factory.mktemp("calls")
    return make_corpus(folder / "calls", beta, n_speakers=3, n_per_emotion=3, emotions=EMOTIONS, seed=7)


@pytest.fixture(scope="module")
def trained(tiny_corpora: tuple[Corpus, Corpus], session_cache: Path) -> TrainedModel:
    """A model that includes its source, and has held some of it out."""
    config = quick("didan", 40, "optimisation.validation=0.25", "normalisation.group=none")
    return train(*tiny_corpora, config=config, cache=session_cache, include_source_features=True)


@pytest.fixture(scope="module")
def adapted(trained: TrainedModel, calls: Corpus, session_cache: Path) -> tuple[TrainedModel, Change]:
    return adapt(trained, calls.unlabelled(), config=with_steps(trained, STEPS), cache=session_cache)


def test_adapting_a_network_that_knows_nothing_is_training(
    tiny_corpora: tuple[Corpus, Corpus], calls: Corpus, trained: TrainedModel, session_cache: Path
) -> None:
    """Dropout and all: networks that have predicted before are out of training."""
    config = adapting_config(trained, assignments=[f"optimisation.steps={STEPS}"])
    fresh = train(tiny_corpora[0], calls.unlabelled(), config=config, cache=session_cache)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        members = trained.config.network.members
        network = build_network(
            "functionals", trained.network.width, len(trained.emotions), members=members
        ).eval()
    # Features that a model includes are rounded; in the cache they are not.
    begun = replace(trained, network=network, source_index=replace(trained.source_index, features=None))
    adapted, _ = adapt(begun, calls.unlabelled(), config=config, cache=session_cache)
    assert same_weights(adapted, fresh)


@pytest.fixture
def uncollapsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model trained for two steps may give one emotion to everything, which is not always the point."""
    compare = adapt_module._compare
    single = [1.0, 0.0, 0.0]
    monkeypatch.setattr(adapt_module, "_compare", lambda *given: replace(compare(*given), before=single))


def proportions(model: TrainedModel, emotions: pd.Series) -> list[float]:
    return [float((emotions == emotion).mean()) for emotion in model.emotions]


def test_the_change_is_that_of_the_predictions(trained: TrainedModel, calls: Corpus, session_cache: Path) -> None:
    new, change = adapt(trained, calls.unlabelled(), config=with_steps(trained, 8), cache=session_cache)
    before = evaluate(trained, calls, cache=session_cache).utterances["predicted"]
    after = Model(new).predict(*calls.table["file"])["emotion"]
    assert before.nunique() > 1 < after.nunique()  # or mistakes could hide
    assert change.emotions == trained.emotions
    assert (change.target, change.n) == (calls.name, len(calls))
    assert change.before == pytest.approx(proportions(trained, before))
    assert change.after == pytest.approx(proportions(trained, after))
    moved = pd.crosstab(before, after).reindex(index=EMOTIONS, columns=EMOTIONS, fill_value=0).to_numpy()
    assert (moved != moved.T).any()
    np.testing.assert_array_equal(change.moved, moved)
    assert change.changed == pytest.approx((before != after).mean())
    assert 0 < change.changed < 1


def test_criteria_are_those_of_either_model(
    trained: TrainedModel, adapted: tuple[TrainedModel, Change], calls: Corpus, session_cache: Path
) -> None:
    new, change = adapted
    for model, criteria in ((trained, change.criteria_before), (new, change.criteria_after)):
        assert list(criteria) == list(CRITERIA)
        assert all(map(math.isfinite, criteria.values()))
        features = load_features(
            calls.grouped("none").unlabelled(), model.config.frontend, NormalisationSettings(), session_cache
        )
        # The new model has seen these recordings, the old one is asked about them with its own normaliser.
        if model is trained:
            fitted = Domain(groups=[None] * len(features), shrinkage=0, fitted=trained.normaliser)
            features = replace(features, domains=(fitted,))
        else:
            features = features.told_apart(new.normaliser.voices)
        scores = model.outputs(features).scores.numpy().astype(np.float64)
        # Regression's scores are moved to the nearest probabilities, see Duchi et al. (2008).
        ordered = -np.sort(-scores, axis=1)
        levels = (ordered.cumsum(axis=1) - 1) / np.arange(1, 4)
        used = (ordered > levels).sum(axis=1)
        p = np.maximum(scores - levels[np.arange(len(scores)), used - 1][:, None], 0)
        expected = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1).mean()
        assert criteria["entropy"] == pytest.approx(expected, abs=1e-4)
    assert change.criteria_before != change.criteria_after


def test_criteria_that_need_held_out_utterances_are_no_numbers_without(
    trained: TrainedModel, calls: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    table = trained.source_index.table.assign(validation=False)
    model = replace(trained, source_index=replace(trained.source_index, table=table))
    config = with_steps(trained, 1)
    _, change = adapt(model, calls.unlabelled(), config=config, cache=session_cache, out=tmp_path / "m")
    unknown = {name for name, value in change.criteria_after.items() if math.isnan(value)}
    assert unknown == {"importance-weighted-validation", "deep-embedded-validation"}
    kept = load(tmp_path / "m").record["adaptation"]["criteria_after"]
    assert kept == pytest.approx(change.criteria_after, nan_ok=True)


def test_it_is_a_model_for_the_new_recordings(
    adapted: tuple[TrainedModel, Change], trained: TrainedModel, calls: Corpus, session_cache: Path
) -> None:
    new, _ = adapted
    raw = load_features(calls.unlabelled(), new.config.frontend, NormalisationSettings(), session_cache).raw
    frames = np.concatenate([raw[index] for index in range(len(raw))]).astype(np.float64)
    voices = new.normaliser.voices
    assert voices is not None
    for kind, shares in zip(new.normaliser.domain, voices(frames).T, strict=True):
        own = shares.sum() / (shares.sum() + KIND_SHRINKAGE)
        expected = own * np.average(frames, axis=0, weights=shares) + (1 - own) * frames.mean(axis=0)
        np.testing.assert_allclose(kind.mean, expected, rtol=1e-5)
    assert sum(kind.n_utterances for kind in new.normaliser.domain) == len(calls)
    assert new.emotions == trained.emotions
    assert (new.record["target"], new.record["n_target"]) == (calls.name, len(calls))
    assert not same_weights(new, trained)
    assert new.history["step"].tolist() == list(range(1, STEPS + 1))


def test_it_begins_with_the_weights_of_the_model(
    trained: TrainedModel, calls: Corpus, session_cache: Path
) -> None:
    config = with_steps(trained, 1, "optimisation.learning_rate=1e-12")
    new, _ = adapt(trained, calls.unlabelled(), config=config, cache=session_cache)
    old = dict(trained.network.named_parameters())
    for name, weights in new.network.named_parameters():
        torch.testing.assert_close(weights, old[name], rtol=0, atol=1e-9)


def test_the_old_model_stays_as_it_was(trained: TrainedModel, calls: Corpus, session_cache: Path) -> None:
    before = deepcopy(trained)
    new, _ = adapt(trained, calls.unlabelled(), config=with_steps(trained, 3), cache=session_cache)
    assert same_weights(trained, before)
    assert trained.record == before.record
    assert trained.config == before.config
    assert trained.temperature == before.temperature
    np.testing.assert_array_equal(trained.normaliser.domain[0].mean, before.normaliser.domain[0].mean)
    pd.testing.assert_frame_equal(trained.source_index.table, before.source_index.table)
    for layer, embeddings in before.source_index.embeddings.items():
        assert torch.equal(trained.source_index.embeddings[layer], embeddings)
    storage = {weights.data_ptr() for weights in trained.network.state_dict().values()}
    assert not storage & {weights.data_ptr() for weights in new.network.state_dict().values()}


def test_what_was_held_out_stays_held_out(adapted: tuple[TrainedModel, Change], trained: TrainedModel) -> None:
    new, _ = adapted
    assert trained.source_index.table["validation"].sum() == 9
    pd.testing.assert_frame_equal(new.source_index.table, trained.source_index.table)


@pytest.mark.usefixtures("uncollapsed")
def test_what_is_held_out_is_not_learnt_from(
    tiny_corpora: tuple[Corpus, Corpus], calls: Corpus, session_cache: Path
) -> None:
    # Utterances that change places leave the statistics as they are, and work through being trained on alone.
    settings = ["frontend.kind=spectrogram", "normalisation.group=none"]
    config = quick("didan", 2, "optimisation.validation=0.25", *settings)
    model = train(*tiny_corpora, config=config, cache=session_cache, include_source_features=True)
    assert model.source_index.features is not None
    held_out = model.source_index.table["validation"].to_numpy()

    def after_changing(rows: npt.NDArray[np.bool_]) -> TrainedModel:
        features = model.source_index.features
        assert features is not None
        places = np.arange(len(features))
        places[rows] = np.roll(places[rows], 1)
        packed = PackedFeatures.pack([features[int(place)] for place in places])
        changed = replace(model, source_index=replace(model.source_index, features=packed))
        return adapt(changed, calls.unlabelled(), config=with_steps(model, 4), cache=session_cache)[0]

    unchanged = after_changing(np.zeros(36, dtype=bool))
    assert same_weights(after_changing(held_out), unchanged)
    assert not same_weights(after_changing(~held_out), unchanged)


def test_labels_of_the_target_never_reach_it(
    adapted: tuple[TrainedModel, Change], trained: TrainedModel, calls: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    # Neither as names of files nor in columns of the user's own; and there is no emotion column to begin with.
    files = [tmp_path / f"{number}.wav" for number in range(len(calls))]
    for file, original in zip(files, calls.table["file"], strict=True):
        shutil.copy(original, file)
    table = calls.unlabelled().table.assign(file=[str(file) for file in files], speaker=np.nan)
    described = Recordings("calls", table.assign(label=calls.table["emotion"], mood=np.arange(len(calls))))
    new, _ = adapt(trained, described, config=with_steps(trained, STEPS), cache=session_cache)
    assert same_weights(new, adapted[0])
    assert new.record["leakage"]["labels_read"]["task"].startswith("none")
    with pytest.raises(ValueError, match="no emotion column"):
        Recordings("calls", calls.table)


def test_the_seed_decides(
    adapted: tuple[TrainedModel, Change], trained: TrainedModel, calls: Corpus, session_cache: Path
) -> None:
    other = adapting_config(trained, seed=1, assignments=[f"optimisation.steps={STEPS}"])
    new, _ = adapt(trained, calls.unlabelled(), config=other, cache=session_cache)
    assert not same_weights(new, adapted[0])


def test_without_a_config_it_is_adapted_as_it_was_trained(
    trained: TrainedModel, calls: Corpus, session_cache: Path
) -> None:
    model = replace(trained, config=with_steps(trained, 2, "seed=3"))
    new, _ = adapt(model, calls.unlabelled(), cache=session_cache)
    assert new.config == model.config
    assert len(new.history) == 2


def copied(corpus: Corpus, folder: Path) -> Corpus:
    """The corpus in a folder of the test's own."""
    shutil.copytree(Path(corpus.table["file"].iloc[0]).parents[1], folder)
    files = [str(folder / Path(file).parent.name / Path(file).name) for file in corpus.table["file"]]
    return Corpus(corpus.name, corpus.table.assign(file=files), corpus.language)


@pytest.fixture
def own(trained: TrainedModel, source: Corpus, tmp_path: Path) -> Path:
    """A model directory in a folder with the recordings it learnt from."""
    moved = copied(source, tmp_path / "mine").table["file"]
    table = trained.source_index.table.assign(file=moved)
    save(replace(trained, source_index=replace(trained.source_index, table=table)), tmp_path / "m")
    return tmp_path / "m"


def test_a_model_that_includes_its_source_needs_no_recordings(
    own: Path, calls: Corpus, target: Corpus, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "mine")
    model = load(own)
    arguments: dict[str, Any] = {"config": with_steps(model, 2), "cache": tmp_path / "cache"}
    first, _ = adapt(model, calls.unlabelled(), **arguments, out=tmp_path / "n")
    # The next model includes them too, and the next.
    again = load(tmp_path / "n")
    assert same_weights(first, again)
    assert again.source_index.features is not None
    assert model.source_index.features is not None
    np.testing.assert_array_equal(again.source_index.features.frames, model.source_index.features.frames)
    second, _ = adapt(again, target.unlabelled(), **arguments)
    assert second.record["adapted_from"]["target"] == calls.name
    assert second.record["adapted_from"]["adapted_from"]["target"] == target.name


def test_any_other_needs_to_know_where_they_are(own: Path, source: Corpus, calls: Corpus, tmp_path: Path) -> None:
    (own / "source-features.safetensors").unlink()
    model = load(own)
    config = with_steps(model, 2)
    stayed, _ = adapt(model, calls.unlabelled(), config=config, cache=tmp_path / "cache 1")
    shutil.rmtree(tmp_path / "mine")
    with pytest.raises(UserError, match=r"36 recordings .*--source-folder.*--include-source-features"):
        adapt(model, calls.unlabelled(), config=config, cache=tmp_path / "cache 2", out=tmp_path / "n")
    assert left_in(tmp_path) == ["m"]
    # They are known by their content, and then all is as if they had stayed.
    arguments: dict[str, Any] = {"config": config, "cache": tmp_path / "cache 3"}
    moved, _ = adapt(model, calls.unlabelled(), search_paths=[folder_of(source)], **arguments)
    assert same_weights(moved, stayed)


def folder_of(corpus: Corpus) -> Path:
    return Path(corpus.table["file"].iloc[0]).parents[1]


def test_too_few_utterances_are_refused(trained: TrainedModel, calls: Corpus, tmp_path: Path) -> None:
    few = Recordings("calls", calls.unlabelled().table[:19])
    with pytest.raises(UserError, match=r"calls holds 19 utterances; .* at least 20"):
        adapt(trained, few, cache=tmp_path / "cache", out=tmp_path / "m")
    assert left_in(tmp_path) == []
    adapt(trained, Recordings("calls", calls.unlabelled().table[:20]), config=with_steps(trained, 1))


def test_a_class_prior_of_an_unknown_emotion_is_refused_before_any_work(
    trained: TrainedModel, calls: Corpus, tmp_path: Path
) -> None:
    config = adapting_config(trained, assignments=["class_prior.nutral=0.6"])
    with pytest.raises(UserError, match="did you mean 'neutral'"):
        adapt(trained, calls.unlabelled(), config=config, cache=tmp_path / "cache", out=tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def collapse(monkeypatch: pytest.MonkeyPatch, emotion: int) -> None:
    """Make every adaptation end with a network that gives one emotion to everything."""
    fit = fit_model

    def collapsed(*args: Any, **options: Any) -> TrainedModel:
        model = fit(*args, **options)
        with torch.no_grad():
            model.network.get_parameter("head.output.bias")[..., emotion] += 1000
        return model

    monkeypatch.setattr(adapt_module, "fit_model", collapsed)


def test_an_adaptation_that_collapses_is_refused(
    trained: TrainedModel, calls: Corpus, session_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collapse(monkeypatch, 2)
    config = with_steps(trained, 11)  # long enough for a checkpoint, which must not stay either
    with pytest.raises(UserError, match=r"every utterance of beta would become sadness.*nothing was written"):
        adapt(trained, calls.unlabelled(), config=config, cache=session_cache, out=tmp_path / "m")
    assert left_in(tmp_path) == []
    with pytest.raises(UserError, match="collapsed"):
        adapt(trained, calls.unlabelled(), config=with_steps(trained, 1), cache=session_cache)


def test_recordings_that_were_of_one_emotion_before_may_stay_so(
    trained: TrainedModel, calls: Corpus, session_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collapse(monkeypatch, 1)
    before = deepcopy(trained)
    with torch.no_grad():
        before.network.get_parameter("head.output.bias")[..., 0] += 100
    config = with_steps(trained, 1)
    _, change = adapt(before, calls.unlabelled(), config=config, cache=session_cache, out=tmp_path / "m")
    assert change.before == [1, 0, 0]
    assert change.after == [0, 1, 0]
    assert change.changed == 1
    assert left_in(tmp_path) == ["m"]


def change_to(after: list[float], n: int = 500) -> Change:
    return Change(
        target="calls",
        n=n,
        emotions=EMOTIONS,
        before=[0.5, 0.3, 0.2],
        after=after,
        moved=[[n, 0, 0], [0, 0, 0], [0, 0, 0]],
        criteria_before={},
        criteria_after={},
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (change_to([0.4, 0.3, 0.3]), []),
        (change_to([0.4, 0.3, 0.3], n=99), ["only 99 utterances"]),
        (change_to([0.4, 0.3, 0.3], n=100), []),
        (change_to([0.05, 0.85, 0.1]), ["85 % of the utterances are neutral now, 30 % before"]),
        (change_to([0.1, 0.8, 0.1]), []),
        (change_to([0, 0, 1], n=20), ["only 20 utterances", "100 % of the utterances are sadness now, 20 %"]),
    ],
)
def test_remarks_say_what_should_make_one_wonder(change: Change, words: list[str]) -> None:
    *warnings, last = change.remarks()
    assert len(warnings) == len(words)
    for warning, expected in zip(warnings, words, strict=True):
        assert expected in warning
    assert "scores without labels often err" in last


def test_what_is_written_is_what_is_returned(
    trained: TrainedModel, adapted: tuple[TrainedModel, Change], calls: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    out = tmp_path / "models" / "m"
    new, change = adapt(
        trained, calls.unlabelled(), config=with_steps(trained, STEPS), cache=session_cache, out=out
    )
    assert same_weights(new, adapted[0])
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["m"]
    loaded = load(out)
    assert same_weights(loaded, new)
    assert loaded.record == new.record
    assert loaded.record["adapted_from"]["target"] == "gamma"
    assert loaded.record["adapted_from"]["sources"] == ["alpha"]
    assert loaded.record["adapted_from"]["n_target"] == 36
    adaptation = loaded.record["adaptation"]
    assert adaptation["changed"] == change.changed
    assert adaptation["moved"] == change.moved
    assert adaptation["emotions"] == list(change.emotions)
    assert adaptation["criteria_after"] == change.criteria_after
    files = calls.table["file"].tolist()
    pd.testing.assert_frame_equal(Model(loaded).predict(*files), Model(new).predict(*files), check_exact=True)
    card = (out / "model-card.md").read_text()
    assert f"to {len(calls)} recordings of {calls.name}" in card


def test_an_out_in_use_is_refused_before_any_work(trained: TrainedModel, calls: Corpus, tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "file").touch()

    def work(what: str, done: int, total: int) -> None:
        raise AssertionError(f"there should be no {what}")

    for out, message in ((tmp_path / "used", "exists already"), (tmp_path / "file" / "m", "cannot write")):
        with pytest.raises(UserError, match=message):
            adapt(trained, calls.unlabelled(), out=out, cache=tmp_path / "cache", progress=work)
    assert left_in(tmp_path) == ["file", "used"]


def test_a_full_disk_leaves_nothing(
    trained: TrainedModel,
    calls: Corpus,
    session_cache: Path,
    tmp_path: Path,
    small_disk: Callable[[int], AbstractContextManager[None]],
) -> None:
    load_features(calls.unlabelled(), trained.config.frontend, NormalisationSettings(), session_cache)
    bare = replace(trained, source_index=replace(trained.source_index, features=None))
    with small_disk(300_000), pytest.raises(UserError, match=r"cannot write .*m.* \(.*file too large"):
        adapt(bare, calls.unlabelled(), config=with_steps(trained, 2), cache=session_cache, out=tmp_path / "m")
    assert left_in(tmp_path) == []


def test_a_disk_that_fills_up_while_saving_leaves_no_model(
    trained: TrainedModel, calls: Corpus, session_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("didan.model.directory.save_file", full)
    config = with_steps(trained, 2)
    with pytest.raises(UserError, match="no space left"):
        adapt(trained, calls.unlabelled(), config=config, cache=session_cache, out=tmp_path / "m")
    assert [name for name in left_in(tmp_path) if name != "m.unfinished"] == []


def resumed(
    model: TrainedModel, target: Corpus, config: Config, step: int, cache: Path, folder: Path
) -> tuple[TrainedModel, Change]:
    """The adaptation, interrupted at a step and continued."""
    arguments: dict[str, Any] = {"config": config, "cache": cache, "out": folder / "m"}
    with pytest.raises(KeyboardInterrupt):
        adapt(model, target.unlabelled(), **arguments, progress=InterruptAt("training", step))
    # Before the first checkpoint there is nothing to keep.
    assert left_in(folder) == (["m.unfinished"] if step > 10 else [])
    new = adapt(model, target.unlabelled(), **arguments, resume=True)
    assert left_in(folder) == ["m"]
    return new


@pytest.mark.parametrize("step", [4, 12, STEPS])
def test_a_resumed_adaptation_equals_an_uninterrupted_one(
    trained: TrainedModel,
    adapted: tuple[TrainedModel, Change],
    calls: Corpus,
    session_cache: Path,
    tmp_path: Path,
    step: int,
) -> None:
    new, change = resumed(trained, calls, with_steps(trained, STEPS), step, session_cache, tmp_path)
    assert same_weights(new, adapted[0])
    pd.testing.assert_frame_equal(new.history, adapted[0].history)
    assert change == adapted[1]


def test_so_does_one_with_pseudo_labels_of_before_the_interruption(
    trained: TrainedModel, calls: Corpus, session_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    config = with_steps(trained, 23, "pseudo_labels.every=15")
    new, change = resumed(trained, calls, config, 21, session_cache, tmp_path)
    whole, expected = adapt(trained, calls.unlabelled(), config=config, cache=session_cache)
    assert same_weights(new, whole)
    assert change == expected


def test_an_unfinished_adaptation_is_neither_overwritten_nor_mixed_up(
    trained: TrainedModel, calls: Corpus, target: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    arguments: dict[str, Any] = {"cache": session_cache, "out": tmp_path / "m"}
    config = with_steps(trained, STEPS)
    with pytest.raises(KeyboardInterrupt):
        adapt(trained, calls.unlabelled(), config=config, progress=InterruptAt("training", 12), **arguments)
    with pytest.raises(UserError, match="--resume"):
        adapt(trained, calls.unlabelled(), config=config, **arguments)
    with pytest.raises(UserError, match="other settings"):
        adapt(trained, calls.unlabelled(), config=with_steps(trained, 15), resume=True, **arguments)
    with pytest.raises(UserError, match="other groups and lines and target"):
        adapt(trained, target.unlabelled(), config=config, resume=True, **arguments)
    assert left_in(tmp_path) == ["m.unfinished"]


def test_an_unfinished_adaptation_of_another_model_is_not_continued(
    trained: TrainedModel, calls: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    other = deepcopy(trained)
    with torch.no_grad():
        for weights in other.network.parameters():
            weights.mul_(1.5)
    arguments: dict[str, Any] = {"config": with_steps(trained, 15), "cache": session_cache, "out": tmp_path / "m"}
    with pytest.raises(KeyboardInterrupt):
        adapt(trained, calls.unlabelled(), progress=InterruptAt("training", 12), **arguments)
    with pytest.raises(UserError, match="other"):
        adapt(other, calls.unlabelled(), resume=True, **arguments)


def test_ctrl_c_while_features_are_made_leaves_nothing(
    trained: TrainedModel, calls: Corpus, tmp_path: Path
) -> None:
    arguments: dict[str, Any] = {"cache": tmp_path / "cache", "out": tmp_path / "m"}
    with pytest.raises(KeyboardInterrupt):
        adapt(trained, calls.unlabelled(), progress=InterruptAt("features", 5), **arguments)
    assert left_in(tmp_path) == []
    assert not list((tmp_path / "cache").rglob("*.partial"))


def test_progress_counts_utterances_and_steps(trained: TrainedModel, calls: Corpus, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    adapt(
        trained,
        calls.unlabelled(),
        config=with_steps(trained, 4),
        cache=tmp_path / "cache",
        progress=lambda *counts: seen.append(counts),
    )
    made = [("beta", len(calls)), ("alpha by the target's line", len(trained.source_index.table))]
    expected = [(f"features of {name}", done, n) for name, n in made for done in range(1, n + 1)]
    assert seen == [*expected, *(("training", step, 4) for step in range(1, 5))]


def test_recordings_of_the_source_among_the_target_are_reported(
    trained: TrainedModel, source: Corpus, session_cache: Path
) -> None:
    with pytest.warns(DidanWarning, match="36 target recordings are in the source too"):
        new, _ = adapt(trained, source.unlabelled(), config=with_steps(trained, 1), cache=session_cache)
    assert len(new.record["leakage"]["identical_files"]) == 36


@pytest.mark.usefixtures("uncollapsed")
def test_several_sources_keep_their_order(
    source: Corpus, target: Corpus, calls: Corpus, session_cache: Path
) -> None:
    parts = [
        Corpus(name, source.table[source.table["speaker"] == speaker].reset_index(drop=True))
        for name, speaker in (("second", "alpha-02"), ("first", "alpha-01"), ("third", "alpha-03"))
    ]
    model = train(parts, target, config=quick(steps=2), cache=session_cache, include_source_features=True)
    new, _ = adapt(model, calls.unlabelled(), config=with_steps(model, 2), cache=session_cache)
    assert new.record["sources"] == ["second", "first", "third"]
    pd.testing.assert_frame_equal(new.source_index.table, model.source_index.table)


@pytest.mark.usefixtures("uncollapsed")
def test_a_name_that_comes_twice_mixes_nothing_up(
    source: Corpus, target: Corpus, calls: Corpus, session_cache: Path
) -> None:
    parts = [
        Corpus(name, source.table[source.table["speaker"] == speaker].reset_index(drop=True))
        for name, speaker in (("labels", "alpha-01"), ("other", "alpha-02"), ("labels", "alpha-03"))
    ]
    config = quick("didan", 2, "optimisation.validation=0.25")
    model = train(parts, target, config=config, cache=session_cache, include_source_features=True)
    new, _ = adapt(model, calls.unlabelled(), config=with_steps(model, 2), cache=session_cache)
    pd.testing.assert_frame_equal(new.source_index.table, model.source_index.table)


@pytest.mark.usefixtures("uncollapsed")
def test_unknown_speakers_of_the_new_recordings_get_the_statistics_of_all(
    source: Corpus, target: Corpus, calls: Corpus, session_cache: Path
) -> None:
    model = train(source, target, config=quick("didan", 2), cache=session_cache)
    config = adapting_config(model)
    assert config.normalisation.group == "speaker"
    known, _ = adapt(model, calls.unlabelled(), cache=session_cache)
    unknown = Recordings("calls", calls.unlabelled().table.assign(speaker=np.nan))
    new, _ = adapt(model, unknown, cache=session_cache)
    assert not same_weights(new, known)
    ungrouped = adapting_config(model, group="none")
    assert same_weights(new, adapt(model, calls.unlabelled(), config=ungrouped, cache=session_cache)[0])


@pytest.mark.usefixtures("uncollapsed")
def test_the_source_keeps_its_groups_whatever_the_new_recordings_are_grouped_by(
    source: Corpus, target: Corpus, calls: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    sessions = [["am", "pm", "night"][number % 3] for number in range(36)]
    first, second = (Corpus(corpus.name, corpus.table.assign(session=sessions)) for corpus in (source, target))
    config = quick("didan", 2, "normalisation.group=session", "optimisation.validation=0.25")
    model = train(first, second, config=config, cache=session_cache, include_source_features=True)
    assert model.source_index.table["group"].tolist() == sessions
    with pytest.raises(UserError, match="beta has no column 'session' to group by"):
        adapt(model, calls.unlabelled(), cache=session_cache, out=tmp_path / "m")
    assert left_in(tmp_path) == []
    by_folder = adapting_config(model, group="folder")
    new, _ = adapt(model, calls.unlabelled(), config=by_folder, cache=session_cache)
    assert new.config.normalisation.group == "folder"
    pd.testing.assert_frame_equal(new.source_index.table, model.source_index.table)
    # So the next adaptation, too, sees the source as it was trained on.
    frozen = adapting_config(new, assignments=["optimisation.learning_rate=1e-12"])
    again, _ = adapt(new, calls.unlabelled(), config=frozen, cache=session_cache)
    assert set(again.source_index.table["group"]) == {"am", "pm", "night"}
    for layer, embeddings in new.source_index.embeddings.items():
        torch.testing.assert_close(again.source_index.embeddings[layer], embeddings, rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("uncollapsed")
def test_shrinkage_is_that_of_the_new_settings_on_both_sides(
    source: Corpus, target: Corpus, calls: Corpus, session_cache: Path
) -> None:
    settings = ["normalisation.shrinkage=0"]
    first = train(source, target, config=quick("didan", 2), cache=session_cache)
    new, _ = adapt(
        first, calls.unlabelled(), config=adapting_config(first, assignments=settings), cache=session_cache
    )
    assert new.normaliser.shrinkage == 0
    # As if the model had been trained with that shrinkage from the start.
    other = replace(first, config=quick("didan", 2, *settings))
    expected, _ = adapt(other, calls.unlabelled(), cache=session_cache)
    assert same_weights(new, expected)


def test_the_change_is_from_what_the_old_model_would_predict(
    trained: TrainedModel, calls: Corpus, session_cache: Path
) -> None:
    config = adapting_config(
        trained, assignments=["optimisation.steps=8", "normalisation.shrinkage=0"], group="folder"
    )
    new, change = adapt(trained, calls.unlabelled(), config=config, cache=session_cache)
    before = evaluate(trained, calls, cache=session_cache).utterances["predicted"]
    after = evaluate(new, calls, cache=session_cache).utterances["predicted"]
    assert (evaluate(trained, calls, group="folder", cache=session_cache).utterances["predicted"] != before).any()
    assert change.before == pytest.approx(proportions(trained, before))
    assert change.after == pytest.approx(proportions(trained, after))
    assert change.changed == pytest.approx((before != after).mean())


def model_of(untrained: TrainedModel, config: Config) -> TrainedModel:
    return replace(untrained, config=config)


def test_a_model_is_adapted_as_it_was_trained(untrained: TrainedModel) -> None:
    config = make_config(
        "dann",
        "spectrogram",
        assignments=["optimisation.steps=7", "optimisation.loss=cross-entropy", "normalisation.shrinkage=3"],
        seed=3,
    )
    assert adapting_config(model_of(untrained, config)) == config
    changed = adapting_config(model_of(untrained, config), seed=5, assignments=["method_settings.trade_off=0.3"])
    assert (changed.seed, changed.method, changed.optimisation) == (5, "dann", config.optimisation)
    assert changed.method_settings.model_dump()["trade_off"] == 0.3


def test_the_class_prior_stays_unless_another_is_given(untrained: TrainedModel) -> None:
    model = model_of(untrained, make_config("didan", assignments=["class_prior.neutral=0.6"]))
    assert adapting_config(model).class_prior == {"neutral": 0.6}
    assert adapting_config(model, "mcc").class_prior == {"neutral": 0.6}
    again = adapting_config(model, assignments=["class_prior={anger: 0.2}"])
    assert again.class_prior == {"anger": 0.2}


def test_groups_stay_unless_others_are_named(untrained: TrainedModel) -> None:
    settings = ["normalisation={group: folder, shrinkage: 3}"]
    model = model_of(untrained, make_config("didan", assignments=settings))
    assert adapting_config(model).normalisation == NormalisationSettings(group="folder", shrinkage=3)
    assert adapting_config(model, group="file").normalisation == NormalisationSettings(group="file", shrinkage=3)


def test_pseudo_labels_stay_unless_the_method_changes(untrained: TrainedModel) -> None:
    settings = ["pseudo_labels={kind: confident, weight: 0.5}"]
    model = model_of(untrained, make_config("source-only", assignments=settings))
    # It adapts by its pseudo-labels, so there is no need of another method.
    config = adapting_config(model)
    assert config.method == "source-only"
    assert config.pseudo_labels == ConfidentSettings(weight=0.5)
    assert adapting_config(model, "didan").pseudo_labels == BalancedSettings(weight=2)
    assert adapting_config(model, "mcc").pseudo_labels.weight == 0


def test_a_model_without_adaptation_takes_didan(untrained: TrainedModel) -> None:
    config = adapting_config(model_of(untrained, quick("source-only", 7)))
    assert config == quick("didan", 7)


@pytest.mark.parametrize(("own", "other"), [("didan", "deep-coral"), ("source-only", "dann"), ("dann", "didan")])
def test_another_method_comes_with_its_own_settings(untrained: TrainedModel, own: str, other: str) -> None:
    assert adapting_config(model_of(untrained, quick(own, 7)), other) == quick(other, 7)


@pytest.mark.parametrize(
    ("method", "assignments", "message"),
    [
        ("source-only", [], "source-only does not adapt"),
        ("didna", [], "did you mean 'didan'"),
        (None, ["frontend.bands=40"], "frontend is part of the model"),
        (None, ["frontend.trim=20"], "frontend is part of the model"),
        (None, ["frontend={kind: functionals}"], "frontend is part of the model"),
        ("source-only", ["class_prior.neutral=0.5"], "source-only does not adapt"),
        (None, ["network.dropout=0.1"], "network is part of the model"),
        (None, ["optimisation.step=3"], "did you mean 'optimisation.steps'"),
    ],
)
def test_what_cannot_be_changed_is_refused(
    untrained: TrainedModel, method: str | None, assignments: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        adapting_config(untrained, method, assignments=assignments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("own", ["source-only", "mdd", "dann"])
@pytest.mark.usefixtures("uncollapsed")
def test_models_of_every_kind_can_be_adapted(
    source: Corpus, target: Corpus, calls: Corpus, session_cache: Path, own: str
) -> None:
    model = train(source, target, config=quick(own, 2), cache=session_cache)
    new, change = adapt(model, calls.unlabelled(), cache=session_cache)
    assert np.isfinite(new.history["loss"]).all()
    assert new.config.method == ("didan" if own == "source-only" else own)
    assert sum(map(sum, change.moved)) == len(calls)
