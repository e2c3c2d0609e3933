"""A label track of Audacity: a line per label with its first second, its last and its text, parted by tabs."""

from didan.cli.formats.labels import Labels


def text(labels: Labels) -> str:
    """The content of the file, for *File > Import > Labels*; of several channels the text names each."""
    lines = []
    for one in labels.stretches:
        label = one.emotion if one.channel is None else f"channel {one.channel}: {one.emotion}"
        lines.append(f"{one.start:.6f}\t{one.end:.6f}\t{label}\n")
    return "".join(lines)
