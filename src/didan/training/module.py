"""One training step, for Lightning: the loss on the source, the alignment term, and the fit to pseudo-labels."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any, NamedTuple

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import one_hot
from torch.utils.data import DataLoader

from didan.methods import AlignmentTerm, SourceFreeSettings
from didan.model.config import Config, OptimisationSettings
from didan.networks import Network, Output, ScoreLink, averaged
from didan.self_training import PseudoLabels
from didan.training.batches import Batch, Batches
from didan.training.processes import ALONE, Processes
from didan.training.vectors import Vectors

ROUND = 10
"""Steps between two moments at which training can be interrupted and resumed."""

REFRESH = 50
"""Steps for which vectors of all utterances are kept while the backbone learns, with the statistics that normalise
them: to make them anew takes as long as many steps. Pseudo-labels are made from what is kept."""


LABELLED = 5000
"""Target utterances that have pseudo-labels at a time: all of most targets; of a larger one those that the next
steps see, and others by chance, so that a step costs the same however large the target is."""


class Weights(NamedTuple):
    """What counts for how much at a step: the fit to the source, the method's term (lambda), the learning rate."""

    fit: float
    alignment: float
    rate: float = 1.0


@dataclass(frozen=True)
class Learning:
    """How the backbone of a network learns.

    Attributes:
        rate: its learning rate, as a share of the head's.
        first: the first step at which it learns; what it makes of all utterances is known before.
    """

    rate: float
    first: int

    @classmethod
    def of(cls, network: Network, settings: OptimisationSettings) -> "Learning":
        """As the settings say, or else as suits the backbone."""
        backbone: Any = network.backbone
        rate = backbone.rate if settings.backbone_rate is None else settings.backbone_rate
        begins = backbone.begins if settings.backbone_from is None else settings.backbone_from
        learns = network.has_weights and rate > 0
        return cls(rate, math.floor(begins * settings.steps) if learns else settings.steps)

    def is_due(self, step: int) -> bool:
        """Whether what is known of all utterances is to be made anew before a step."""
        return step > self.first and (step - self.first) % REFRESH == 0


