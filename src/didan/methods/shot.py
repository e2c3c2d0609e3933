"""SHOT: source hypothesis transfer, adaptation without the source (Liang, Hu and Feng, ICML 2020).

    L = mean_i H(p_i) + KL(mean_i p_i || prior)  +  weight * (1/n_t) ||G_t - Q||_F^2

The paper's: information maximisation, that is confident predictions of many emotions, and self-training, with the
last layer as the source left it. Ours: balanced pseudo-labels Q (:mod:`didan.self_training.balanced`) in place of
those by centroids, and a class prior that may be other than uniform.
"""

from torch import Tensor, nn

from didan.alignment import Alignment, divergence
from didan.methods.method import Method, MethodContext, SourceFreeSettings
from didan.networks import Output
from didan.self_training import BalancedSettings


class ShotSettings(SourceFreeSettings):
    """Settings of source hypothesis transfer; the trade-off is that of information maximisation."""

    def assumes_uniform_prior(self) -> bool:
        """See :class:`didan.methods.MethodSettings`."""
        return True

    def uses_class_prior(self) -> bool:
        """See :class:`didan.methods.MethodSettings`."""
        return True


class Shot(nn.Module):
    """Information maximisation."""

    class_prior: Tensor

    def __init__(self, settings: ShotSettings, context: MethodContext) -> None:
        super().__init__()
        self.link = context.link
        self.register_buffer("class_prior", context.class_prior, persistent=False)

    def forward(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`; the source plays no part."""
        p = self.link.probabilities(target.scores)
        entropy = -(p * p.clamp_min(1e-8).log()).sum(dim=1).mean()
        diversity = divergence(p.mean(dim=0), self.class_prior.to(p))
        return Alignment(entropy + diversity, {"entropy": float(entropy.detach())})


METHOD = Method(
    name="shot",
    summary="without the source, once trained on it: confident, diverse predictions and balanced pseudo-labels",
    settings=ShotSettings,
    build=Shot,
    pseudo_labels=BalancedSettings(weight=2.0),
)
