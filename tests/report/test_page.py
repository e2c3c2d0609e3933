import itertools
import random
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

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
        if self.open and self.open[-1] not in ("style", "script"):
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
    folder = tmp_path / "new" / "one"
    assert {file.name for file in folder.iterdir()} == {*FILES, "figures", "tables"}
    found = page(folder)
    for line in (*missing, *failures, "1 planned run missing, 1 failed", "Model selection".lower(), "last step"):
        assert line in found.text
    # Forest, confusions, domain, a map per task, three curves, criteria.
    n_figures = 1 + 1 + 1 + 2 + 3 + 1
    assert sum(address.startswith("data:") for address in found.refers) == n_figures
    for kind, begins in ((".pdf", b"%PDF-"), (".svg", b"<?xml")):
        figures = [file for file in (folder / "figures").iterdir() if file.suffix == kind]
        assert len(figures) == n_figures
        assert all(file.read_bytes().startswith(begins) for file in figures)
    named = {"results", "recalls", "per-task", "against-source-only", "against-didan"}
    tables = {file.name for file in (folder / "tables").iterdir()}
    assert tables == {"tasks.tex", *(f"spectrogram-{name}.tex" for name in named)}
    assert found.text.count("settings fixed beforehand") == 1
    text = (folder / "results.md").read_text(encoding="utf-8")
    assert "last step; settings fixed beforehand, without target labels" in text.splitlines()[0]
    assert all(f"- {line}" in text for line in (*missing, *failures))
    assert "above source-only" in text


def test_tables_do_not_depend_on_the_order_of_the_records(tmp_path: Path) -> None:
    records = made_up_records(extras=False)
    write_report(records, tmp_path / "a")
    random.Random(0).shuffle(records)
    write_report(records, tmp_path / "b")
    written = [file.relative_to(tmp_path / "a") for file in (tmp_path / "a").rglob("*") if file.is_file()]
    assert len(written) > len(FILES)
    for name in written:
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


def test_it_says_how_to_cite_what(tmp_path: Path) -> None:
    write_report(made_up_records(extras=False), tmp_path)
    text = " ".join(page(tmp_path).text.split())
    citation = yaml.safe_load((Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8"))
    (paper,) = citation["references"]
    authors = " and ".join(f"{author['family-names']}, {author['given-names']}" for author in paper["authors"])
    for line in (
        citation["title"],
        "version = {0.1.0}",
        paper["title"],
        authors,
        paper["identifiers"][0]["value"],
    ):
        assert line in text


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A page of many tasks as a browser lays it out for A4."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    folder = tmp_path_factory.mktemp("report")
    corpora = ("emodb", "casia", "ravdess", "enterface")
    write_report(made_up_records(tasks=list(itertools.permutations(corpora, 2)), n_seeds=2), folder)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        paper = browser.new_page(viewport={"width": 688, "height": 1000})  # 210 mm less margins
        paper.emulate_media(media="print")
        paper.goto((folder / "report.html").as_uri())
        yield paper
        browser.close()


def test_nothing_is_cut_on_paper(printed: Any) -> None:
    widest = (
        "Math.max(...[...document.querySelectorAll('table, img, pre')].map(e => e.getBoundingClientRect().right))"
    )
    assert printed.evaluate(widest) <= 688
    assert printed.evaluate("document.querySelectorAll('table').length") > 5
    printed.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert printed.evaluate("[...document.querySelectorAll('details')].every(part => part.open)")
    assert printed.evaluate("document.querySelectorAll('details').length") > 0
