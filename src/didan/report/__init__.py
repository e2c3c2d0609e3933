"""Report: run records become tables, figures and one page."""

from didan.report.caveats import find_caveats
from didan.report.comparisons import Comparison, against, all_pairs, compare, comparisons_frame
from didan.report.dataframes import costs_frame, domain_frame, results_frame
from didan.report.label_free import selection_frame
from didan.report.page import write_report
from didan.report.results import Benchmark, MethodResult
from didan.report.tables import results_table

__all__ = [
    "Benchmark",
    "Comparison",
    "MethodResult",
    "against",
    "all_pairs",
    "compare",
    "comparisons_frame",
    "costs_frame",
    "domain_frame",
    "find_caveats",
    "results_frame",
    "results_table",
    "selection_frame",
    "write_report",
]
