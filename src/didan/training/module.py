"""One training step, for Lightning: regression on the source, plus lambda times the alignment term."""

import math
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from torch.utils.data import DataLoader

from didan.methods import AlignmentTerm, LabelCarrier
from didan.model.config import OptimisationSettings
from didan.networks import Output, network_outputs
from didan.training.batches import Batch, Batches

ROUND = 10
"""Steps between two moments at which training can be interrupted and resumed."""


class Adaptation(pl.LightningModule):
    """Trains a network on a source and, with an alignment term, towards a target.

    Args:
        network: see :class:`didan.networks.Network`.
        term: the method's alignment term, or None.
        schedule: weight of the term (lambda) as a function of the share of training done.
        settings: of the optimisation.
        batches: the data.
        seed: of the run.
    """

    def __init__(
        self,
        network: nn.Module,
        term: AlignmentTerm | None,
        schedule: Callable[[float], float],
        settings: OptimisationSettings,
        batches: Batches,
        seed: int,
    ) -> None:
        super().__init__()
        self.network, self.term = network, term
        self.schedule = schedule
        self.settings, self.batches, self.seed = settings, batches, seed
        self.history: list[dict[str, float]] = []
        self.carried: Tensor | None = None
        self._lengths: list[int] | None = None  # frames of every target utterance, read once

    def train_dataloader(self) -> DataLoader[Batch]:
        """The batches of the next round; Lightning asks anew every round."""
        first = self.global_step
        return DataLoader(self.batches.between(first, min(first + ROUND, self.settings.steps)), batch_size=None)

    def on_train_start(self) -> None:
        """Labels of a checkpoint come in main memory, and follow the network to its device."""
        if self.carried is not None:
            self.carried = self.carried.to(self.device)

    def on_train_batch_start(self, batch: Batch, batch_index: int) -> None:
        """Labels for the target, if it is time; and dropout that depends on seed and step alone.

        So a resumed run repeats an uninterrupted one.
        """
        if isinstance(self.term, LabelCarrier) and self.term.labels_due(self.global_step, self.settings.steps):
            self.carried = self.term.carry(self._all_of_the_target()).to(self.device)
        torch.manual_seed(self.seed * 1_000_003 + self.global_step)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """One step."""
        source, target = batch["source"], batch.get("target")
        n_source = len(source)
        # Source and target go through the network together, so batch normalisation sees both.
        both = self._forward(source if target is None else torch.cat([source, target]))
        scores = both.scores
        labels = one_hot(batch["labels"], scores.shape[1]).to(scores)
        loss = fitting_loss(scores[:n_source], labels, self.settings.loss)
        row = {"step": self.global_step + 1, "fit": float(loss.detach())}
        if self.term is not None:
            alignment = self.term(both[:n_source], both[n_source:], batch["labels"], batch["index"])
            weight = self.schedule(self.global_step / self.settings.steps)
            row |= {"alignment": float(alignment.loss.detach()), "weight": weight, **alignment.diagnostics}
            loss = loss + weight * alignment.loss
        if isinstance(self.term, LabelCarrier) and self.carried is not None:
            carried = self.carried[batch["target_index"]]
            fit = fitting_loss(scores[n_source:], carried, self.settings.loss)
            agreement = (scores[n_source:].argmax(dim=1) == carried.argmax(dim=1)).double().mean()
            row |= {"labels": float(fit.detach()), "agreement": float(agreement)}
            loss = loss + self.term.labels_weight() * fit
        self.history.append(row | {"loss": float(loss.detach())})
        return loss

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW, with a learning rate that falls to 0 along a cosine."""
        optimiser = torch.optim.AdamW(
            self.parameters(), self.settings.learning_rate, weight_decay=self.settings.weight_decay
        )
        steps = self.settings.steps
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: 0.5 * (1 + math.cos(math.pi * min(step / steps, 1)))
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the history and the target's labels with the weights."""
        checkpoint["history"] = self.history
        checkpoint["carried"] = self.carried

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue with them."""
        self.history = list(checkpoint["history"])
        self.carried = checkpoint["carried"]

    def _all_of_the_target(self) -> Output:
        """In evaluation mode; afterwards the network trains on."""
        target = self.batches.target
        assert target is not None
        if self._lengths is None:
            self._lengths = [len(target[index]) for index in range(len(target))]
        output = network_outputs(self.network, target, self._lengths)
        self.network.train()
        return output

    def _forward(self, features: Tensor) -> Output:
        lengths = torch.full((len(features),), features.shape[1], device=features.device)
        output: Output = self.network(features, lengths)
        return output


def fitting_loss(scores: Tensor, labels: Tensor, kind: str) -> Tensor:
    """How well labels are met.

    Regression is the paper's: ``(1/n) sum_i ||scores_i - onehot(y_i)||^2``. Cross-entropy is our option.

    Args:
        scores: shape (n, n_emotions).
        labels: share of each emotion, one for a known label, shape (n, n_emotions).
        kind: ``regression`` or ``cross-entropy``.

    >>> fitting_loss(torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 0.0]]), "regression")
    tensor(1.)
    """
    if kind == "cross-entropy":
        return cross_entropy(scores, labels)
    return (scores - labels).square().sum(dim=1).mean()


def ramp(progress: float, length: float) -> float:
    """Weight in [0, 1] that rises linearly over the first ``length`` of training.

    >>> ramp(0.1, 0.4), ramp(0.5, 0.4), ramp(0.0, 0.0)
    (0.25, 1.0, 1.0)
    """
    return 1.0 if length == 0 else min(progress / length, 1.0)
