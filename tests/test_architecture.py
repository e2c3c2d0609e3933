"""Imports follow the way of the data, without circles."""

import ast
from collections.abc import Iterator
from pathlib import Path

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
    "service",
    "web",
    "cli",
)
"""In the order of the data's way: a room imports from those before it; ``base`` is the modules beside them."""

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


def test_imports_go_downwards() -> None:
    upwards = [
        f"{module_name(file)} imports {imported}"
        for file in MODULES
        for imported in imports(file)
        if imported != "didan" and not _may_import(room(module_name(file)), room(imported))
    ]
    assert not upwards


def _may_import(own: str, other: str) -> bool:
    return ROOMS.index(other) <= ROOMS.index(own) and other not in INDEPENDENT.get(own, set())


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
