"""What is asked of the coefficients W beside a small residual: a penalty, a constraint, or both.

Each regulariser Omega is given by its value, by its proximal operator, and by its convex conjugate
Omega*(V) = max_W <V, W> - Omega(W), which yields the dual problem and with it the duality gap. A conjugate
that is infinite outside a set reports the largest factor by which a dual point may be stretched and stay in it.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from didan.simplex import project_simplex, quickly_in_descending_order


def soft_threshold(x: Tensor, threshold: float) -> Tensor:
    """Proximal operator of ``threshold * |x|``, element by element.

    >>> soft_threshold(torch.tensor([-3.0, 0.5, 2.0]), 1.0)
    tensor([-2.,  0.,  1.])
    """
    return x - x.clamp(-threshold, threshold)


class Regulariser(Protocol):
    """Omega(W) for W of shape (n_t, n_s)."""

    def value(self, W: Tensor) -> Tensor:
        """Omega(W), a scalar; W is taken to satisfy the constraint."""

    def prox(self, W: Tensor, step: float) -> Tensor:
        """The W' that minimises ``step * Omega(W') + ||W' - W||^2 / 2``."""

    def conjugate(self, V: Tensor, W: Tensor) -> Tensor:
        """Omega*(V), a scalar, where it is finite; W is the primal iterate, for bounds that need its size."""

    def stretch(self, V: Tensor) -> Tensor:
        """The largest s, per row or for all, such that Omega*(s V) is finite; shape (n_t, 1) or (1, 1)."""

    rows_coupled: bool
    """Whether the rows of W depend on one another."""


def _lengths(W: Tensor) -> Tensor:
    """Euclidean length of every column."""
    lengths: Tensor = torch.linalg.vector_norm(W, dim=0)
    return lengths


def _nonzero(x: Tensor) -> Tensor:
    return x.clamp_min(torch.finfo(x.dtype).tiny)


def _unbounded(V: Tensor) -> Tensor:
    return torch.full((len(V), 1), torch.inf, dtype=V.dtype, device=V.device)


@dataclass(frozen=True)
class L1:
    """``tau * ||W||_1``, optionally with W >= 0: few source utterances explain each target utterance."""

    tau: float
    nonnegative: bool
    rows_coupled = False

    def value(self, W: Tensor) -> Tensor:
        """See :class:`Regulariser`."""
        return self.tau * W.abs().sum()

    def prox(self, W: Tensor, step: float) -> Tensor:
        """See :class:`Regulariser`."""
        return (W - step * self.tau).clamp_min(0) if self.nonnegative else soft_threshold(W, step * self.tau)

    def conjugate(self, V: Tensor, W: Tensor) -> Tensor:
        """Zero where ``|V| <= tau`` (``V <= tau`` if nonnegative)."""
        return V.new_zeros(())

    def stretch(self, V: Tensor) -> Tensor:
        """See :class:`Regulariser`."""
        largest = (V if self.nonnegative else V.abs()).amax(dim=1, keepdim=True)
        return torch.where(largest > 0, self.tau / _nonzero(largest), torch.inf)


@dataclass(frozen=True)
class L21:
    """``tau * sum_i ||W_:i||_2`` over columns: one common set of source utterances explains all of the target."""

    tau: float
    nonnegative: bool
    rows_coupled = True

    def value(self, W: Tensor) -> Tensor:
        """See :class:`Regulariser`."""
        return self.tau * _lengths(W).sum()

    def prox(self, W: Tensor, step: float) -> Tensor:
        """See :class:`Regulariser`; with W >= 0 the positive part is taken first, which is exact."""
        W = W.clamp_min(0) if self.nonnegative else W
        lengths = _lengths(W)
        return W * ((lengths - step * self.tau).clamp_min(0) / _nonzero(lengths))

    def conjugate(self, V: Tensor, W: Tensor) -> Tensor:
        """Zero where every column has ``||V_:i||_2 <= tau`` (of its positive part, if nonnegative)."""
        return V.new_zeros(())

    def stretch(self, V: Tensor) -> Tensor:
        """See :class:`Regulariser`."""
        largest = _lengths(V.clamp_min(0) if self.nonnegative else V).amax().reshape(1, 1)
        return torch.where(largest > 0, self.tau / _nonzero(largest), torch.inf)


