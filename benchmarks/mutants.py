"""Break the code in small ways, one at a time, and see whether its tests notice.

    python -m benchmarks.mutants [alignment features/normaliser.py ...] [--share 1.0] [--seed 0]

A mutant has one comparison, operator, number, truth or order of arguments changed. It is killed if a test of its
module fails, or takes far too long. Those that survive are listed, but for those that ``mutants.yaml`` explains.
Runs only the tests that mirror the module, or those of its folder where it has none of its own; forks, so not on
Windows.
"""

import argparse
import ast
import contextlib
import importlib
import os
import random
import resource
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

import didan

PACKAGE, ROOT = Path(didan.__file__).parent, Path(__file__).parents[1]

_SYMMETRICAL = {"max", "min", "maximum", "minimum", "union1d", "vecdot"}
"""Functions to which the order of two arguments is nothing."""

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

MODULES = [
    "self_training",
    "alignment",
    "features/normaliser.py",
    "evaluation/evaluate.py",
    "evaluation/statistics.py",
    "metrics.py",
    "simplex.py",
    "training/batches.py",
]
"""Files and folders of ``didan`` where an error would be quiet: figures that are a little wrong."""

EXPLAINED: dict[str, dict[str, str]] = yaml.safe_load(
    Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
)
"""Mutants that no test can or need kill, and why: by file, and by part of the line and change."""

_SECONDS = 60
"""Of a processor, which a mutant may take, however busy the machine is."""


@dataclass(frozen=True)
class Mutant:
    """A module with one change."""

    file: Path
    line: int
    change: str
    source: str

    @property
    def module(self) -> str:
        """Its file in the package."""
        return self.file.relative_to(PACKAGE).as_posix()

    @property
    def explained(self) -> bool:
        """Whether it is known that it survives, and why."""
        line = self.file.read_text(encoding="utf-8").splitlines()[self.line - 1]
        return any(
            part in line and change == self.change
            for part, _, change in (key.rpartition(" | ") for key in EXPLAINED.get(self.module, {}))
        )

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.change}"


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
            yield Mutant(file, line, f"{before[:80].strip()} -> {after[:80].strip()}", ast.unparse(tree))


def _change(node: ast.AST) -> tuple[str, object] | None:
    """What to change of a piece of code, and to what; None where there is nothing to change."""
    if isinstance(node, ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.AugAssign) and type(node.op) in _OPERATORS:
        return "op", _OPERATORS[type(node.op)]()
    if isinstance(node, ast.Compare):
        return "ops", [_OPERATORS[type(op)]() for op in node.ops]
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):  # a truth is an int
        return "value", not node.value if isinstance(node.value, bool) else node.value + 1
    if isinstance(node, ast.Call) and len(node.args) == 2 and _name(node.func) not in _SYMMETRICAL:
        return "args", node.args[::-1]
    return None


def _name(function: ast.expr) -> str:
    return ast.unparse(function).rpartition(".")[2]


def tests_of(file: Path) -> list[Path]:
    """The tests that mirror a module, or the folder of those beside it."""
    folder = ROOT / "tests" / file.relative_to(PACKAGE).parent
    return sorted(folder.glob(f"test_{file.stem}*.py")) or [folder]


def survives(mutant: Mutant) -> bool:
    """Whether all tests pass with a mutant, in a process of its own."""
    child = os.fork()
    if not child:
        code = 1
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        try:
            with (
                Path(os.devnull).open("w") as nowhere,
                contextlib.redirect_stdout(nowhere),
                contextlib.redirect_stderr(nowhere),
            ):
                _take_the_place(mutant)
                import pytest

                options = ["-x", "-q", "-pno:cacheprovider", "-Wignore::pytest.PytestAssertRewriteWarning"]
                options += [f"--rootdir={ROOT}", f"-c={ROOT / 'pyproject.toml'}"]
                code = int(pytest.main([*options, *map(str, tests_of(mutant.file))]))
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def _take_the_place(mutant: Mutant) -> None:
    """Let whoever imports the module get the mutant."""
    parts = ["didan", *mutant.file.relative_to(PACKAGE).with_suffix("").parts]
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
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
    parser.add_argument("modules", nargs="*", default=MODULES, help="files or folders of didan")
    parser.add_argument("--share", type=float, default=1.0, help="of the mutants, drawn")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    _import_what_takes_long()

    chance, n_left = random.Random(arguments.seed), 0
    for name in arguments.modules:
        place = PACKAGE / name
        files = sorted(place.glob("*.py")) if place.is_dir() else [place]
        made = [mutant for file in files for mutant in mutants(file)]
        drawn = [mutant for mutant in made if chance.random() < arguments.share]
        explained = [mutant for mutant in drawn if mutant.explained]
        for file in sorted({mutant.file for mutant in drawn}):
            if not survives(Mutant(file, 0, "unchanged", file.read_text(encoding="utf-8"))):
                parser.error(f"the tests of {file} fail as it is")
        left = 0
        for mutant in drawn:
            if not mutant.explained and survives(mutant):
                left += 1
                print(f"survives: {mutant}", flush=True)
        n_left += left
        killed = len(drawn) - len(explained) - left
        print(
            f"{name}: {len(drawn)} of {len(made)} mutants, {killed} killed, {len(explained)} explained", flush=True
        )
    sys.exit(1 if n_left else 0)


def _import_what_takes_long() -> None:
    """What tests import of others, once for all forks."""
    for name in ("hypothesis", "lightning", "scipy.optimize", "sklearn.linear_model", "torch"):
        importlib.import_module(name)


if __name__ == "__main__":
    main()
