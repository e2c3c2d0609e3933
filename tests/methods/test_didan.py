from typing import Any, Literal

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from didan.alignment import Alignment, align, carried_labels
from didan.methods import LabelCarrier, Setting, find_method
from didan.networks import Output

WIDTHS = {"fc1": 6, "fc2": 5, "output": 3}
CORPUS = torch.tensor([0, 0, 0, 1, 1, 2, 0, 1, 2, 2])


def output(n: int, seed: int) -> Output:
    generator = torch.Generator().manual_seed(seed)
    embeddings = {name: torch.randn(n, width, generator=generator) for name, width in WIDTHS.items()}
    return Output(embeddings, embeddings["output"])


def build(loss: Literal["regression", "cross-entropy"] = "regression", **settings: Any) -> nn.Module:
    method = find_method("didan")
    known = Setting(CORPUS, ("anger", "fear", "neutral"), WIDTHS, loss)
    term = method.build(method.settings(**settings), known)
    assert isinstance(term, nn.Module)
    return term


def measure(term: nn.Module, source: Output, target: Output, index: Tensor) -> Alignment:
    found = term(source, target, CORPUS[index], index)
    assert isinstance(found, Alignment)
    return found


@pytest.mark.parametrize("layer", ["fc1", "fc2", "output"])
def test_chosen_layer_is_aligned(layer: str) -> None:
    source, target = output(4, 0), output(5, 1)
    for h in (*source.embeddings.values(), *target.embeddings.values()):
        h.requires_grad_()
    loss = measure(build(layer=layer), source, target, torch.tensor([0, 3, 5, 7])).loss
    loss.backward()  # type: ignore[no-untyped-call]
    for name in WIDTHS:
        for side in (source, target):
            assert (side.embeddings[name].grad is not None) is (name == layer)


