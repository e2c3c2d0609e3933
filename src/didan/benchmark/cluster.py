"""Runs on a Ray cluster."""

from collections.abc import Iterator, Sequence
from functools import partial

from didan.benchmark.processes import Outcome, Work, attempt
from didan.benchmark.run import Run
from didan.cluster import LostError, connected


def on_cluster(work: Work, runs: Sequence[Run], address: str) -> Iterator[Outcome]:
    """Do runs on a cluster, one processor each; the run of a machine that dies is done again on another.

    Every machine needs didan, and the corpora under the same paths. Features are shared where the cache folder is.

    Args:
        work: what to do with a run.
        runs: the runs.
        address: of the head node, ``HOST:PORT``, or ``auto``.

    Yields:
        Outcomes, as they come.

    Raises:
        UserError: Ray is not installed, or there is no cluster at that address.
    """
    with connected(address) as cluster:
        # One process per run, as on one machine. Only the death of a worker is retried: errors are returned.
        for row, ended in cluster.completed(partial(attempt, work), runs, fresh=True):
            record, error = (None, str(ended)) if isinstance(ended, LostError) else ended
            yield Outcome(run=runs[row], record=record, error=error)
