"""Convex rows with a prescribed source marginal: every source utterance is used as much as it should be.

    min_W ||H_t - W H_s||_F^2 + tau ||W||_F^2    subject to W >= 0, W 1 = 1, W^T 1 = n_t a

Without the ridge this is barycentric weak optimal transport (Gozlan, Roberto, Samson and Tetali 2017) between
the two sets of features. Averaging the rows shows what the marginal adds: the squared residual per target
utterance is at least ``||mean(H_t) - a^T H_s||^2``, so it cannot vanish while the means differ.

Solved by accelerated mirror descent (Tseng 2008) in the geometry of the entropy, whose steps are Sinkhorn
scalings.
"""

import torch
from torch import Tensor

_SCALINGS = 1000
_CHECKED = 5


def scale_to_marginals(
    log_kernel: Tensor, columns: Tensor, tolerance: float, start: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sinkhorn's projection: ``diag(u) K diag(v)`` with row sums 1 and column sums ``columns``.

    Ends with the rows, so rows are exact and columns as exact as the iteration got.

    Args:
        log_kernel: log K, shape (n_t, n_s).
        columns: wanted column sums, shape (n_s,), adding up to n_t.
        tolerance: stop once no column is scaled by more than this share any more.
        start: log v to start from, shape (n_s,).

    Returns:
        The scaled matrix, shape (n_t, n_s), and log v.
    """
    if start is not None:
        log_kernel = log_kernel + start
    log_kernel = log_kernel - log_kernel.amax(dim=1, keepdim=True)
    highest = log_kernel.amax(dim=0)
    K = (log_kernel - highest).exp()
    tiny = torch.finfo(K.dtype).tiny
    v = torch.ones_like(columns)
    for scaling in range(1, _SCALINGS + 1):
        u = (K @ v).reciprocal()  # every row and column of K has a 1, and v is positive
        previous, v = v, (columns / (u @ K)).clamp(tiny**0.5, tiny**-0.5)
        # Looking at the change costs as much as a scaling, so not every time.
        if scaling % 2 == 0 and float((v / previous - 1).abs().amax()) < tolerance:
            break
    scaled = K * v
    log_v = v.log() - highest
    return scaled / scaled.sum(dim=1, keepdim=True).clamp_min(tiny), log_v if start is None else log_v + start


def marginal_gap(gradient: Tensor, W: Tensor, columns: Tensor, beta: Tensor) -> Tensor:
    """Upper bound on how far W is from optimal, from any column potentials beta.

    Convexity gives ``F(W) - F* <= <gradient, W> - min_V <gradient, V>`` over the transport polytope; the
    minimum is a linear transport problem, bounded from below by its dual at alpha_j = min_i (g_ji - beta_i)
    and beta improved the same way.
    """
    alpha = (gradient - beta).amin(dim=1)
    beta = (gradient - alpha[:, None]).amin(dim=0)
    return (gradient * W).sum() - alpha.sum() - columns @ beta


def solve_balanced(
    H_t: Tensor, H_s: Tensor, marginal: Tensor, tau: float, tolerance: float, max_iterations: int
) -> tuple[Tensor, Tensor, int]:
    """Solve the problem above.

    Args:
        H_t: target features, shape (n_t, d).
        H_s: source features, shape (n_s, d).
        marginal: a, shape (n_s,), positive, adding up to 1.
        tau: weight of the ridge, absolute.
        tolerance: stop once the gap is below this fraction of ``||H_t||_F^2``.
        max_iterations: stop in any case.

    Returns:
        W, shape (n_t, n_s); the bound on its suboptimality; iterations taken.
    """
    n_t = len(H_t)
    # With the ridge in the Gram matrix, half the gradient at W is W @ gram - cross.
    gram = H_s @ H_s.T + tau * torch.eye(len(H_s), dtype=H_s.dtype, device=H_s.device)
    cross = H_t @ H_s.T
    columns = n_t * marginal
    # Rows of W differ by vectors that sum to 0, for which x^T G x <= ||x||_1^2 max_ik ||h_i - h_k||^2 / 4.
    squared = gram.diagonal()
    spread = (squared[:, None] + squared[None, :] - 2 * gram).amax().clamp_min(1e-12)
    # Half of that bound is nearly always enough; the first time the gap does not fall, the bound itself is taken.
    # The gap is valid whatever the step.
    bound = float(0.5 * spread) + 2 * tau
    smoothness = bound / 2
    z = x = marginal.expand(n_t, -1).clone()
    log_z = z.log()
    enough = tolerance * H_t.square().sum()
    gap = H_t.new_tensor(torch.inf)
    best, best_gap = x, gap
    beta = torch.zeros_like(marginal)
    iteration = 0
    for iteration in range(1, max_iterations + 1):
        theta = 2 / (iteration + 1)
        step = float(theta * smoothness)
        y = torch.lerp(x, z, theta)
        log_z = log_z.add(torch.addmm(cross, y, gram, beta=-1), alpha=-2 / step)
        # The potentials change little from step to step, so the last ones are a good start.
        z, log_v = scale_to_marginals(log_z, columns, min(10 * tolerance, 2e-2), beta / step)
        beta = step * log_v
        log_z = z.clamp_min(torch.finfo(z.dtype).tiny).log()
        x = torch.lerp(x, z, theta)
        if iteration % _CHECKED == 0 or iteration == max_iterations:
            gradient = 2 * torch.addmm(cross, x, gram, beta=-1)
            gap = marginal_gap(gradient, x, columns, beta)
            if gap < best_gap:
                best, best_gap = x, gap
            else:
                smoothness = bound
            if gap <= enough:
                break
    return best, best_gap, iteration
