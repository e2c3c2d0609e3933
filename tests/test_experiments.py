"""The index of experiments says of each what its page says."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "experiments"
INDEX = (FOLDER / "index.md").read_text(encoding="utf-8")
VERDICT = re.compile(r"\A# (.+)\n\n\*\*Verdict:\*\* ((?:.+\n)+)")
WITH_VERDICT = [page for page in sorted(FOLDER.glob("*.md")) if "**Verdict:**" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", WITH_VERDICT, ids=lambda page: page.stem)
def test_the_index_has_the_verdict_of_the_page(page: Path) -> None:
    found = VERDICT.match(page.read_text(encoding="utf-8"))
    assert found, "the verdict comes first"
    question, verdict = found[1], " ".join(found[2].split())
    assert question.endswith("?")
    assert len(re.findall(r"\.(?: |$)", verdict)) <= 3
    assert f"| [{question}]({page.name}) | {verdict} |" in INDEX


def test_every_page_of_the_index_has_a_verdict() -> None:
    listed = set(re.findall(r"^\| \[.+\?\]\((.+?\.md)\) \|", INDEX, re.MULTILINE))
    assert listed == {page.name for page in WITH_VERDICT}
