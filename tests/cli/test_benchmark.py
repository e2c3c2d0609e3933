from pathlib import Path

import pytest

from didan.cli import run
from didan.corpora import Corpus
from didan.records import read_records
from helpers import complaint, table_of


@pytest.fixture
def arguments(tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path: Path) -> list[str]:
    corpora = [f"--corpus={table_of(corpus)}" for corpus in tiny_corpora]
    return ["benchmark", *corpora, f"--cache={session_cache}", f"--out={tmp_path / 'out'}", "--workers=2"]


def test_benchmark_and_report(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    flags = ["--features=pooled", "--method=svm-linear-corpus", "--method=svm-linear-source"]
    assert run([*arguments, *flags]) == 0
    assert "4 runs: 0 done already, 4 to do" in capsys.readouterr().err
    page = (out / "report.html").read_bytes()
    for name in ("results.md", "results.csv", "comparisons.csv", "selection.csv", "domain.csv", "costs.csv"):
        assert (out / name).exists()
    # Nothing to do the second time, and the report is left alone.
    before = (out / "report.html").stat().st_mtime_ns
    assert run([*arguments, *flags]) == 0
    assert "4 done already, 0 to do" in capsys.readouterr().err
    assert (out / "report.html").stat().st_mtime_ns == before
    # The report can be made again of the records alone, and is the same.
    (out / "report.html").unlink()
    assert run(["report", str(out)]) == 0
    assert capsys.readouterr().out.strip().endswith("report.html")
    assert (out / "report.html").read_bytes() == page


def test_plan_file_with_flags_on_top(arguments: list[str], tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("methods: [svm-linear-corpus, svm-rbf-corpus]\nfeatures: [pooled]\ntasks: ['alpha:gamma']\n")
    assert run([*arguments, f"--plan={plan}", "--method=svm-linear-source"]) == 0
    (record,) = read_records(tmp_path / "out")
    assert (record["features"], record["method"], record["seed"]) == ("pooled", "svm-linear-source", 0)


def test_the_papers_tasks_are_named_before_they_run(
    tiny_corpora: tuple[Corpus, Corpus], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = []
    for name, corpus in zip(("emodb", "casia"), tiny_corpora, strict=True):
        corpus.table.to_csv(tmp_path / f"{name}.csv", index=False)
        named.append(f"--corpus={tmp_path / f'{name}.csv'}")
    flags = ["--preset=paper", "--features=pooled", "--method=svm-linear-corpus", "--workers=1"]
    assert run(["benchmark", *named, *flags, f"--out={tmp_path / 'out'}"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("preset paper: 2 of the paper's 6 tasks, emodb:casia, casia:emodb; the other 4 need")
    assert "on pooled, where the paper has spectrograms" in said[1]
    assert next(number for number, line in enumerate(said) if line.startswith("2 runs")) == 3


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--method=didam"], "unknown method 'didam': did you mean 'didan'?"),
        (["--features=spectogram"], "spectogram"),
        (["--task=alpha:beta"], "no corpus 'beta' is given"),
        (["--seeds=0"], "seeds"),
        (["--set=optimisation.stepps=3"], "did you mean 'optimisation.steps'?"),
        (["--preset=papre"], "unknown preset 'papre'"),
        (["--preset=paper"], "at least two of emodb, enterface, casia"),
        (["--plan=none.yaml"], "none.yaml: no such file"),
        (["--corpus=nowhere.csv"], "nowhere.csv does not exist"),
    ],
)
def test_mistakes_are_explained(
    arguments: list[str], flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, *flags]) == 2
    assert message in complaint(capsys)


def test_report_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(tmp_path)]) == 2
    assert "holds no run records" in complaint(capsys)


def test_failures_make_the_exit_code(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from didan.benchmark import benchmark
    from didan.benchmark.processes import Outcome

    def failing(work: object, runs: list[object], workers: int) -> object:
        return iter([Outcome(run=run, record=None, error="out of memory") for run in runs])  # type: ignore[arg-type]

    flags = ["--features=pooled", "--task=alpha:gamma", "--method=svm-linear-corpus", "--method=svm-linear-source"]
    assert run([*arguments, *flags[:3]]) == 0
    monkeypatch.setattr(benchmark, "in_processes", failing)
    assert run([*arguments, *flags]) == 1
    said = capsys.readouterr().err
    assert "failed: alpha -> gamma, pooled, svm-linear-source, seed 0: out of memory" in said
    assert "1 runs failed" in said
    assert "out of memory" in (tmp_path / "out" / "report.html").read_text()
