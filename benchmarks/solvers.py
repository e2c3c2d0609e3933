"""IDA's coefficients beside scikit-learn's Lasso, or a specialist's, at the same duality gap.

    python -m benchmarks.solvers [--other celer|skglm]

Features have the low rank and the noise of a network's; every solver gets the same features and penalty, on one
thread. The others solve one row at a time; of large batches they solve a sample of rows, and the time is that of
all. Each is given the loosest tolerance of its own with which its gap is not above the one asked for.
"""

import argparse
import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from benchmarks.pairs import Ratio, in_pairs, processor_seconds
from didan.alignment.ida import normalise_together
from didan.alignment.reconstruction import duality_gap, reconstruct, tau_max
from didan.alignment.regularisers import L1

BATCHES, WIDTHS, GAPS = (64, 256, 1024), (256, 1024, 4096), (1e-4, 1e-6)
TAU = 0.1
ROWS = 32
"""Rows of a batch that the others solve."""

Rows = npt.NDArray[np.float64]


def features(n: int, d: int) -> tuple[Tensor, Tensor]:
    """A source and a target batch as IDA sees them, shape (n, d) each."""
    generator = torch.Generator().manual_seed(n + d)
    few = max(4, min(n, d) // 4)
    directions = torch.randn(few, d, generator=generator) / few**0.5

    def batch() -> Tensor:
        signal = torch.randn(n, few, generator=generator) @ directions
        return torch.relu(signal + 0.3 * torch.randn(n, d, generator=generator))

    return normalise_together(batch(), batch())


@dataclass(frozen=True)
class Lasso:
    """One problem.

    Attributes:
        n: utterances of each batch.
        d: width of their features.
        gap: asked for, of a row.
        other: ``sklearn``, ``celer`` or ``skglm``.
    """

    n: int
    d: int
    gap: float
    other: str = "sklearn"

    def compare(self, pairs: int) -> Ratio:
        """How long ours takes in units of the other."""
        H_s, H_t = features(self.n, self.d)
        rows = H_t[:: max(1, self.n // ROWS)]
        ours = partial(reconstruct, H_t, H_s, penalty="l1", tau=TAU, tolerance=self.gap)
        solve = self._rival(H_s, rows.double().numpy(), TAU * tau_max(H_t, H_s))
        tolerance = self._loosest(solve, H_s, rows, TAU * tau_max(H_t, H_s))
        return in_pairs(
            partial(processor_seconds, ours),
            lambda: processor_seconds(partial(solve, tolerance)) * self.n / len(rows),
            pairs,
        )

    def _rival(self, H_s: Tensor, rows: Rows, weight: float) -> Callable[[float], Rows]:
        """Coefficients of rows, given a tolerance."""
        X = np.asfortranarray(H_s.double().numpy().T)
        own = {"precompute": True, "max_iter": 100_000} if self.other == "sklearn" else {}
        module = importlib.import_module("sklearn.linear_model" if self.other == "sklearn" else self.other)
        lasso = module.Lasso(alpha=weight / (2 * self.d), fit_intercept=False, **own)
        return lambda tolerance: np.stack([lasso.set_params(tol=tolerance).fit(X, row).coef_ for row in rows])

    def _loosest(self, solve: Callable[[float], Rows], H_s: Tensor, rows: Tensor, weight: float) -> float:
        for tolerance in 10.0 ** -np.arange(1.5, 10, 0.5):
            W, H_t = torch.from_numpy(solve(float(tolerance))), rows.double()
            if duality_gap(H_t, H_s.double(), W, L1(weight, nonnegative=False)) <= self.gap * len(rows):
                break
        return float(tolerance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", choices=["sklearn", "celer", "skglm"], default="sklearn")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the others say of their convergence the gap says better
        for n, d, gap in product(arguments.batches, WIDTHS, GAPS):
            ratio = Lasso(n, d, gap, arguments.other).compare(pairs=3)
            print(f"batch {n}, width {d}, gap {gap:g}: {1 / ratio.median:.1f} times as fast", flush=True)


if __name__ == "__main__":
    main()
