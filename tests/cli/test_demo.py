from pathlib import Path

import pytest

from didan.cli import run


def test_the_demo_leaves_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    arguments = ["demo", "--out", str(out), "--seeds", "2", "--steps", "2", "--speakers", "2", "--utterances", "2"]
    assert run(arguments) == 0
    printed = capsys.readouterr().out
    assert str(out / "report.html") in printed
    html = (out / "report.html").read_text(encoding="utf-8")
    assert html.count("data:image/png;base64,") == 4
    assert "source-only" in html
    # The page is whole by itself: nothing is fetched from anywhere.
    assert "http" not in html.replace("http-equiv", "")
    capsys.readouterr()
    assert run(arguments) == 2
    assert "exists already" in capsys.readouterr().err