def test_balanced_gives_every_source_emotion_the_same_weight() -> None:
    source, target, index = output(4, 0), output(5, 1), torch.tensor([0, 1, 2, 3])
    # Three of emotion 0, one of emotion 1.
    marginal = torch.tensor([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    found = measure(build(tolerance=1e-4, max_iterations=500), source, target, index)
    h_s, h_t = source.embeddings["fc1"], target.embeddings["fc1"]
    options: dict[str, Any] = {"penalty": "none", "constraint": "balanced", "tolerance": 1e-4}
    expected = align(h_s, h_t, source_marginal=marginal, max_iterations=500, **options)
    assert float(found.loss) == pytest.approx(float(expected.loss), rel=1e-3)
    uniform = align(h_s, h_t, max_iterations=500, **options)
    assert abs(float(uniform.loss) - float(expected.loss)) > 0.01


@pytest.mark.parametrize("constraint", ["free", "convex"])
def test_labels_play_no_part_unless_balanced(constraint: str) -> None:
    source, target, index = output(4, 0), output(5, 1), torch.tensor([0, 1, 2, 3])
    term = build(constraint=constraint, penalty="ridge")
    first = term(source, target, torch.tensor([0, 0, 0, 1]), index)
    second = term(source, target, torch.tensor([2, 1, 0, 1]), index)
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


def test_batch_forgets() -> None:
    term, target = build(penalty="none", constraint="convex", tolerance=1e-5, max_iterations=5000), output(5, 1)
    first = measure(term, output(4, 0), target, torch.tensor([0, 3, 5, 7]))
    measure(term, output(4, 2), target, torch.tensor([1, 2, 4, 6]))
    again = measure(term, output(4, 0), target, torch.tensor([0, 3, 5, 7]))
    assert float(first.loss) == float(again.loss)
    assert list(term.state_dict()) == []


@pytest.mark.parametrize("constraint", ["convex", "balanced"])
def test_memory_reconstructs_from_all_seen_so_far(constraint: str) -> None:
    term = build(dictionary="memory", penalty="none", constraint=constraint, tolerance=1e-4, max_iterations=500)
    earlier, now, target = output(4, 0), output(3, 2), output(5, 1)
    measure(term, earlier, target, torch.tensor([0, 1, 2, 3]))
    found = measure(term, now, target, torch.tensor([3, 5, 8]))
    h_s = torch.cat([now.embeddings["fc1"], earlier.embeddings["fc1"][:3]])
    # Emotions 1, 2, 2 of the batch and 0, 0, 0 from memory
    marginal = torch.tensor([2.0, 1, 1, 2 / 3, 2 / 3, 2 / 3]) / 6
    expected = align(
        h_s,
        target.embeddings["fc1"],
        penalty="none",
        constraint="balanced" if constraint == "balanced" else "convex",
        source_marginal=marginal,
        tolerance=1e-4,
        max_iterations=500,
    )
    assert float(found.loss) == pytest.approx(float(expected.loss), rel=1e-3)


def test_memory_is_saved_with_the_term() -> None:
    settings: dict[str, Any] = {"dictionary": "memory", "layer": "fc2", "penalty": "ridge", "constraint": "free"}
    term, other = build(**settings), build(**settings)
    measure(term, output(4, 0), output(5, 1), torch.tensor([0, 1, 2, 3]))
    other.load_state_dict({name: tensor.clone() for name, tensor in term.state_dict().items()})
    losses = [
        float(measure(t, output(2, 3), output(5, 1), torch.tensor([8, 9])).loss)
        for t in (term, other, build(**settings))
    ]
    assert losses[0] == losses[1]
    assert losses[0] != pytest.approx(losses[2], rel=1e-3)


@pytest.mark.parametrize("constraint", ["convex", "balanced"])
def test_l21_with_convex_rows_is_refused(constraint: str) -> None:
    with pytest.raises(ValidationError, match="l21 cannot be combined"):
        find_method("didan").settings.model_validate({"penalty": "l21", "constraint": constraint})


@pytest.mark.parametrize(
    "settings",
    [
        {"lambda": 3},
        {"tau": -0.1},
        {"trade_off": -1},
        {"ramp": 2},
        {"layer": "fc3"},
        {"dictionary": "disk"},
        {"penalty": "l2"},
        {"constraint": "signed"},
        {"tolerance": 0},
        {"max_iterations": 0},
        {"proportions": {"neutral": 1}},
        {"proportions": {"neutral": 0}},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(settings))):
        find_method("didan").settings.model_validate(settings)


@pytest.mark.parametrize("penalty", ["l1", "l21", "ridge", "none"])
@pytest.mark.parametrize("constraint", ["free", "nonnegative"])
def test_other_combinations_are_accepted(penalty: str, constraint: str) -> None:
    term = build(penalty=penalty, constraint=constraint)
    assert measure(term, output(4, 0), output(5, 1), torch.tensor([0, 3, 5, 7])).loss.isfinite()


@pytest.mark.parametrize(
    ("settings", "due"),
    [
        ({"labels_from": 0.1, "labels_every": 30}, [10, 40, 70]),
        ({"labels_from": 0.0, "labels_every": 50}, [0, 50]),
        ({"labels_from": 0.995, "labels_every": 1}, []),
        ({"labels_from": 0.97, "labels_every": 1}, [97, 98, 99]),
        ({"labels": 0}, []),
    ],
)
def test_labels_are_due_from_a_share_of_training_on_and_then_regularly(
    settings: dict[str, Any], due: list[int]
) -> None:
    term = build(**settings)
    assert isinstance(term, LabelCarrier)
    assert [step for step in range(100) if term.labels_due(step, 100)] == due


@pytest.mark.parametrize("loss", ["regression", "cross-entropy"])
def test_labels_are_carried_by_balanced_coefficients(loss: Literal["regression", "cross-entropy"]) -> None:
    # A little away from undecided, where a regression says nearly what a softmax says.
    shares = (0.01 * output(9, 3).scores).softmax(dim=1)
    term = build(loss, sharpness=3)
    assert isinstance(term, LabelCarrier)
    found = term.carry(Output({}, shares if loss == "regression" else shares.log()))
    torch.testing.assert_close(found, carried_labels(shares.log(), 3.0), rtol=0, atol=1e-4)
    assert term.labels_weight() == 2.0


def test_proportions_say_how_much_every_emotion_is_used() -> None:
    proportions = {"fear": 0.2, "neutral": 0.7}
    told, shares = (
        build(proportions=proportions, tolerance=1e-4, max_iterations=500),
        torch.tensor([0.1, 0.2, 0.7]),
    )
    source, target, index = output(5, 0), output(5, 1), torch.tensor([0, 1, 3, 5, 8])
    expected = align(
        source.embeddings["fc1"],
        target.embeddings["fc1"],
        penalty="none",
        constraint="balanced",
        source_marginal=torch.tensor([0.05, 0.05, 0.2, 0.35, 0.35]),
        tolerance=1e-4,
        max_iterations=500,
    )
    assert float(measure(told, source, target, index).loss) == pytest.approx(float(expected.loss), rel=1e-3)
    # Near the shares, a regression says nearly what a softmax says.
    near = (shares.log() + 0.01 * output(40, 3).scores).softmax(dim=1)
    assert isinstance(told, LabelCarrier)
    carried = told.carry(Output({}, near))
    torch.testing.assert_close(carried, carried_labels(near.log(), 1.8, shares), rtol=0, atol=1e-3)
    torch.testing.assert_close(carried.mean(dim=0), shares, rtol=1e-2, atol=0)
