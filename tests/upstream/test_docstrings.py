"""Docstrings as SpeechBrain's check and its reviewers want them."""

import ast
import re

import pytest
from upstream.library import going

GOING = {place: path for path, place in going() if path.suffix == ".py"}
SECTIONS = ("Arguments", "Returns", "Raises", "Yields", "Example")
SAID = r"^(?:\w+, )*{}(?:, \w+)* : "  # one line may name several
HEADING = re.compile(r"^ *(\w+)\n *(-{3,})$", re.M)


def documented(node: ast.Module | ast.ClassDef) -> list[ast.AST]:
    """A module or class, and the classes and functions right in it."""
    found: list[ast.AST] = [node]
    for part in node.body:
        if isinstance(part, ast.ClassDef):
            found += documented(part)
        elif isinstance(part, ast.FunctionDef):
            if not part.name.startswith("__"):
                found.append(part)
    return found


def problems(text: str) -> list[str]:
    """What is wrong with the docstrings of a module."""
    found = []
    for node in documented(ast.parse(text)):
        name = getattr(node, "name", "the module")
        docstring = ast.get_docstring(node)
        if docstring is None:
            found.append(f"{name} has none")
            continue
        first = docstring.split("\n")[0]
        # Their check skips lines with these, and finds no docstring then; it
        # does not see functions whose result is annotated.
        seen = getattr(node, "returns", None) is None
        if seen and ("..." in first or ">>>" in first):
            found.append(f"{name}: dots in its first line")
        for heading, dashes in HEADING.findall(docstring):
            if heading not in SECTIONS or len(dashes) != len(heading):
                found.append(f"{name}: {heading}")
        if "Arguments\n" in docstring and isinstance(node, ast.FunctionDef):
            found += [
                f"{name}: {arg.arg} is not said"
                for arg in [*node.args.args, *node.args.kwonlyargs]
                if arg.arg not in ("self", "cls")
                and not re.search(SAID.format(arg.arg), docstring, flags=re.M)
            ]
    return found


@pytest.mark.parametrize("module", sorted(GOING))
def test_docstrings(module):
    assert not problems(GOING[module].read_text(encoding="utf-8"))


def test_the_check_sees_what_is_missing():
    text = (
        '"""A module."""\n'
        "def f(a, b):\n"
        '    """Do 1, 2, ... things.\n\n'
        "    Arguments\n    ---------\n    a : int\n        A.\n\n"
        "    Return\n    ------\n    int\n"
        '    """\n'
        "class C:\n    pass\n"
    )
    assert problems(text) == [
        "f: dots in its first line",
        "f: Return",
        "f: b is not said",
        "C has none",
    ]
