from collections.abc import Sequence
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from didan.alignment import Alignment, align
from didan.methods import MethodContext, find_method
from didan.model.config import make_config
from didan.networks import Output, ScoreLink
from didan.self_training import BalancedSettings

WIDTHS = {"fc1": 6, "fc2": 5, "output": 3}
CORPUS = torch.tensor([0, 0, 0, 1, 1, 2, 0, 1, 2, 2])


def output(n: int, seed: int) -> Output:
    generator = torch.Generator().manual_seed(seed)
    embeddings = {name: torch.randn(n, width, generator=generator) for name, width in WIDTHS.items()}
    return Output(embeddings, embeddings["output"])


def build(class_prior: Sequence[float] = (1 / 3, 1 / 3, 1 / 3), **settings: Any) -> nn.Module:
    method = find_method("didan")
    context = MethodContext(
        emotions=("anger", "fear", "neutral"),
        widths=WIDTHS,
        link=ScoreLink(),
        class_prior=torch.tensor(class_prior, dtype=torch.float64),
        source_domains=torch.arange(8) % 2,
        n_target=8,
    )
    term = method.build(method.settings(**settings), context)
    assert isinstance(term, nn.Module)
    return term


def measure(term: nn.Module, source: Output, target: Output, index: Tensor) -> Alignment:
    alignment = term(source, target, CORPUS[index])
    assert isinstance(alignment, Alignment)
    return alignment


def test_the_first_layer_is_aligned() -> None:
    source, target = output(4, 0), output(5, 1)
    for h in (*source.embeddings.values(), *target.embeddings.values()):
        h.requires_grad_()
    loss = measure(build(), source, target, torch.tensor([0, 3, 5, 7])).loss
    loss.backward()  # type: ignore[no-untyped-call]
    for name in WIDTHS:
        for side in (source, target):
            assert (side.embeddings[name].grad is not None) is (name == "fc1")


def test_balanced_gives_every_source_emotion_the_same_weight() -> None:
    source, target, index = output(4, 0), output(5, 1), torch.tensor([0, 1, 2, 3])
    # Three of emotion 0, one of emotion 1.
    marginal = torch.tensor([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    balanced = measure(build(constraint="balanced", tolerance=1e-4, max_iterations=500), source, target, index)
    h_s, h_t = source.embeddings["fc1"], target.embeddings["fc1"]
    options: dict[str, Any] = {"penalty": "none", "constraint": "balanced", "tolerance": 1e-4}
    expected = align(h_s, h_t, source_marginal=marginal, max_iterations=500, **options)
    assert float(balanced.loss) == pytest.approx(float(expected.loss), rel=1e-3)
    uniform = align(h_s, h_t, max_iterations=500, **options)
    assert abs(float(uniform.loss) - float(expected.loss)) > 0.01


@pytest.mark.parametrize("constraint", ["free", "convex"])
def test_labels_play_no_part_unless_balanced(constraint: str) -> None:
    source, target = output(4, 0), output(5, 1)
    term = build(constraint=constraint, penalty="ridge")
    first = term(source, target, torch.tensor([0, 0, 0, 1]))
    second = term(source, target, torch.tensor([2, 1, 0, 1]))
    assert float(first.loss) == float(second.loss)


def test_solver_settings_are_passed_on() -> None:
    source, target, index = output(8, 0), output(5, 1), torch.arange(8)
    rough, fine = (
        measure(build(penalty="l1", constraint="free", tolerance=t, max_iterations=n), source, target, index)
        for t, n in ((1e-6, 1), (1e-6, 5000))
    )
    assert fine.diagnostics["gap"] <= 1e-6 < rough.diagnostics["gap"]
    emptied = build(penalty="l1", constraint="free", tau=1.0)
    assert measure(emptied, source, target, index).diagnostics["used"] == 0


def test_a_batch_leaves_no_trace() -> None:
    term, target = build(penalty="none", constraint="convex", tolerance=1e-5, max_iterations=5000), output(5, 1)
    first = measure(term, output(4, 0), target, torch.tensor([0, 3, 5, 7]))
    measure(term, output(4, 2), target, torch.tensor([1, 2, 4, 6]))
    again = measure(term, output(4, 0), target, torch.tensor([0, 3, 5, 7]))
    assert float(first.loss) == float(again.loss)
    assert list(term.state_dict()) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"lambda": 3},
        {"tau": -0.1},
        {"trade_off": -1},
        {"ramp": 2},
        {"penalty": "l21"},
        {"constraint": "signed"},
        {"tolerance": 0},
        {"max_iterations": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(settings))):
        find_method("didan").settings.model_validate(settings)


@pytest.mark.parametrize("penalty", ["l1", "ridge", "none"])
@pytest.mark.parametrize("constraint", ["free", "nonnegative"])
def test_other_combinations_are_accepted(penalty: str, constraint: str) -> None:
    term = build(penalty=penalty, constraint=constraint)
    assert measure(term, output(4, 0), output(5, 1), torch.tensor([0, 3, 5, 7])).loss.isfinite()


def test_class_prior_says_how_much_every_emotion_is_used() -> None:
    source, target, index = output(5, 0), output(5, 1), torch.tensor([0, 1, 3, 5, 8])
    exact: dict[str, Any] = {"tolerance": 1e-4, "max_iterations": 500}
    with_prior = build(class_prior=[0.1, 0.2, 0.7], constraint="balanced", **exact)
    expected = align(
        source.embeddings["fc1"],
        target.embeddings["fc1"],
        penalty="none",
        constraint="balanced",
        source_marginal=torch.tensor([0.05, 0.05, 0.2, 0.35, 0.35]),
        **exact,
    )
    assert float(measure(with_prior, source, target, index).loss) == pytest.approx(float(expected.loss), rel=1e-3)
    uniform = measure(build(constraint="balanced", **exact), source, target, index)
    assert abs(float(uniform.loss) - float(expected.loss)) > 0.01


@pytest.mark.parametrize(("constraint", "assumes"), [("balanced", True), ("convex", False), ("free", False)])
def test_only_balanced_coefficients_assume_a_class_prior(constraint: str, assumes: bool) -> None:
    settings = find_method("didan").settings.model_validate({"constraint": constraint})
    assert settings.assumes_uniform_prior() is assumes


def test_balanced_pseudo_labels_belong_to_it() -> None:
    config = make_config("didan")
    assert config.pseudo_labels == BalancedSettings(weight=2.0)
    assert make_config("didan", assignments=["pseudo_labels.weight=0"]).pseudo_labels.weight == 0
