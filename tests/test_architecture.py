"""Imports follow the way of the data, without circles; and everything that docstrings refer to exists."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import didan

PACKAGE = Path(didan.__file__).parent

ROOMS = (
    "base",
    "corpora",
    "synthesis",
    "speech",
    "features",
    "networks",
    "alignment",
    "self_training",
    "methods",
    "classical",
    "model",
    "selection",
    "training",
    "inference",
    "evaluation",
    "benchmark",
    "report",
    "demo",
    "api",
    "web",
    "cli",
)
"""In the order of the data's way: a room imports from those before it. ``base`` are modules of no room."""

TOP = {"api": "api", "sklearn": "api", "__main__": "cli"}
"""Modules beside the rooms that stand above them."""

INDEPENDENT = {"report": {"benchmark"}}
"""Rooms that could import one another by their order and must not: a report is made of records alone."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def module_name(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(file) for file in MODULES}


def room(module: str) -> str:
    parts = module.split(".")
    if len(parts) == 1:
        return "api"  # didan itself, which imports on first use
    return parts[1] if parts[1] in ROOMS else TOP.get(parts[1], "base")


def imports(file: Path) -> Iterator[str]:
    """Modules of the package that a file imports, at any time; what only type checkers import is none."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for_types = [
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for inner in block.body
        for node in ast.walk(inner)
    ]
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in NAMES)
        elif isinstance(node, ast.ImportFrom) and node.module in NAMES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in NAMES else node.module


@pytest.mark.parametrize("file", MODULES, ids=module_name)
def test_imports_go_downwards(file: Path) -> None:
    own = room(module_name(file))
    for imported in imports(file):
        other = room(imported)
        if imported == "didan":
            continue  # the version
        assert ROOMS.index(other) <= ROOMS.index(own), f"{own} imports {imported}"
        assert other not in INDEPENDENT.get(own, set()), f"{own} imports {imported}"


def test_there_is_no_circle() -> None:
    graph = {module_name(file): set(imports(file)) - {module_name(file), "didan"} for file in MODULES}
    finished: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in finished:
            for imported in sorted(graph[module]):
                visit(imported, (*path, module))
            finished.add(module)

    for module in graph:
        visit(module, ())


def test_no_file_is_too_long() -> None:
    long = {module_name(file): n for file in MODULES if (n := len(file.read_text().splitlines())) > 400}
    assert not long


_REFERENCE = re.compile(r":(?:mod|class|func|meth|data|attr):`~?([\w.]+)`")


def docstrings(file: Path) -> Iterator[tuple[str, str]]:
    """The class that a docstring is in, if any, and the docstring."""
    tree = ast.parse(file.read_text(encoding="utf-8"))

    def within(node: ast.AST, owner: str) -> Iterator[tuple[str, str]]:
        for child in ast.iter_child_nodes(node):
            inner = child.name if isinstance(child, ast.ClassDef) else owner
            if isinstance(child, ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(child)):
                yield inner, text
            elif isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                yield owner, str(child.value.value)
            yield from within(child, inner)

    yield "", ast.get_docstring(tree) or ""
    yield from within(tree, "")


@pytest.mark.parametrize("file", MODULES, ids=module_name)
def test_what_docstrings_refer_to_exists(file: Path) -> None:
    own = module_name(file)
    for owner, text in docstrings(file):
        for reference in _REFERENCE.findall(text):
            candidates = [reference, f"{own}.{reference}", *([f"{own}.{owner}.{reference}"] if owner else [])]
            assert any(map(exists, candidates)), f"{own}: {reference}"


def exists(path: str) -> bool:
    """Whether a dotted name is a module, or something in one, down to fields of dataclasses and settings."""
    parts = path.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for name in parts[cut:]:
            fields = {**getattr(found, "__dataclass_fields__", {}), **getattr(found, "model_fields", {})}
            if name in fields or name in getattr(found, "__annotations__", {}):
                return True
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False
