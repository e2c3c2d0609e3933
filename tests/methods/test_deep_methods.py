"""What must hold for every method's alignment term, and the losses taken from skada against their formulas."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax
from scipy.stats import entropy
from torch import Tensor, nn

from didan.alignment import Alignment, align, class_balanced_marginal, multi_kernel_mmd
from didan.audio import Utterance
from didan.corpora import Corpus
from didan.inference.predict import predict
from didan.methods import METHODS, MethodContext, find_method
from didan.model.config import make_config
from didan.networks import Loss, Output, ScoreLink
from didan.training.train import train

WIDTHS = {"fc1": 6, "fc2": 5, "output": 3}
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
ALIGNING = [name for name in METHODS if name != "source-only"]


def output(n: int, seed: int, shift: float = 0.0) -> Output:
    generator = torch.Generator().manual_seed(seed)
    embeddings = {
        name: (shift + torch.randn(n, width, generator=generator)).requires_grad_()
        for name, width in WIDTHS.items()
    }
    return Output(embeddings, embeddings["output"], torch.arange(n))


def build(name: str, loss: Loss = "regression", **settings: Any) -> Any:
    method = find_method(name)
    context = MethodContext(
        emotions=("anger", "happiness", "sadness"),
        widths=WIDTHS,
        link=ScoreLink(loss),
        class_prior=torch.full((3,), 1 / 3, dtype=torch.float64),
        source_domains=torch.arange(8) % 2,
        n_target=8,
    )
    torch.manual_seed(0)
    return method.build(method.settings(**settings), context)


def measure(term: Any, source: Output, target: Output, labels: Tensor = LABELS) -> Alignment:
    alignment = term(source, target, labels)
    assert isinstance(alignment, Alignment)
    return alignment


@pytest.mark.parametrize("loss", ["regression", "cross-entropy"])
@pytest.mark.parametrize("name", ALIGNING)
def test_every_method_gives_a_finite_loss_that_reaches_the_target(name: str, loss: Loss) -> None:
    source, target = output(8, 0), output(8, 1, shift=0.5)
    alignment = measure(build(name, loss), source, target)
    assert alignment.loss.ndim == 0
    assert math.isfinite(float(alignment.loss.detach()))
    alignment.loss.backward()  # type: ignore[no-untyped-call]
    gradients = [h.grad for h in target.embeddings.values() if h.grad is not None]
    assert gradients
    assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients)
    assert any(bool(gradient.abs().sum() > 0) for gradient in gradients)


@pytest.mark.parametrize("name", ALIGNING)
def test_order_of_the_utterances_plays_no_part(name: str) -> None:
    source, target = output(8, 0), output(8, 1, shift=0.5)
    term = build(name)
    order = torch.tensor([3, 1, 7, 0, 6, 2, 5, 4])

    def reordered(side: Output) -> Output:
        embeddings = {layer: h.detach()[order] for layer, h in side.embeddings.items()}
        return Output(embeddings, embeddings["output"], order)

    first = measure(term, source, target)
    second = measure(term, reordered(source), reordered(target), LABELS[order])
    assert float(second.loss.detach()) == pytest.approx(float(first.loss.detach()), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("name", ["didan", "lidan", "dan", "jan", "dsan", "deep-coral"])
def test_the_same_distribution_is_nearer_than_a_shifted_one(name: str) -> None:
    source = output(8, 0)
    far = {layer: 3 * h.detach() + 2 for layer, h in source.embeddings.items()}
    same = {layer: h.detach() for layer, h in source.embeddings.items()}
    term = build(name)
    near, away = (measure(term, source, Output(h, h["output"])).loss.detach() for h in (same, far))
    assert float(near) < float(away)


@pytest.mark.parametrize("name", ["dann", "cdan", "mdd"])
def test_an_adversary_is_trained_and_saved_with_the_network(name: str) -> None:
    term = build(name)
    assert isinstance(term, nn.Module)
    assert list(term.state_dict())
    measure(term, output(8, 0), output(8, 1)).loss.backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in term.parameters())


def test_dan_adds_the_layers_up() -> None:
    source, target = output(8, 0), output(8, 1, shift=0.5)
    expected = sum(float(multi_kernel_mmd(source.embeddings[x], target.embeddings[x]).detach()) for x in WIDTHS)
    assert float(measure(build("dan"), source, target).loss.detach()) == pytest.approx(expected, rel=1e-5)


def test_lidan_is_ida_in_the_first_layer_and_looks_at_pseudo_labels_in_the_others() -> None:
    source, target = output(8, 0), output(8, 1)
    exact: dict[str, Any] = {"tolerance": 1e-4, "max_iterations": 1000}
    alignment = measure(build("lidan", **exact), source, target)
    ida = align(
        source.embeddings["fc1"].detach(),
        target.embeddings["fc1"].detach(),
        penalty="none",
        constraint="balanced",
        source_marginal=class_balanced_marginal(LABELS),
        **exact,
    )
    assert alignment.diagnostics["residual"] == pytest.approx(ida.diagnostics["residual"], abs=1e-3)
    assert float(alignment.loss.detach()) > float(ida.loss.detach())
    other = Output(target.embeddings, target.scores.flip(1))
    assert measure(build("lidan", **exact), source, other).diagnostics["residual_fc2"] != pytest.approx(
        alignment.diagnostics["residual_fc2"], abs=1e-3
    )


def test_deep_coral_is_its_formula() -> None:
    source, target = output(8, 0), output(9, 1)
    covariances = [np.cov(side.scores.detach().numpy(), rowvar=False) for side in (source, target)]
    expected = ((covariances[0] - covariances[1]) ** 2).sum() / (4 * 3**2)
    assert float(measure(build("deep-coral"), source, target).loss.detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("loss", "inverse_temperature"), [("cross-entropy", 1), ("regression", 5)])
def test_mcc_is_its_formula(loss: Loss, inverse_temperature: int) -> None:
    target = output(9, 1)
    p = softmax(inverse_temperature * target.scores.detach().numpy().astype(float) / 2.5, axis=1)
    weights = 1 + np.exp(-entropy(p, axis=1))
    weights *= len(weights) / weights.sum()
    confusion = np.zeros((3, 3))
    for weight, row in zip(weights, p, strict=True):
        confusion += weight * np.outer(row, row)
    confusion /= confusion.sum(axis=1, keepdims=True)
    expected = (confusion.sum() - np.trace(confusion)) / 3
    assert float(measure(build("mcc", loss), output(8, 0), target).loss.detach()) == pytest.approx(
        expected, rel=1e-4
    )


def test_deep_jdot_is_the_cheapest_assignment() -> None:
    # Transport between equally many equally heavy utterances is an assignment.
    source, target = output(8, 0), output(8, 1)
    h_s, h_t = (side.embeddings["fc2"].detach().numpy() for side in (source, target))
    distances = ((h_s[:, None] - h_t) ** 2).sum(axis=2)
    labels = ((np.eye(3)[LABELS.numpy()][:, None] - target.scores.detach().numpy()) ** 2).sum(axis=2)
    cost = 0.1 * distances + labels
    rows, columns = linear_sum_assignment(cost)
    alignment = measure(build("deep-jdot", distance=0.1), source, target)
    assert float(alignment.loss.detach()) == pytest.approx(cost[rows, columns].mean(), rel=1e-4)


@pytest.mark.parametrize("name", ALIGNING)
def test_every_method_trains(name: str, source: Corpus, target: Corpus, session_cache: Any) -> None:
    frontend = "spectrogram" if METHODS[name].hierarchical else "functionals"
    config = make_config(name, frontend, assignments=["optimisation.steps=2", "optimisation.batch_size=6"])
    model = train(source, target, config=config, cache=session_cache)
    assert model.config.method == name
    assert np.isfinite(model.history["alignment"]).all()
    assert len(list(predict(model, [Utterance(Path(target.table["file"].iloc[0]))]))) == 1
