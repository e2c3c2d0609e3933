"""Style translation: source features are given the target's style, and a linear SVM learns from them."""

from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from didan.alignment import contrastive
from didan.classical.method import Array, ClassicalMethod, Labels
from didan.classical.svm import AdaptedSVM, linear_svm
from didan.hardware import one_thread


class Translator(nn.Module):
    """``x + f(x)`` with two fully connected layers in f; nothing is translated at first.

    Args:
        width: number of features.
        hidden: of f.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(width, hidden), nn.Linear(hidden, width)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Translate features, shape (n, width)."""
        translated: Tensor = x + self.outer(torch.relu(self.inner(x)))
        return translated


class StyleTranslation:
    """A cycle-consistent pair of translators (Zhu et al., ICCV 2017) with a contrastive loss.

        L(G, F) = adversarial(G) + adversarial(F) + c (|F(G(x_s)) - x_s| + |G(F(x_t)) - x_t|) + k L_contrast

    G makes target features of source features, F the reverse; an adversary per corpus tells translated features
    from real ones, by least squares. L_contrast keeps the emotion: a translated source utterance among itself
    before and those of other emotions in its batch. The idea is the paper's, by its title; all else is ours.

    Args:
        seed: of everything random.
        cycle: c.
        contrast: k.
        hidden: units of each network.
        steps: of training.
        batch_size: utterances of each corpus.
    """

    def __init__(
        self,
        seed: int,
        cycle: float = 3.0,
        contrast: float = 1.0,
        hidden: int = 128,
        steps: int = 500,
        batch_size: int = 64,
    ) -> None:
        self.seed, self.cycle, self.contrast = seed, cycle, contrast
        self.hidden, self.steps, self.batch_size = hidden, steps, batch_size

    def fit_transform(self, X: Array, y: Labels, *, sample_domain: Labels) -> Array:
        """See :class:`didan.classical.svm.Adapter`."""
        source = sample_domain >= 0
        sides = [torch.from_numpy(X[rows]).float() for rows in (source, ~source)]
        with torch.random.fork_rng(devices=()), one_thread():
            torch.manual_seed(self.seed)
            self.forth_ = self._train(sides[0], torch.from_numpy(y[source]), sides[1])
        return self.transform(X, sample_domain=sample_domain)

    def transform(self, X: Array, *, sample_domain: Labels, **options: Any) -> Array:
        """See :class:`didan.classical.svm.Adapter`; the target stays as it is."""
        translated = np.array(X)
        source = sample_domain >= 0
        with torch.inference_mode():
            translated[source] = self.forth_(torch.from_numpy(X[source]).float()).numpy()
        return translated

    def _train(self, X_s: Tensor, y_s: Tensor, X_t: Tensor) -> Translator:
        width = X_s.shape[1]
        forth, back = Translator(width, self.hidden), Translator(width, self.hidden)
        of_target, of_source = self._adversary(width), self._adversary(width)
        translators = torch.optim.Adam(chain(forth.parameters(), back.parameters()), 1e-3, betas=(0.5, 0.999))
        adversaries = torch.optim.Adam(
            chain(of_target.parameters(), of_source.parameters()), 1e-3, betas=(0.5, 0.999)
        )
        for _ in range(self.steps):
            drawn = torch.randint(len(X_s), (self.batch_size,))
            s, t, labels = X_s[drawn], X_t[torch.randint(len(X_t), (self.batch_size,))], y_s[drawn]
            as_t, as_s = forth(s), back(t)
            loss = (of_target(as_t) - 1).square().mean() + (of_source(as_s) - 1).square().mean()
            loss = loss + self.cycle * ((back(as_t) - s).abs().mean() + (forth(as_s) - t).abs().mean())
            itself = torch.eye(len(s), dtype=torch.bool)
            alike = (labels[:, None] == labels) & ~itself
            loss = loss + self.contrast * contrastive(as_t, s, itself, excluded=alike)
            translators.zero_grad()
            loss.backward()
            translators.step()
            real = (of_target(t) - 1).square().mean() + (of_source(s) - 1).square().mean()
            made = of_target(as_t.detach()).square().mean() + of_source(as_s.detach()).square().mean()
            adversaries.zero_grad()
            (real + made).backward()
            adversaries.step()
        return forth

    def _adversary(self, width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(width, self.hidden), nn.LeakyReLU(0.2), nn.Linear(self.hidden, 1))


METHOD = ClassicalMethod(
    name="style",
    summary="style translation: source features translated to the target by a cycle-consistent pair, linear SVM",
    reference="Wang et al., CycleGAN with contrastive learning, Interspeech 2024",
    make=lambda seed: AdaptedSVM(StyleTranslation(seed), linear_svm(seed)),
    random=True,
)
