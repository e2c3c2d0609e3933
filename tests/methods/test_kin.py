"""DIDAN's kin on batches made by hand, against the formulas written out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from torch import Tensor

from didan.alignment import local_mmd, multi_kernel_mmd, proxy_a_distance
from didan.methods import find_method
from didan.methods.djda import balance, marginal_mmd
from didan.methods.ecan import Ecan, EcanSettings
from didan.methods.emo_dna import EmoDna, EmoDnaSettings
from didan.methods.method import MethodContext
from didan.networks import Output, ScoreLink
from didan.typing import Floats

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def context(n_target: int = 6, domains: Tensor | None = None) -> MethodContext:
    return MethodContext(
        emotions=("anger", "happiness", "sadness"),
        widths={"fc1": 4, "fc2": 5, "output": 3},
        link=ScoreLink(),
        class_prior=torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64),
        source_domains=torch.zeros(6, dtype=torch.long) if domains is None else domains,
        n_target=n_target,
    )


def output(n: int, seed: int, index: Tensor | None = None) -> Output:
    generator = torch.Generator().manual_seed(seed)
    embeddings = {
        name: torch.randn(n, width, generator=generator) for name, width in (("fc1", 4), ("fc2", 5), ("output", 3))
    }
    return Output(embeddings, embeddings["output"], torch.arange(n) if index is None else index)


def contrast(own: Floats, other: Floats, positives: list[list[int]], itself: list[int | None]) -> float:
    """Mean over anchors of the mean over positives, at a temperature of 0.1."""
    own, other = (h / np.linalg.norm(h, axis=1, keepdims=True) for h in (own, other))
    means = []
    for i, chosen in enumerate(positives):
        counted = [j for j in range(len(other)) if j != itself[i]]
        total = np.log(sum(np.exp(10 * own[i] @ other[j]) for j in counted))
        means += [np.mean([total - 10 * own[i] @ other[j] for j in chosen])] if chosen else []
    return float(np.mean(means)) if means else 0.0


def test_emo_dna_is_its_formula() -> None:
    source, target = output(6, 0), output(6, 1)
    torch.manual_seed(0)
    term = EmoDna(EmoDnaSettings(), context())
    p = ScoreLink().probabilities(target.scores).numpy()
    pseudo, confidence = p.argmax(axis=1), p.max(axis=1)
    chosen = [confidence[i] >= confidence[pseudo == pseudo[i]].mean() - 1e-6 for i in range(6)]
    assert 0 < sum(chosen) < 6
    h = np.concatenate([source.embeddings["fc2"], target.embeddings["fc2"]])
    c = term.specific(torch.cat([source.embeddings["fc1"], target.embeddings["fc1"]])).detach().numpy()
    emotion = [*LABELS.tolist(), *(pseudo[i] if chosen[i] else None for i in range(6))]

    def same(groups: Sequence[int | None]) -> list[list[int]]:
        known = [j for j in range(12) if groups[j] is not None]
        return [[j for j in known if j != i and groups[i] == groups[j]] for i in range(12)]

    decouple = contrast(h, np.concatenate([h, c]), same(emotion), [*range(12)])
    decouple += contrast(c, np.concatenate([c, h]), same([0] * 6 + [1] * 6), [*range(12)])
    by_class = [[j for j in range(6) if chosen[i] and LABELS[j] == pseudo[i]] for i in range(6)]
    classes = contrast(h[6:], h[:6], by_class, [None] * 6)
    expected = decouple + classes + float(multi_kernel_mmd(torch.tensor(h[:6]), torch.tensor(h[6:])))
    alignment = term(source, target, LABELS)
    assert float(alignment.loss.detach()) == pytest.approx(expected, rel=1e-4)
    assert alignment.diagnostics["confident"] == pytest.approx(np.mean(chosen))


def test_ecan_is_its_formula_and_remembers() -> None:
    term = Ecan(EcanSettings(neighbours=2, nearest=0.5, supervised=2.0), context(n_target=9))
    earlier, now = output(5, 3, torch.tensor([7, 2, 0, 4, 8])), output(4, 4, torch.tensor([1, 2, 5, 6]))
    nothing = output(0, 0)
    term(nothing, earlier, LABELS[:0])
    alignment = term(nothing, now, LABELS[:0])

    link = ScoreLink()
    known = {  # what was seen last of each
        i: (side.embeddings["fc2"][row].numpy(), link.probabilities(side.scores)[row].numpy())
        for side, index in ((earlier, (7, 2, 0, 4, 8)), (now, (1, 2, 5, 6)))
        for row, i in enumerate(index)
    }
    assert sorted(known) == [0, 1, 2, 4, 5, 6, 7, 8]
    bank, scores = (np.array([known[i][which] for i in sorted(known)]) for which in (0, 1))
    unit = bank / np.linalg.norm(bank, axis=1, keepdims=True)
    near = [sorted(set(range(8)) - {i}, key=lambda j, i=i: -unit[i] @ unit[j])[:2] for i in range(8)]  # type: ignore[misc]
    pseudo = [int(scores[own].mean(axis=0).argmax()) for own in near]
    places = [sorted(known).index(i) for i in (1, 2, 5, 6)]
    p = link.probabilities(now.scores).numpy()
    nearest = contrast(p, scores, [near[i] for i in places], places)  # type: ignore[arg-type]
    same = [[j for j in range(8) if j != i and pseudo[j] == pseudo[i]] for i in places]
    supervised = contrast(now.embeddings["fc2"].numpy(), bank, same, places)  # type: ignore[arg-type]
    diversity = entropy(p.mean(axis=0), [0.5, 0.25, 0.25])
    expected = diversity + 0.5 * nearest + 2 * supervised
    assert float(alignment.loss) == pytest.approx(expected, rel=1e-4)


def test_hda_aligns_every_level() -> None:
    torch.manual_seed(0)
    source, target = (
        replace(output(6, seed), levels={"frames": torch.randn(300, 4), "segments": torch.randn(40, 4) + seed})
        for seed in (0, 1)
    )
    term = find_method("hda").build(find_method("hda").settings(), context())
    assert term is not None
    made = term(source, target, LABELS)
    fewer = term(replace(source, levels={}), replace(target, levels={}), LABELS)
    utterances = float(multi_kernel_mmd(source.embeddings["fc1"], target.embeddings["fc1"]))
    # All segments are compared, whatever their order, and as many frames as it takes.
    segments = float(multi_kernel_mmd(source.levels["segments"], target.levels["segments"]))
    frames = float(multi_kernel_mmd(source.levels["frames"], target.levels["frames"]))
    assert float(fewer.loss) == pytest.approx(utterances)
    assert made.diagnostics == pytest.approx(
        {"utterances": utterances, "segments": segments, "frames": made.diagnostics["frames"]}, rel=1e-4
    )
    assert made.diagnostics["frames"] == pytest.approx(frames, abs=0.01)
    assert float(made.loss) == pytest.approx(sum(made.diagnostics.values()))


def test_djda_aligns_every_domain() -> None:
    source, target = output(6, 0), output(6, 1)
    h_s, h_t = source.embeddings["fc2"], target.embeddings["fc2"]
    whole = mmd_of(h_s, h_t, range(6))
    assert float(marginal_mmd(h_s, h_t, torch.full((6,), 3))) == pytest.approx(whole, rel=1e-4)
    halves = (mmd_of(h_s, h_t, [0, 1, 3]) + mmd_of(h_s, h_t, [2, 4, 5])) / 2
    assert float(marginal_mmd(h_s, h_t, torch.tensor([4, 4, 1, 4, 1, 1]))) == pytest.approx(halves, rel=1e-4)
    # A domain's share is its number of utterances; of one utterance alone there is nothing to be said.
    shares = (3 * mmd_of(h_s, h_t, [0, 1, 2]) + 2 * mmd_of(h_s, h_t, [3, 4])) / 5
    assert float(marginal_mmd(h_s, h_t, torch.tensor([0, 0, 0, 1, 1, 2]))) == pytest.approx(shares, rel=1e-4)
    # Domains of one utterance are taken together.
    assert float(marginal_mmd(h_s, h_t, torch.arange(6))) == pytest.approx(whole, rel=1e-4)


def test_djda_gains_nothing_by_giving_small_domains_one_place() -> None:
    """Of the same distribution, utterances seem no further apart the fewer they are."""
    generator = torch.Generator().manual_seed(0)
    gaps = []
    for _ in range(200):
        h = torch.randn(48, 4, generator=generator)
        gaps.append(float(marginal_mmd(h[:32], h[32:], torch.arange(32) // 2)))
    assert abs(np.mean(gaps)) < 2.5 * np.std(gaps) / 200**0.5


def mmd_of(h_s: Tensor, h_t: Tensor, rows: Sequence[int]) -> float:
    """The unbiased squared MMD of some rows, by a bandwidth of all."""
    h = torch.cat([h_s, h_t]).double().numpy()
    distances = ((h[:, None] - h) ** 2).sum(axis=2)
    b = distances.sum() / (len(h) * (len(h) - 1))
    kernel = sum(np.exp(-distances / (width * b)) for width in (0.25, 0.5, 1, 2, 4))
    s, t = list(rows), list(range(len(h_s), len(h)))

    def pairs(a: list[int], c: list[int]) -> float:
        return float(np.mean([kernel[i, j] for i in a for j in c if i != j]))

    return pairs(s, s) + pairs(t, t) - 2 * pairs(s, t)


def test_djda_weighs_by_the_distance_and_remembers() -> None:
    source, target = output(6, 0), output(6, 1)
    h_s, h_t = source.embeddings["fc2"], target.embeddings["fc2"] + 1
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    d = proxy_a_distance(h_s, h_t)
    own = [proxy_a_distance(h_s[labels == c], h_t[labels == c]) for c in (0, 1)]
    assert d > 0
    assert balance(h_s, h_t, labels, labels) == pytest.approx(d / (d + np.mean(own)))
    assert balance(h_s * 0, h_t * 0, labels, labels) == 0.5

    method = find_method("djda")
    term = method.build(method.settings(), context(domains=torch.tensor([0, 1, 0, 1, 0, 1])))
    assert term is not None
    shifted = Output({**target.embeddings, "fc2": h_t}, target.scores, target.index)
    weights = []
    for side in (target, shifted):
        alignment = term(source, side, LABELS)
        pseudo_labels = side.scores.argmax(dim=1)
        weights.append(balance(h_s, side.embeddings["fc2"], LABELS, pseudo_labels))
    running = 0.9 * weights[0] + 0.1 * weights[1]
    assert alignment.diagnostics["marginal"] == pytest.approx(running, abs=1e-6)
    p = ScoreLink().probabilities(target.scores)
    expected = running * marginal_mmd(h_s, h_t, torch.tensor([0, 1, 0, 1, 0, 1])) + (1 - running) * local_mmd(
        h_s, h_t, torch.eye(3)[LABELS], p
    )
    assert float(alignment.loss) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("certain", [False, True])
def test_shot_is_its_formula(certain: bool) -> None:
    method = find_method("shot")
    term = method.build(method.settings(), context())
    assert term is not None
    target = output(6, 1)
    if certain:  # of every emotion as often as the prior has it: nothing is left to gain
        scores = 100 * torch.eye(3)[[0, 0, 1, 2]]
        target = Output({**target.embeddings, "output": scores}, scores, torch.arange(4))
    p = ScoreLink().probabilities(target.scores).numpy().astype(float)
    expected = np.mean([entropy(row) for row in p]) + entropy(p.mean(axis=0), [0.5, 0.25, 0.25])
    alignment = term(output(0, 0), target, LABELS[:0])
    assert float(alignment.loss) == pytest.approx(0 if certain else expected, abs=1e-5)
