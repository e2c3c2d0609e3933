"""The demonstration: two synthetic corpora, with and without adaptation, and a report."""

from didan.demo.run import Comparison, run_demo

__all__ = ["Comparison", "run_demo"]
