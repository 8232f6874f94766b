"""The limits that no linter counts: file length, function length, class size, banned names.

Run as `python -m tests.shape.limits`: prints `file:line: what is too long`, exits 1 if anything is.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 40
CLASS_METHODS = 15
BANNED_NAMES = {"utils", "util", "helpers", "helper", "misc", "common", "manager"}
ROOTS = ("orchestrator", "reference_archs", "tests", "jenkins")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def complaints(path: Path) -> Iterator[str]:
    """Yield one sentence per limit that the file breaks."""
    text = path.read_text()
    lines = text.count("\n")
    if lines > FILE_LINES:
        yield f"{path}:1: {lines} lines, at most {FILE_LINES}"
    if path.stem in BANNED_NAMES or path.parent.name in BANNED_NAMES:
        yield f"{path}:1: the name says nothing; name it after what it holds"
    tree = ast.parse(text)
    if path.name == "__init__.py" and len(tree.body) > 1:
        yield f"{path}:1: holds more than a docstring"
    for node in ast.walk(tree):
        yield from _of(node, path)


def function_lines(node: Function) -> int:
    """Return the lines of a function without its docstring and decorators."""
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def _of(node: ast.AST, path: Path) -> Iterator[str]:
    if isinstance(node, Function) and function_lines(node) > FUNCTION_LINES:
        yield f"{path}:{node.lineno}: {node.name} has {function_lines(node)} lines, at most 40"
    if isinstance(node, ast.ClassDef):
        methods = sum(isinstance(child, Function) for child in node.body)
        if methods > CLASS_METHODS:
            yield f"{path}:{node.lineno}: {node.name} has {methods} methods, at most 15"


def main() -> int:
    """Print every complaint; return 1 if there is any."""
    files = [path for root in ROOTS for path in sorted(Path(root).rglob("*.py"))]
    found = [line for path in files for line in complaints(path)]
    sys.stdout.write("".join(f"{line}\n" for line in found))
    sys.stdout.write(f"{len(files)} files within limits\n" if not found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
