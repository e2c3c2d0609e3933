"""A TextGrid of Praat, which ELAN reads too: one tier of intervals, or one per channel; gaps are empty."""

from collections.abc import Iterator

from didan.cli.formats.labels import Labels

Interval = tuple[float, float, str]


def text(labels: Labels) -> str:
    """The content of the file, in Praat's long format."""
    end = _time(labels.seconds)
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end}"]
    lines += ["tiers? <exists>", f"size = {len(labels.channels)}", "item []:"]
    for number, channel in enumerate(labels.channels, 1):
        name = "emotion" if channel is None else f"emotion channel {channel}"
        intervals = list(_intervals(labels, channel))
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{name}"']
        lines += ["        xmin = 0", f"        xmax = {end}", f"        intervals: size = {len(intervals)}"]
        for place, (first, last, label) in enumerate(intervals, 1):
            lines += [f"        intervals [{place}]:", f"            xmin = {_time(first)}"]
            lines += [f"            xmax = {_time(last)}", f'            text = "{label}"']
    return "\n".join(lines) + "\n"


def _intervals(labels: Labels, channel: int | None) -> Iterator[Interval]:
    """Intervals without gaps; where utterances of a table overlap, the later begins once the earlier is over."""
    now, end = 0.0, round(labels.seconds, 6)
    for one in labels.stretches:
        first, last = max(round(one.start, 6), now), round(one.end, 6)
        if one.channel == channel and last > first:
            if first > now:
                yield now, first, ""
            yield first, last, one.emotion
            now = last
    if end > now:
        yield now, end, ""


def _time(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".")
