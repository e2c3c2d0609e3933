"""Benchmark: corpora x methods x seeds -> run records."""

from didan.benchmark.benchmark import Summary, run_benchmark
from didan.benchmark.plan import Entry, Plan, make_plan
from didan.benchmark.run import Run

__all__ = [
    "Entry",
    "Plan",
    "Run",
    "Summary",
    "make_plan",
    "run_benchmark",
]
