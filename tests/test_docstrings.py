"""Everything that docstrings refer to exists."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from test_architecture import MODULES, module_name

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


def test_what_docstrings_refer_to_exists() -> None:
    dangling = []
    for file in MODULES:
        own = module_name(file)
        for owner, text in docstrings(file):
            for reference in _REFERENCE.findall(text):
                candidates = [reference, f"{own}.{reference}", *([f"{own}.{owner}.{reference}"] if owner else [])]
                if not any(map(exists, candidates)):
                    dangling.append(f"{own}: {reference}")
    assert not dangling


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
