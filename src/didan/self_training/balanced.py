"""Labels carried to the target by the coefficients: implicit alignment of outputs, over whole corpora.

The scores of all target utterances are to be reconstructed from the labels of all source utterances:

    L = (1/n_t) ||G_t - W Y_s||_F^2        W >= 0, W 1 = 1, source emotion c used by the share pi_c

pi is 1 / n_emotions unless it is known better: features normalised within a speaker do not show how often she
is angry. Q = W Y_s, shape (n_t, n_emotions), is what the source's labels say of the target. W is not the nearest
in the squared error, which leaves scores as undecided as they were, but by divergence from sharpened
probabilities,

    min_W sum_ji W_ji log(W_ji / p_j(y_i)^s)

which Sinkhorn's scalings solve exactly, and which decides. A network that is fitted to Q and asked again must not
fall back to undecided: there Q deviates from pi by s times what p does, so s has to be above 1, and by more the
less of Q the network learns. As only the label of a source utterance counts, W is alike within an emotion, and
what is left of it is one weight per emotion: the network learns from its own scores, held to proportions. The idea
is ours; labels from balanced predictions are known from self-supervised learning (Asano, Rupprecht and Vedaldi,
ICLR 2020).
"""

import torch
from torch import Tensor

from didan.alignment.transport import scale_to_marginals

_TOLERANCE = 1e-3


@torch.no_grad()
def carried_labels(log_probabilities: Tensor, sharpness: float, shares: Tensor | None = None) -> Tensor:
    """The labels Q that balanced coefficients carry to the target.

    Source utterances of one emotion are alike here, since only their label counts, so W is constant within them
    and it is enough to solve for one column per emotion.

    Args:
        log_probabilities: of every emotion for every target utterance, up to a constant, shape (n_t, n_emotions).
        sharpness: s, the power probabilities are raised to before they are balanced.
        shares: pi, how frequent each emotion is, adding up to 1, shape (n_emotions,); None takes all alike.

    Returns:
        Shape (n_t, n_emotions): rows add up to 1, columns to n_t pi.

    >>> p = torch.tensor([[0.9, 0.1], [0.8, 0.2]])      # one of the two must be the other emotion
    >>> carried_labels(p.log(), sharpness=4.0).argmax(dim=1)
    tensor([0, 1])
    """
    n_t, n_emotions = log_probabilities.shape
    if shares is None:
        shares = torch.full((n_emotions,), 1 / n_emotions, dtype=torch.float64)
    columns = (n_t * shares).to(log_probabilities)
    return scale_to_marginals(sharpness * log_probabilities, columns, _TOLERANCE)[0]
