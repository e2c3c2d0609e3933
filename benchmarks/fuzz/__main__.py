"""Give didan's readers damaged and malicious files, and report what is neither read nor refused in one line.

    python -m benchmarks.fuzz [--first 0] [--count 1000] [--only audio] [--seed 0] [--record FILE]

Every case is a number; the same number is the same case, so a run that was interrupted goes on with ``--first``.
Cases run in a process of their own, whose memory is bounded. One that takes too long, or takes the process with
it, is a fault like one that ends in a traceback. Linux only.
"""

import argparse
import platform
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from benchmarks.fuzz.kinds import kinds
from benchmarks.fuzz.processes import outcomes
from didan import __version__
from didan.files import as_json, written_whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=kinds())
    parser.add_argument("--record", type=Path, help="JSON to write the figures to")
    arguments = parser.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    slowest = dict.fromkeys(kinds(), 0.0)
    largest = dict.fromkeys(kinds(), 0.0)
    n_faults = 0
    for done, one in enumerate(outcomes(arguments.first, arguments.count, arguments.seed, arguments.only), 1):
        counts[one.kind, one.outcome] += 1
        slowest[one.kind] = max(slowest.get(one.kind, 0.0), one.seconds)
        largest[one.kind] = max(largest.get(one.kind, 0.0), one.megabytes)
        if one.outcome == "fault":
            n_faults += 1
            print(f"case {one.number}, {one.kind}, {one.seed}, {one.seconds:.1f} s: {one.detail}", flush=True)
        if done % 1000 == 0:
            print(f"{done} of {arguments.count} cases, {n_faults} faults", file=sys.stderr, flush=True)
    figures = {
        "command": f"python -m benchmarks.fuzz --first {arguments.first} --count {arguments.count}"
        f" --seed {arguments.seed}" + (f" --only {arguments.only}" if arguments.only else ""),
        "versions": {
            "didan": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("av", "soundfile", "pandas", "pyarrow", "pyyaml", "onnxruntime")},
        },
        "kinds": {
            name: {
                **{outcome: counts[name, outcome] for outcome in ("read", "refused", "fault")},
                "slowest_s": round(slowest[name], 2),
                "most_mb": round(largest[name]),
            }
            for name in slowest
            if any(counts[name, outcome] for outcome in ("read", "refused", "fault"))
        },
    }
    print(as_json(figures, indent=1))
    if arguments.record is not None:
        with written_whole(arguments.record) as partial:
            partial.write_text(as_json(figures, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if n_faults else 0)


if __name__ == "__main__":
    main()
