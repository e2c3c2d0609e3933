import random
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from didan.errors import UserError
from didan.report.page import _cell, write_report
from report.made_up import made_up_records

FILES = {"results.md", "results.csv", "comparisons.csv", "selection.csv", "domain.csv", "costs.csv", "report.html"}
VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """What a page refers to, its headings, and whether its tags are balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.refers: list[str] = []
        self.ids: set[str] = set()
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "srcset", "data"):
                self.refers.append(value or "")
            elif name == "id":
                self.ids.add(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def page(folder: Path) -> Page:
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "@import" not in html
    assert "url(" not in html
    found = Page(html)
    for address in found.refers:
        # Nothing is fetched from anywhere, and what is linked is there.
        assert address.startswith("data:image/png;base64,") or address.removeprefix("#") in found.ids
    return found


def test_a_whole_report(tmp_path: Path) -> None:
    methods = ["source-only", "didan", "mmd", "coral", "target-only"]
    records = made_up_records(methods=methods, gain=0.3)
    missing, failures = ["jdot on x → y, seed <3>"], ["tca on x → y: out of memory"]
    write_report(records, tmp_path / "new" / "one", failures, missing)
    assert {file.name for file in (tmp_path / "new" / "one").iterdir()} == FILES
    found = page(tmp_path / "new" / "one")
    for line in (*missing, *failures, "1 planned run missing, 1 failed", "Model selection".lower(), "last step"):
        assert line in found.text
    # Forest, confusions, domain, a map per task, three curves, criteria.
    assert sum(address.startswith("data:") for address in found.refers) == 1 + 1 + 1 + 2 + 3 + 1
    text = (tmp_path / "new" / "one" / "results.md").read_text(encoding="utf-8")
    assert "last step; settings fixed beforehand, without target labels" in text.splitlines()[0]
    assert all(f"- {line}" in text for line in (*missing, *failures))
    assert "above source-only" in text


def test_tables_do_not_depend_on_the_order_of_the_records(tmp_path: Path) -> None:
    records = made_up_records(extras=False)
    write_report(records, tmp_path / "a")
    random.Random(0).shuffle(records)
    write_report(records, tmp_path / "b")
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    "given",
    [
        {"with_speakers": False},
        {"n_seeds": 1, "tasks": [("emodb", "casia")]},
        {"methods": ["mmd"]},
        {"methods": ["target-only"], "tasks": [("emodb", "casia", "ravdess")], "n_seeds": 1},
    ],
)
def test_little_to_report(tmp_path: Path, given: dict[str, Any]) -> None:
    write_report(made_up_records(**given, extras=False), tmp_path)
    found = page(tmp_path)
    assert "Not complete" not in found.text
    assert "incomplete" not in found.ids
    untested = "speakers are unknown" in found.text
    assert untested == ("with_speakers" in given)


def test_no_records(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run records"):
        write_report([], tmp_path)


def test_cells_are_escaped() -> None:
    assert _cell("**1.0** ± 2 [0, <3>]") == "<b>1.0</b> ± 2<small>[0, &lt;3&gt;]</small>"
    assert _cell("<script>") == "&lt;script&gt;"
    assert _cell("–") == "–"
