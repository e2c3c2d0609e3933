"""Make the tables of results in README and documentation from the records of benchmarks.

python -m results.table            # rewrites what is between the two markers of each page
python -m results.table --check    # only says whether it is up to date
"""

import argparse
import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from didan.records import read_records
from didan.report.results import Benchmark
from results.between_corpora import (
    classes_table,
    elsewhere_table,
    means_table,
    representations_table,
    rivals_of_didan,
    tasks_table,
)
from results.conditions import calls_table, methods_table, rival_table, seeds_table, targets_table
from results.hours import hours_table
from results.live import serving_table, streaming_table
from results.picture import draw
from results.reliability import fuzz_table, killed_table
from results.scale import scale_table
from results.speed import gpu_table, speed_table
from results.studies import (
    class_priors_table,
    lengths_table,
    normalisation_table,
    source_free_table,
    variants_table,
)

STUDIES = Path(__file__).parent
ROOT = STUDIES.parent
README = ROOT / "README.md"
TARGETS, CALLS = STUDIES / "targets" / "functionals.jsonl.gz", STUDIES / "calls" / "functionals.jsonl.gz"
ENCODED = "functionals+tiny.en.jsonl.gz"
"""The same studies, with hidden states of an encoder joined to functionals."""
PICTURE = ROOT / "docs" / "pictures" / "conditions.svg"
BEGIN, END = "<!-- results: made by `python -m results.table` -->", "<!-- end of results -->"
_EXPERIMENTS = ROOT / "docs" / "experiments"


@functools.cache
def benchmark_in(name: str) -> Benchmark:
    """The records of one study."""
    return Benchmark(read_records(STUDIES / name))


def _measured(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((STUDIES / name).read_text(encoding="utf-8"))
    return record


PAGES: dict[Path, Callable[[], str]] = {
    README: lambda: methods_table(TARGETS),
    ROOT / "docs" / "how-to" / "cluster.md": lambda: scale_table(_measured("scale/record.json")),
    _EXPERIMENTS / "as-predicted.md": lambda: tasks_table(benchmark_in("as-predicted")),
    _EXPERIMENTS / "normalisation.md": lambda: normalisation_table(STUDIES / "normalisation" / "records.jsonl.gz"),
    _EXPERIMENTS / "representations.md": lambda: representations_table(
        [benchmark_in(name) for name in ("pretrained", "spectrogram-network", "spectrogram-whisper")]
    ),
    _EXPERIMENTS / "family.md": lambda: "\n\n".join(
        (
            means_table(benchmark_in("family"), seen=True),
            rivals_of_didan(benchmark_in("family")),
            "On frames, with the hierarchical network:",
            means_table(benchmark_in("hda"), seen=True),
        )
    ),
    _EXPERIMENTS / "kin.md": lambda: means_table(
        benchmark_in("kin-trade-offs"), benchmark_in("hda-trade-offs"), seen=False
    ),
    _EXPERIMENTS / "spectrogram.md": lambda: variants_table(STUDIES / "spectrogram" / "records.jsonl.gz"),
    _EXPERIMENTS / "targets.md": lambda: "\n\n".join(
        [
            *(make(TARGETS) for make in (targets_table, methods_table)),
            "Others with the same pseudo-labels, in the first draw:",
            methods_table(TARGETS, *(TARGETS.with_name(f"{name}.jsonl.gz") for name in ("mcc", "deep-jdot"))),
            "What [the line](../method.md#the-line) is worth:",
            rival_table(TARGETS, TARGETS.with_name("without-line.jsonl.gz")),
            "With hidden states of tiny.en joined to functionals:",
            targets_table(TARGETS.with_name(ENCODED)),
            "DIDAN with functionals, seed by seed:",
            seeds_table(TARGETS.with_name("one-draw.jsonl.gz")),
        ]
    ),
    _EXPERIMENTS / "calls.md": lambda: "\n\n".join(
        [
            calls_table(CALLS),
            "With hidden states of tiny.en joined to functionals:",
            calls_table(CALLS.with_name(ENCODED)),
        ]
    ),
    _EXPERIMENTS / "source-free.md": lambda: source_free_table(STUDIES / "source-free" / "records.jsonl.gz"),
    _EXPERIMENTS / "fusion.md": lambda: lengths_table(STUDIES / "fusion" / "records.jsonl.gz"),
    _EXPERIMENTS / "first-benchmark.md": lambda: means_table(benchmark_in("benchmark"), seen=False),
    _EXPERIMENTS / "claim.md": lambda: "\n\n".join(
        (
            tasks_table(benchmark_in("per-speaker")),
            means_table(benchmark_in("per-speaker"), seen=True),
            tasks_table(benchmark_in("rivals")),
        )
    ),
    _EXPERIMENTS / "classes.md": lambda: classes_table(benchmark_in("per-speaker")),
    _EXPERIMENTS / "ablation.md": lambda: tasks_table(benchmark_in("ablation")),
    _EXPERIMENTS / "chosen-elsewhere.md": lambda: elsewhere_table(benchmark_in("ablation")),
    _EXPERIMENTS / "uneven.md": lambda: tasks_table(benchmark_in("uneven")),
    _EXPERIMENTS / "speed.md": lambda: "\n\n".join(
        [
            speed_table(_measured("speed/record.json")),
            "With a GPU:",
            gpu_table(_measured("speed/gpu.json")),
        ]
    ),
    _EXPERIMENTS / "reliability.md": lambda: "\n\n".join(
        [
            killed_table(_measured("reliability/killed.json")),
            fuzz_table(_measured("reliability/fuzz.json")),
        ]
    ),
    _EXPERIMENTS / "class-prior.md": lambda: class_priors_table(STUDIES / "class-prior" / "records.json"),
    ROOT / "docs" / "how-to" / "service.md": lambda: serving_table(_measured("live/serving.json")),
    ROOT / "docs" / "how-to" / "live.md": lambda: streaming_table(_measured("live/streaming.json")),
    ROOT / "docs" / "how-to" / "plan.md": lambda: hours_table(_measured("hours/record.json")),
}


def main() -> None:
    """Rewrite or check the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    for page, make_table in PAGES.items():
        text = page.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        new = f"{before}{BEGIN}\n\n{make_table()}\n\n{END}{after}"
        if not arguments.check:
            page.write_text(new, encoding="utf-8")
        elif new != text:
            sys.exit(f"{page.name}: the table is not the one of the records")
    if not arguments.check:
        draw(TARGETS, PICTURE)


if __name__ == "__main__":
    main()
