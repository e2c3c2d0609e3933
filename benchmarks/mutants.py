"""Break the code in small ways, one at a time, and see whether its tests notice.

    python -m benchmarks.mutants [--only self_training] [--share 1.0] [--seed 0]

A mutant has one comparison, operator, number, truth or order of arguments changed. It is killed if a test of its
module fails, or takes far too long; those that survive are listed. Runs only the tests beside the module; forks,
so not on Windows.
"""

import argparse
import ast
import contextlib
import importlib
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import didan

PACKAGE, ROOT = Path(didan.__file__).parent, Path(__file__).parents[1]

_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult},
    **{
        ast.FloorDiv: ast.Mult,
        ast.Mod: ast.Mult,
        ast.MatMult: ast.Mult,
        ast.BitOr: ast.BitAnd,
        ast.BitAnd: ast.BitOr,
    },
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{
        ast.Is: ast.IsNot,
        ast.IsNot: ast.Is,
        ast.In: ast.NotIn,
        ast.NotIn: ast.In,
        ast.And: ast.Or,
        ast.Or: ast.And,
    },
    **{ast.USub: ast.UAdd, ast.Not: ast.UAdd},
}

TESTS = {
    "self_training": ("self_training", ["self_training"]),
    "alignment": ("alignment", ["alignment"]),
    "statistics": ("evaluation/statistics.py", ["evaluation/test_statistics.py"]),
    "metrics": ("metrics.py", ["test_metrics.py"]),
    "normaliser": ("features/normaliser.py", ["features/test_normaliser.py"]),
    "simplex": ("simplex.py", ["test_simplex.py"]),
}
"""Modules of ``didan``, and the tests that know them."""

_SECONDS = 120


@dataclass(frozen=True)
class Mutant:
    """A module with one change."""

    file: Path
    line: int
    change: str
    source: str

    @property
    def name(self) -> str:
        """Where the change is, and what it is."""
        return f"{self.file.relative_to(PACKAGE)}:{self.line}: {self.change}"


def mutants(file: Path) -> Iterator[Mutant]:
    """All mutants of a module."""
    source = file.read_text(encoding="utf-8")
    for number, node in enumerate(ast.walk(ast.parse(source))):
        if (change := _change(node)) is None:
            continue
        tree = ast.parse(source)
        place = next(one for n, one in enumerate(ast.walk(tree)) if n == number)
        before = " ".join(ast.unparse(place).split())
        setattr(place, *change)
        after = " ".join(ast.unparse(place).split())
        if after != before:
            line = getattr(node, "lineno", 0)
            yield Mutant(file, line, f"{before[:80]} -> {after[:80]}", ast.unparse(tree))


def _change(node: ast.AST) -> tuple[str, object] | None:
    """What to change of a piece of code, and to what; None where there is nothing to change."""
    if isinstance(node, ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.AugAssign) and type(node.op) in _OPERATORS:
        return "op", _OPERATORS[type(node.op)]()
    if isinstance(node, ast.Compare):
        return "ops", [_OPERATORS[type(op)]() for op in node.ops]
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):  # a truth is an int
        return "value", not node.value if isinstance(node.value, bool) else node.value + 1
    if isinstance(node, ast.Call) and len(node.args) == 2:
        return "args", node.args[::-1]
    return None


def survives(mutant: Mutant, tests: list[str]) -> bool:
    """Whether all tests pass with a mutant, in a process of its own."""
    child = os.fork()
    if not child:
        code = 1
        try:
            with (
                Path(os.devnull).open("w") as nowhere,
                contextlib.redirect_stdout(nowhere),
                contextlib.redirect_stderr(nowhere),
            ):
                _take_the_place(mutant)
                import pytest

                options = [
                    "-x",
                    "-q",
                    "-p",
                    "no:cacheprovider",
                    f"--rootdir={ROOT}",
                    f"-c={ROOT / 'pyproject.toml'}",
                ]
                code = int(pytest.main([*options, *(str(ROOT / "tests" / test) for test in tests)]))
        finally:
            os._exit(code)
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _take_the_place(mutant: Mutant) -> None:
    """Let whoever imports the module get the mutant."""
    name = "didan." + ".".join(mutant.file.relative_to(PACKAGE).with_suffix("").parts)
    for known in [known for known in sys.modules if known.startswith("didan")]:
        del sys.modules[known]

    class Finder:
        """Finds that one module."""

        @staticmethod
        def find_spec(wanted: str, path: object = None, target: object = None) -> object:
            if wanted != name:
                return None
            spec = importlib.util.spec_from_file_location(wanted, mutant.file)
            assert spec is not None
            assert spec.loader is not None
            code = compile(mutant.source, str(mutant.file), "exec")
            spec.loader.get_code = lambda _: code  # type: ignore[attr-defined]
            return spec

    sys.meta_path.insert(0, Finder)  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=TESTS)
    parser.add_argument("--share", type=float, default=1.0, help="of the mutants, drawn")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    import torch  # noqa: F401  before forking: it takes longest

    chance, n_left = random.Random(arguments.seed), 0
    for name in [arguments.only] if arguments.only else TESTS:
        place, tests = TESTS[name]
        files = sorted((PACKAGE / place).glob("*.py")) if (PACKAGE / place).is_dir() else [PACKAGE / place]
        made = [mutant for file in files for mutant in mutants(file)]
        drawn = chance.sample(made, max(round(arguments.share * len(made)), 1))
        left = 0
        for mutant in drawn:
            if survives(mutant, tests):
                left += 1
                print(f"survives: {mutant.name}", flush=True)
        n_left += left
        print(f"{name}: {len(drawn)} of {len(made)} mutants, {len(drawn) - left} killed", flush=True)
    sys.exit(1 if n_left else 0)


if __name__ == "__main__":
    main()
