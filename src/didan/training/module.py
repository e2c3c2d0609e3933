"""One training step, for Lightning: the loss on the source, the alignment term, and the fit to pseudo-labels."""

import math
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.utils.data import DataLoader

from didan.methods import AlignmentTerm
from didan.model.config import Config
from didan.networks import Output, ScoreLink, network_outputs
from didan.self_training import PseudoLabels
from didan.training.batches import Batch, Batches

ROUND = 10
"""Steps between two moments at which training can be interrupted and resumed."""


class Adaptation(pl.LightningModule):
    """Trains a network on a source and, with an alignment term or pseudo-labels, towards a target.

    Args:
        network: see :class:`didan.networks.Network`.
        term: the method's alignment term, or None.
        schedule: weight of the term (lambda) as a function of the share of training done.
        class_prior: assumed of the target, shape (n_emotions,).
        config: all settings.
        batches: the data.
    """

    class_prior: Tensor

    def __init__(
        self,
        network: nn.Module,
        term: AlignmentTerm | None,
        schedule: Callable[[float], float],
        class_prior: Tensor,
        config: Config,
        batches: Batches,
    ) -> None:
        super().__init__()
        self.network, self.term = network, term
        self.register_buffer("class_prior", class_prior, persistent=False)
        self.schedule, self.config, self.batches = schedule, config, batches
        self.settings, self.link = config.optimisation, ScoreLink(config.optimisation.loss)
        self.history: list[dict[str, float]] = []
        self.pseudo_labels: PseudoLabels | None = None

    def train_dataloader(self) -> DataLoader[Batch]:
        """The batches of the next round; Lightning asks for them every round."""
        first = self.global_step
        return DataLoader(self.batches.between(first, min(first + ROUND, self.settings.steps)), batch_size=None)

    def on_train_start(self) -> None:
        """Pseudo-labels of a checkpoint come in main memory, and follow the network to its device."""
        self._keep(self.pseudo_labels)

    def on_train_batch_start(self, batch: Batch, batch_index: int) -> None:
        """New pseudo-labels, if they are due; and dropout that depends on seed and step alone.

        So a resumed run repeats an uninterrupted one.
        """
        labeller = self.config.pseudo_labels
        if labeller.due(self.global_step, self.settings.steps):
            scores = self._target_scores()
            self._keep(
                labeller(self.link.log_probabilities(scores, self.class_prior.cpu()), self.class_prior.cpu())
            )
        torch.manual_seed(self.config.seed * 1_000_003 + self.global_step)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """One step."""
        source, target = batch["source"], batch.get("target")
        n_source = len(source)
        # Source and target go through the network together, so batch normalisation sees both.
        both = self._forward(source if target is None else torch.cat([source, target]))
        scores = both.scores
        labels = one_hot(batch["labels"], scores.shape[1]).to(scores)
        loss = self.link.fit(scores[:n_source], labels)
        row = {"step": self.global_step + 1, "fit": float(loss.detach())}
        if self.term is not None:
            alignment = self.term(both[:n_source], both[n_source:], batch["labels"])
            weight = self.schedule(self.global_step / self.settings.steps)
            row |= {"alignment": float(alignment.loss.detach()), "weight": weight, **alignment.diagnostics}
            loss = loss + weight * alignment.loss
        if self.pseudo_labels is not None:
            index = batch["target_index"]
            labels, weights = self.pseudo_labels.labels[index], self.pseudo_labels.weights[index]
            fit = self.link.fit(scores[n_source:], labels, weights)
            agreement = (scores[n_source:].argmax(dim=1) == labels.argmax(dim=1)).double().mean()
            row |= {
                "pseudo_labels": float(fit.detach()),
                "agreement": float(agreement),
                "labelled": float(weights.mean()),
            }
            loss = loss + self.config.pseudo_labels.weight * fit
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
        """Keep the history and the pseudo-labels with the weights."""
        kept = self.pseudo_labels
        checkpoint["history"] = self.history
        checkpoint["pseudo_labels"] = None if kept is None else (kept.labels, kept.weights)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue with them."""
        self.history = list(checkpoint["history"])
        kept = checkpoint["pseudo_labels"]
        self.pseudo_labels = None if kept is None else PseudoLabels(*kept)

    def _keep(self, labels: PseudoLabels | None) -> None:
        if labels is not None:
            labels = PseudoLabels(labels.labels.to(self.device), labels.weights.to(self.device))
        self.pseudo_labels = labels

    def _target_scores(self) -> Tensor:
        """Of all target utterances, in evaluation mode; afterwards the network trains on."""
        scores = network_outputs(self.network, self.batches.pair.target).scores
        self.network.train()
        return scores

    def _forward(self, features: Tensor) -> Output:
        lengths = torch.full((len(features),), features.shape[1], device=features.device)
        output: Output = self.network(features, lengths)
        return output


def ramp(progress: float, length: float) -> float:
    """Weight in [0, 1] that rises linearly over the first ``length`` of training.

    >>> ramp(0.1, 0.4), ramp(0.5, 0.4), ramp(0.0, 0.0)
    (0.25, 1.0, 1.0)
    """
    return 1.0 if length == 0 else min(progress / length, 1.0)
