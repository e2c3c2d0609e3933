"""The table of what a large target costs, from the record of `python -m benchmarks.scale`."""

from typing import Any


def scale_table(data: dict[str, Any]) -> str:
    """Cost by number of utterances as Markdown."""
    rows = [
        "| utterances of the target | seconds to open | to its statistics | ms of a step | MB in training |",
        "|---|---|---|---|---|",
    ]
    for one in data["sizes"]:
        statistics = one["seconds_voices_moods"] + one["seconds_statistics"] + one["seconds_first_step"]
        cells = (
            f"{one['seconds_open']:.1f}",
            f"{statistics:.1f}",
            f"{one['ms_step']:.0f}",
            f"{one['mb_training']:.0f}",
        )
        rows.append(f"| {one['utterances']:,} | {' | '.join(cells)} |")
    written = data["written"]
    rows += [
        "",
        f"Seconds of one processor. {written['utterances']:,} utterances of {data['width']} functionals are "
        f"{written['bytes'] / 1e9:.1f} GB in {written['files']} files.",
    ]
    return "\n".join(rows)