class Adaptation(pl.LightningModule):
    """Trains a network on a source and, with an alignment term or pseudo-labels, towards a target.

    Args:
        network: see :class:`didan.networks.Network`.
        term: the method's alignment term, or None; it sees the features of all members side by side.
        schedule: what counts for how much, as a function of the share of training done.
        class_priors: assumed of the target by the members in turn, shape (n_emotions,); members that assume None
            have no pseudo-labels, the others each their own.
        config: all settings.
        batches: the data; with features where the backbone learns.
        learning: of the backbone.
        processes: that train the network together.
    """

    def __init__(
        self,
        network: Network,
        term: AlignmentTerm | None,
        schedule: Callable[[float], Weights],
        class_priors: Sequence[Tensor | None],
        config: Config,
        batches: Batches,
        learning: Learning,
        processes: Processes = ALONE,
    ) -> None:
        super().__init__()
        self.network, self.term = network, term
        assumed = zip(range(network.head.members), cycle(class_priors))
        self.class_priors = {member: prior for member, prior in assumed if prior is not None}
        self.schedule, self.config, self.batches = schedule, config, batches
        self.learning, self.processes = learning, processes
        self.settings, self.link = config.optimisation, ScoreLink(config.optimisation.loss)
        self.history: list[dict[str, float]] = []
        self.pseudo_labels: PseudoLabels | None = None
        self.labelled = torch.empty(0, dtype=torch.int64)
        self.domains: dict[str, Vectors] = {}

    def train_dataloader(self) -> DataLoader[Batch]:
        """The batches of the next round; Lightning asks for them every round."""
        first = self.global_step
        return DataLoader(self.batches.between(first, min(first + ROUND, self.settings.steps)), batch_size=None)

    def on_train_start(self) -> None:
        """Pseudo-labels of a checkpoint come in main memory, and follow the network to its device."""
        if self.pseudo_labels is not None:
            self._keep(*self.pseudo_labels)
            self.labelled = self.labelled.to(self.device)

    def on_train_batch_start(self, batch: Batch, batch_index: int) -> None:
        """New pseudo-labels, if they are due; and dropout that depends on seed and step alone.

        So a resumed run repeats an uninterrupted one.
        """
        if not self.domains or self.learning.is_due(self.global_step):
            self._refresh()
        self.network.backbone.requires_grad_(self.global_step >= self.learning.first)
        # What an emotion is was learnt from labels; where these play no part any more, it stays.
        self.network.head.output.requires_grad_(self._weights().fit > 0)
        labeller = self.config.pseudo_labels
        # A method that does without the source is trained on it first, as if there were no target.
        source_first = isinstance(self.config.method_settings, SourceFreeSettings) and self._weights().fit > 0
        if not source_first and labeller.due(self.global_step, self.settings.steps):
            steps = range(self.global_step, min(self.global_step + labeller.every, self.settings.steps))
            rows = self.batches.target_rows(steps, LABELLED)
            self.label(self.network.scores(self.domains["target"].normalised(rows)), torch.from_numpy(rows))
        seed = self.config.seed * 1_000_003 + self.global_step
        # Not torch.manual_seed, which takes a twentieth of a step to look for devices that are not there.
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def label(self, scores: Tensor, rows: Tensor) -> None:
        """Make pseudo-labels of target utterances, for each member that assumes a class prior by its own scores.

        Members that share them make the same mistakes, and the mean of the ensemble cannot undo those.

        Args:
            scores: of each member for every utterance, shape (members, n, n_emotions).
            rows: numbers of the utterances, in order, shape (n,).
        """
        self.labelled = rows.to(self.device)
        made = []
        for member, prior in self.class_priors.items():
            # Where it is undecided a network scores near the mean of its labels: uniform, by the source.
            undecided = torch.full_like(prior, 1 / len(prior))
            made.append(self.config.pseudo_labels(self.link.log_probabilities(scores[member], undecided), prior))
        self._keep(torch.stack([own.labels for own in made]), torch.stack([own.weights for own in made]))

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """One step."""
        heard = {side: self._heard(batch, side) for side in self.domains}
        members: list[Output] = self.network.head(torch.cat([vectors for vectors, _ in heard.values()]))
        scores = torch.stack([member.scores for member in members])
        n_source, counts = len(batch["labels"]), self._weights()
        row: dict[str, float] = {"step": self.global_step + 1}
        loss: Tensor = scores.new_zeros(())
        if n_source:
            labels = one_hot(batch["labels"], scores.shape[2]).to(scores)
            fit = self._fit(scores[:, :n_source], labels.expand(len(scores), -1, -1))
            row["fit"] = float(fit.detach())
            loss = counts.fit * fit
        if self.term is not None:
            both = averaged(members)
            source, target = (
                replace(part, index=batch[f"{side}_index"], levels=heard[side][1] if side in heard else {})
                for side, part in (("source", both[:n_source]), ("target", both[n_source:]))
            )
            alignment = self.term(source, target, batch["labels"])
            row |= {"alignment": float(alignment.loss.detach()), "weight": counts.alignment}
            row |= alignment.diagnostics
            loss = loss + counts.alignment * alignment.loss
        if self.pseudo_labels is not None:
            index = torch.searchsorted(self.labelled, batch["target_index"])
            own = scores[list(self.class_priors), n_source:]
            labels, weights = self.pseudo_labels.labels[:, index], self.pseudo_labels.weights[:, index]
            fit = self._fit(own, labels, weights) * len(own) / len(scores)
            row |= {
                "pseudo_labels": float(fit.detach()),
                "agreement": float((own.argmax(dim=2) == labels.argmax(dim=2)).double().mean()),
                "labelled": float(weights.mean()),
            }
            loss = loss + self.config.pseudo_labels.weight * fit
        self.history.append(row | {"loss": float(loss.detach())})
        return loss

    def on_after_backward(self) -> None:
        """The gradients of the whole batch, and the same in all processes, to the last bit."""
        backbone, others = self._parts()
        self.processes.add_gradients(of_share=backbone, of_whole=others)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW, with a learning rate that falls to 0 along a cosine."""
        rate, (backbone, others) = self.settings.learning_rate, self._parts()
        groups = [{"params": others, "lr": rate}]
        if backbone:
            groups.append({"params": backbone, "lr": rate * self.learning.rate})
        optimiser = torch.optim.AdamW(groups, weight_decay=self.settings.weight_decay)
        steps = self.settings.steps
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: self.schedule(step / steps).rate * falling(step / steps)
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the history, the pseudo-labels and what utterances are normalised with."""
        checkpoint["history"] = self.history
        checkpoint["pseudo_labels"] = None if self.pseudo_labels is None else tuple(self.pseudo_labels)
        checkpoint["labelled"] = self.labelled
        # Until the backbone learns they follow from it, and are made again.
        learns = self.global_step > self.learning.first
        checkpoint["domains"] = {side: domain.state() for side, domain in self.domains.items() if learns}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue with them."""
        self.history = list(checkpoint["history"])
        kept = checkpoint["pseudo_labels"]
        self.pseudo_labels, self.labelled = None if kept is None else PseudoLabels(*kept), checkpoint["labelled"]
        self.domains = {side: Vectors.of_state(state) for side, state in checkpoint["domains"].items()}

    def _parts(self) -> tuple[list[Parameter], list[Parameter]]:
        """Weights of the backbone, and of what follows it."""
        backbone = list(self.network.backbone.parameters())
        known = {id(weights) for weights in backbone}
        return backbone, [weights for weights in self.parameters() if id(weights) not in known]

    def _keep(self, labels: Tensor, weights: Tensor) -> None:
        self.pseudo_labels = PseudoLabels(labels.to(self.device), weights.to(self.device))

    def _refresh(self) -> None:
        """What the backbone makes of all utterances now."""
        pair = self.batches.pair
        sides = {"source": pair.source} if len(pair.source) else {}
        sides |= {"target": pair.target} if self.batches.with_target else {}
        self.domains = {
            side: Vectors.of(features, self.network, self.processes) for side, features in sides.items()
        }

    def _weights(self) -> Weights:
        return self.schedule(self.global_step / self.settings.steps)

    def _fit(self, scores: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean over members and utterances of the loss, shapes (members, n, n_emotions) and (members, n)."""
        return self.link.fit(
            scores.flatten(0, 1), labels.flatten(0, 1), weights if weights is None else weights.flatten()
        )

    def _heard(self, batch: Batch, side: str) -> tuple[Tensor, dict[str, Tensor]]:
        """What the backbone makes of one side of a batch, normalised, and of its frames and segments."""
        index = batch[f"{side}_index"].cpu().numpy()
        whole, mean, std = (tensor.to(self.device) for tensor in self.domains[side].rows(index))
        levels: dict[str, Tensor] = {}
        if (crops := batch.get(side)) is not None:
            share, together = self.processes.share(len(crops)), self.processes.whole
            vectors, made = self.network.levels(crops[share], batch[f"{side}_lengths"][share])
            whole, levels = together(vectors), {level: together(h) for level, h in made.items()}
        return (whole - mean) / std, levels


def falling(progress: float) -> float:
    """Half a cosine from 1 to 0.

    >>> falling(0), falling(1)
    (1.0, 0.0)
    """
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1)))


def ramp(progress: float, length: float) -> float:
    """Weight in [0, 1] that rises linearly over the first ``length`` of training.

    >>> ramp(0.1, 0.4), ramp(0.5, 0.4), ramp(0.0, 0.0)
    (0.25, 1.0, 1.0)
    """
    return 1.0 if length == 0 else min(progress / length, 1.0)
