"""IDA's coefficients beside scikit-learn's Lasso and a specialist's, at the same duality gap.

    python -m benchmarks.solvers [--specialist celer|skglm]

Features have the low rank and the noise of a network's; every solver gets the same features and penalty, on one
thread. The others solve one row at a time; of large batches they solve a sample of rows, and the time is that of
all. Each is given the loosest tolerance of its own with which its gap is not above the one asked for. At the end:
the constrained coefficients that DIDAN solves by default, for which the others have nothing.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import Lasso
from threadpoolctl import threadpool_limits
from torch import Tensor

from didan.alignment.ida import normalise_together
from didan.alignment.reconstruction import duality_gap, reconstruct, tau_max
from didan.alignment.regularisers import L1
from didan.extras import require

BATCHES, WIDTHS, GAPS = (64, 256, 1024), (256, 1024, 4096), (1e-4, 1e-6)
TAU = 0.1
ROWS = 32
"""Rows of a batch that the others solve."""
REPEATS = 3

Solve = Callable[[float], npt.NDArray[np.float64]]
"""Coefficients of the sampled rows, given a tolerance."""


def features(n: int, d: int) -> tuple[Tensor, Tensor]:
    """A source and a target batch as IDA sees them, shape (n, d) each."""
    generator = torch.Generator().manual_seed(n + d)
    few = max(4, min(n, d) // 4)
    directions = torch.randn(few, d, generator=generator) / few**0.5

    def batch() -> Tensor:
        signal = torch.randn(n, few, generator=generator) @ directions
        return torch.relu(signal + 0.3 * torch.randn(n, d, generator=generator))

    H_s, H_t = normalise_together(batch(), batch())
    return H_s, H_t


def scikit_learn(X: npt.NDArray[np.float64], Y: npt.NDArray[np.float64], weight: float) -> Solve:
    """Coordinate descent on products that are computed once a row."""
    lasso = Lasso(weight / (2 * len(X)), fit_intercept=False, precompute=True, max_iter=100_000)
    return lambda tolerance: np.stack([lasso.set_params(tol=tolerance).fit(X, row).coef_.copy() for row in Y])


def specialist(name: str, X: npt.NDArray[np.float64], Y: npt.NDArray[np.float64], weight: float) -> Solve:
    """Coordinate descent on working sets."""
    lasso = require(name, "all", "the comparison").Lasso(alpha=weight / (2 * len(X)), fit_intercept=False)
    return lambda tolerance: np.stack([lasso.set_params(tol=tolerance).fit(X, row).coef_.copy() for row in Y])


def loosest(solve: Solve, gap: Callable[[npt.NDArray[np.float64]], float], wanted: float) -> float:
    """Seconds of the loosest tolerance that is good enough."""
    for tolerance in 10.0 ** -np.arange(1.5, 10, 0.5):
        begun = time.perf_counter()
        W = solve(float(tolerance))
        seconds = time.perf_counter() - begun
        if gap(W) <= wanted:
            return min(seconds, fastest(partial(solve, float(tolerance))))
    return float("nan")


def fastest(work: Callable[[], object]) -> float:
    """The shortest of a few wall-clock times."""
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def compare(n: int, d: int, wanted: float, other: str | None) -> str:
    """A line of the table: batch, width and gap; how many times longer than ours the others take."""
    H_s, H_t = features(n, d)
    weight = TAU * tau_max(H_t, H_s)
    ours = fastest(partial(reconstruct, H_t, H_s, penalty="l1", tau=TAU, tolerance=wanted))
    rows = H_t[:: max(1, n // ROWS)].double()

    def gap(W: npt.NDArray[np.float64]) -> float:
        return float(duality_gap(rows, H_s.double(), torch.from_numpy(W), L1(weight, nonnegative=False))) / len(
            rows
        )

    X, Y = np.asfortranarray(H_s.double().numpy().T), rows.numpy()
    others = {"scikit-learn": scikit_learn(X, Y, weight)}
    if other:
        others[other] = specialist(other, X, Y, weight)
    ratios = {name: loosest(solve, gap, wanted) * n / len(rows) / ours for name, solve in others.items()}
    text = ", ".join(f"{name} {ratio:.1f} times as long" for name, ratio in ratios.items())
    return f"batch {n}, width {d}, gap {wanted:g}: {1000 * ours:.1f} ms; {text}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--specialist", choices=["celer", "skglm"])
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what scikit-learn says of its convergence the gap says better
        for n, d, wanted in product(arguments.batches, WIDTHS, GAPS):
            print(compare(n, d, wanted, arguments.specialist), flush=True)
        H_s, H_t = features(64, 768)
        default = partial(
            reconstruct, H_t, H_s, penalty="none", constraint="convex", tolerance=2e-2, max_iterations=50
        )
        print(f"convex coefficients as DIDAN solves them, batch 64, width 768: {1000 * fastest(default):.1f} ms")


if __name__ == "__main__":
    main()
