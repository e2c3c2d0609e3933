import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from didan.report.latex import latex
from didan.report.results import Benchmark
from didan.report.tables import results_table, tasks_table
from report.made_up import made_up_records

NASTY = r"a&b_50%$#{x}~^\<>"


def body(text: str) -> list[list[str]]:
    """The cells between the rules."""
    rows = text.partition("\\midrule\n")[2].partition("\\bottomrule")[0].splitlines()
    return [row.removesuffix(r" \\").split(" & ") for row in rows]


def test_cells_are_those_of_the_table() -> None:
    table = results_table(Benchmark(made_up_records()), "spectrogram")
    text = latex(table, "UAR", "tab:uar")
    rows = body(text)
    assert [row[0] for row in rows] == list(table.index)
    assert {len(row) for row in rows} == {1 + table.shape[1]}
    for cells, (_, expected) in zip(rows, table.iterrows(), strict=True):
        for cell, entry in zip(cells[1:], expected, strict=True):
            assert ("textbf" in cell) == ("**" in entry)
            assert re.findall(r"\d+\.\d", cell) == re.findall(r"\d+\.\d", entry)


def test_names_are_escaped() -> None:
    table = pd.DataFrame({NASTY: [NASTY]}, index=pd.Index([NASTY], name="row"))
    (cells,) = body(latex(table, NASTY, "tab:x"))
    assert cells == [r"a\&b\_50\%\$\#\{x\}\textasciitilde{}\textasciicircum{}\textbackslash{}$<$$>$"] * 2


def test_latex_takes_it(tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None or not _has("adjustbox.sty"):
        pytest.skip("no LaTeX on this machine")
    benchmark = Benchmark(made_up_records(methods=["source-only", "didan", "target-only"]))
    nasty = pd.DataFrame({NASTY: [NASTY]}, index=pd.Index([NASTY], name="row"))
    tables = [results_table(benchmark, "spectrogram"), tasks_table(benchmark), nasty]
    parts = [latex(table, f"{NASTY} † ‡ ±", f"tab:{number}") for number, table in enumerate(tables)]
    head = "\\documentclass[twocolumn]{article}\\usepackage{booktabs,adjustbox}\\begin{document}"
    (tmp_path / "paper.tex").write_text("\n".join([head, *parts, "\\end{document}"]), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout


def _has(file: str) -> bool:
    return subprocess.run(["kpsewhich", file], capture_output=True, check=False).returncode == 0
