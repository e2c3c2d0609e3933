"""The Tab key, as bash asks for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from didan.benchmark.plan import POOLED, all_methods
from didan.cli import completion
from didan.corpora.known import known_readers
from didan.features import FRONTENDS
from didan.methods import METHODS
from didan.model.find import SHIPPED


def offered(line: str, folder: Path) -> list[str]:
    """What is offered for the last word of a line."""
    code = (
        "import sys\nfrom didan.cli import main\ntry:\n    main()\nfinally:\n"
        "    heavy = {'torch', 'pandas', 'numpy', 'sklearn'} & set(sys.modules)\n    assert not heavy, heavy"
    )
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_DIDAN_COMPLETE": "complete_bash"}
    program = folder / "didan"  # by whose name the variable is called
    program.write_text(code)
    done = subprocess.run(
        [sys.executable, str(program)], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("didan ev", ["evaluate"]),
        ("didan train --method di", ["didan"]),
        ("didan adapt model folder --method deep-", ["deep-coral", "deep-jdot"]),
        ("didan benchmark --method svm-rbf-s", ["svm-rbf-source", "svm-rbf-speaker"]),
        ("didan benchmark --features po", ["pooled"]),
        ("didan benchmark --preset ", ["paper"]),
        ("didan train --frontend functionals+", ["functionals+pretrained", "functionals+spectrogram"]),
        ("didan train --group fo", ["folder"]),
        ("didan corpora ra", ["ravdess"]),
        ("didan train --source emod", ["emodb=./", "emodb=/"]),
        ("didan evaluate model cas", ["casia=./", "casia=/"]),
        ("didan predict model audio --format c", ["csv"]),
        ("didan predict b", ["base"]),
        ("didan serve ba", ["base"]),
        # Of paths the shell knows more: it is offered nothing, and completes them itself.
        ("didan predict ", []),
        ("didan evaluate ./mo", []),
        ("didan inspect my", []),
        ("didan train --out m", []),
    ],
)
def test_what_is_offered(line: str, expected: list[str], tmp_path: Path) -> None:
    assert offered(line, tmp_path) == expected


def test_names_are_those_of_the_registries() -> None:
    assert completion.methods("") == sorted(METHODS)
    assert completion.benchmarked("") == sorted([*all_methods(), "all"])
    assert completion.models("b") == [name for name in SHIPPED if name.startswith("b")]
    assert completion.corpora("") == sorted(known_readers())
    assert sorted(completion.benchmark_features("")) == sorted([*FRONTENDS, POOLED])


def test_bash_itself_completes_paths_where_nothing_is_offered() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "didan", "--show-completion", "bash"],
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},  # no shell need have started us
        capture_output=True,
        text=True,
        check=True,
    )
    assert "complete -o default -F" in done.stdout
