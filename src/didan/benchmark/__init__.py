"""Benchmark: corpora x methods x seeds -> run records -> tables and a report."""

from didan.benchmark.benchmark import Summary, run_benchmark
from didan.benchmark.plan import Entry, Plan, make_plan
from didan.benchmark.records import read_failures, read_records
from didan.benchmark.run import Run

__all__ = [
    "Entry",
    "Plan",
    "Run",
    "Summary",
    "make_plan",
    "read_failures",
    "read_records",
    "run_benchmark",
]