@dataclass(frozen=True)
class SparseGroup:
    """``tau * ( share sum_g sqrt(n_g) ||W_g||_F + (1 - share) ||W||_1 )`` over groups g of n_g columns.

    The sparse group lasso (Simon et al., JCGS 2013): few groups, and few coefficients inside them.

    Attributes:
        tau: weight of the whole.
        groups: number of the group of every column, shape (n_s,).
        share: of the groups, in (0, 1].
    """

    tau: float
    groups: Tensor
    share: float
    rows_coupled = True

    def value(self, W: Tensor) -> Tensor:
        """See :class:`Regulariser`."""
        elements = (1 - self.share) * W.abs().sum()
        return self.tau * (self.share * (self._sizes(W).sqrt() * self._norms(W)).sum() + elements)

    def prox(self, W: Tensor, step: float) -> Tensor:
        """See :class:`Regulariser`; elements first, then groups, which is exact."""
        W = soft_threshold(W, step * self.tau * (1 - self.share))
        norms = self._norms(W)
        kept = (norms - step * self.tau * self.share * self._sizes(W).sqrt()).clamp_min(0) / _nonzero(norms)
        return W * kept[self.groups]

    def conjugate(self, V: Tensor, W: Tensor) -> Tensor:
        """Zero where every ``||soft(V_g, tau (1 - share))||_F <= tau share sqrt(n_g)``."""
        return V.new_zeros(())

    def stretch(self, V: Tensor) -> Tensor:
        """See :class:`Regulariser`; by bisection, from below."""
        radius = self.share * self._sizes(V).sqrt()
        # The group part alone, and the element part alone with what the group allows one element, bound it.
        largest = V.abs().amax()
        if largest == 0:
            return V.new_full((1, 1), torch.inf)
        low, high = V.new_zeros(()), self.tau * (1 + radius.amax()) / largest
        for _ in range(50):
            middle = (low + high) / 2
            inside = self._norms(soft_threshold(middle * V, self.tau * (1 - self.share))) <= self.tau * radius
            low, high = (middle, high) if inside.all() else (low, middle)
        return low.reshape(1, 1)

    def _norms(self, W: Tensor) -> Tensor:
        squares = W.square().sum(dim=0)
        return squares.new_zeros(int(self.groups.max()) + 1).index_add(0, self.groups, squares).sqrt()

    def _sizes(self, W: Tensor) -> Tensor:
        return self.groups.bincount().to(W)


@dataclass(frozen=True)
class Ridge:
    """``tau * ||W||_F^2``, optionally with W >= 0: all source utterances take part, none strongly."""

    tau: float
    nonnegative: bool
    rows_coupled = False

    def value(self, W: Tensor) -> Tensor:
        """See :class:`Regulariser`."""
        return self.tau * W.square().sum()

    def prox(self, W: Tensor, step: float) -> Tensor:
        """See :class:`Regulariser`."""
        return (W.clamp_min(0) if self.nonnegative else W) / (1 + 2 * step * self.tau)

    def conjugate(self, V: Tensor, W: Tensor) -> Tensor:
        """``||V||^2 / (4 tau)`` (of the positive part, if nonnegative)."""
        return (V.clamp_min(0) if self.nonnegative else V).square().sum() / (4 * self.tau)

    def stretch(self, V: Tensor) -> Tensor:
        """Finite everywhere."""
        return _unbounded(V)


@dataclass(frozen=True)
class Unpenalised:
    """No penalty, optionally with W >= 0: least squares."""

    nonnegative: bool
    rows_coupled = False

    def value(self, W: Tensor) -> Tensor:
        """See :class:`Regulariser`."""
        return W.new_zeros(())

    def prox(self, W: Tensor, step: float) -> Tensor:
        """See :class:`Regulariser`."""
        return W.clamp_min(0) if self.nonnegative else W

    def conjugate(self, V: Tensor, W: Tensor) -> Tensor:
        """The conjugate on ``||W_j||_1 <= 1 + 2 ||W_j||_1`` of the iterate.

        Without a bound it is infinite almost everywhere. The gap then is a certificate only if a minimiser lies
        inside the bound, which cannot be known beforehand: where reconstruction takes large coefficients that
        nearly cancel, as of sources in opposite directions, the gap of an early iterate may be too small.
        """
        radius = 1 + 2 * W.abs().sum(dim=1)
        return (radius * (V.clamp_min(0) if self.nonnegative else V.abs()).amax(dim=1)).sum()

    def stretch(self, V: Tensor) -> Tensor:
        """Finite everywhere, thanks to the bound."""
        return _unbounded(V)


@dataclass(frozen=True)
class Simplex:
    """Convex rows: W >= 0 and every row sums to 1, with ``tau * ||W||_F^2`` on top (tau may be 0).

    ``offset`` is the constant that an l1 penalty amounts to under this constraint, per row.
    """

    tau: float
    offset: float = 0.0
    rows_coupled = False

    def value(self, W: Tensor) -> Tensor:
        """See :class:`Regulariser`."""
        return self.tau * W.square().sum() + self.offset * len(W)

    def prox(self, W: Tensor, step: float) -> Tensor:
        """See :class:`Regulariser`."""
        return project_simplex(W / (1 + 2 * step * self.tau), quickly_in_descending_order)

    def conjugate(self, V: Tensor, W: Tensor) -> Tensor:
        """``max_i V_ji`` per row where tau = 0, else attained at the projection of ``V / (2 tau)``."""
        if self.tau == 0:
            return V.amax(dim=1).sum() - self.offset * len(V)
        best = project_simplex(V / (2 * self.tau), quickly_in_descending_order)
        return (V * best).sum() - self.value(best)

    def stretch(self, V: Tensor) -> Tensor:
        """Finite everywhere."""
        return _unbounded(V)
