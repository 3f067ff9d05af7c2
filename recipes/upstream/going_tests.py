"""The tests of the rooms that go, as far as SpeechBrain can run them.

Files and helpers keep their names and folders. A test stays here if it needs a
package that the recipes do not ask for, a room that stays, a process of its own
or this checkout.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from upstream.library import CHECKOUT, OURS, STAYING, renamed, write_text

TESTS = CHECKOUT / "tests"
THERE = "speechbrain/integrations/tests/segmentation"
# Hypothesis asks SpeechBrain's lazy modules for all that they would import.
LACKING = (
    "hypothesis",
    "pandas",
    "pyannote.metrics",
    "ray",
    "sklearn",
    "subprocess",
    "textgrid",
    "webvtt",
    "data_prep",
    *(f"{OURS}.{room}" for room in STAYING),
)
# Names that lead to this checkout, its corpora or its model.
HERE_ONLY = {"__file__", "corpora", "DEFAULT_MODEL"}


def write_tests(clone: Path) -> Iterator[Path]:
    """Write the tests that go, and the helpers that they import.

    Arguments
    ---------
    clone : pathlib.Path
        SpeechBrain's repository.

    Yields
    ------
    pathlib.Path
        What was written.
    """
    rooms = {path.name for path in (CHECKOUT / OURS).iterdir()} - {*STAYING}
    texts = {
        path: _going_text(path)
        for room in sorted({".", "with_speechbrain"} | rooms)
        for path in sorted((TESTS / room).glob("*.py"))
        if not _stays(_module(path))
    }
    together = "".join(texts.values())
    for path, text in texts.items():
        shared = f"from {_module(path)} import" in together
        if "def test_" in text or shared or path == TESTS / "conftest.py":
            yield write_text(clone / THERE / path.relative_to(TESTS), text)


def _going_text(path: Path) -> str:
    """What SpeechBrain can run of a file of tests."""
    text = path.read_text(encoding="utf-8")
    body = ast.parse(text).body
    lost, removed = set(HERE_ONLY), list[ast.stmt]()
    while more := [
        node for node in body if node not in removed and _lacks(node, lost)
    ]:
        removed += more
        lost = lost.union(*map(_bound, more))
    if path.stem.startswith("test_"):
        kept = [node for node in body if node not in removed]
        while idle := [node for node in kept if _is_idle(node, kept)]:
            removed += idle
            kept = [node for node in kept if node not in idle]
    return _documented(renamed(_without(removed, text)))


def _stays(module: str) -> bool:
    """Whether a module cannot be had in SpeechBrain, nor what is in it."""
    if any(f"{module}.".startswith(f"{lacking}.") for lacking in LACKING):
        return True
    path = TESTS / f"{module.replace('.', '/')}.py"
    if not path.is_file() or path.stem.startswith(("test_", "conftest")):
        return False
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return _lacks(tree, HERE_ONLY)


def _module(path: Path) -> str:
    """Name by which tests import a helper."""
    return ".".join(path.relative_to(TESTS).with_suffix("").parts)


def _lacks(node: ast.AST, lost: set[str]) -> bool:
    """Whether something uses lost names or what cannot be had."""
    for part in ast.walk(node):
        if lost & {getattr(part, name, "") for name in ("id", "arg", "name")}:
            return True
        if isinstance(part, (ast.Import, ast.ImportFrom)):
            package = getattr(part, "module", None)
            names = [alias.name for alias in part.names]
            if package:
                names = [package, *(f"{package}.{name}" for name in names)]
            if any(map(_stays, names)):
                return True
    return False


def _bound(node: ast.stmt) -> set[str]:
    """Names that a statement binds."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    return {
        part.asname or part.name.partition(".")[0]
        if isinstance(part, ast.alias)
        else part.id
        for part in ast.walk(node)
        if isinstance(part, ast.alias)
        or (isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
    }


def _is_idle(node: ast.stmt, kept: list[ast.stmt]) -> bool:
    """Whether a value or a helper served only tests that stay."""
    names = _bound(node)
    is_helper = isinstance(node, (ast.Assign, ast.FunctionDef, ast.ClassDef))
    if not (is_helper and names) or getattr(node, "decorator_list", []):
        return False
    used = {
        getattr(part, "id", None) or getattr(part, "arg", None)
        for other in kept
        if other is not node
        for part in ast.walk(other)
    }
    roots = ("test_", "pytestmark")
    return not any(n in used or n.startswith(roots) for n in names)


def _without(removed: Iterable[ast.stmt], text: str) -> str:
    """Text without some statements and their decorators."""
    lines = text.splitlines(keepends=True)
    for node in removed:
        first = min(
            part.lineno for part in [node, *getattr(node, "decorator_list", [])]
        )
        last = node.end_lineno or node.lineno
        lines[first - 1 : last] = [""] * (last - first + 1)
    return "".join(lines)


def _documented(text: str) -> str:
    """Text whose functions all have docstrings: their names, as sentences."""
    lines = text.splitlines(keepends=True)
    found = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and ast.get_docstring(node) is None
    ]
    for node in sorted(found, key=lambda node: -node.lineno):
        at = node.lineno
        while not lines[at - 1].rstrip().endswith(":"):
            at += 1  # the signature goes on
        words = node.name.removeprefix("test_").strip("_").replace("_", " ")
        indent = " " * node.body[0].col_offset
        lines.insert(at, f'{indent}"""{words.capitalize()}."""\n')
    return "".join(lines)
