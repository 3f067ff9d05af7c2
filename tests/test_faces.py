"""Faces of the rooms: each public name is there, told of, and typed."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import rooms

import explainable_seg

PACKAGE = Path(explainable_seg.__file__).parent
CHECKOUT = Path(__file__).resolve().parents[1]
STUBS = sorted([*PACKAGE.glob("*/__init__.pyi"), PACKAGE / "nmf/__init__.py"])
ROOMS = [stub.parent.name for stub in STUBS]


def homes(stub: Path) -> dict[str, Path]:
    """For each name of a stub the file that it says to hold it."""
    return {
        name.name: stub.parent.joinpath(*node.module.split(".")).with_suffix(
            ".py"
        )
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


def first_line(path: Path, name: str) -> str:
    """First line of a docstring; of a constant's, which stands below it."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for node, below in zip(body, [*body[1:], ast.Pass()]):
        if getattr(node, "name", None) == name:
            return (ast.get_docstring(node) or "").partition("\n")[0]
        target = getattr(node, "target", *getattr(node, "targets", [None])[:1])
        if getattr(target, "id", None) == name and isinstance(below, ast.Expr):
            return inspect.cleandoc(below.value.value).partition("\n\n")[0]
    return ""


@pytest.mark.parametrize("stub", STUBS, ids=ROOMS)
def test_each_public_name_has_a_line_of_its_own(stub: Path) -> None:
    for name, path in homes(stub).items():
        line = first_line(path, name)
        assert re.fullmatch(r"[A-Z`*0-9].*[.?]", line, re.DOTALL), name


def test_the_reference_has_a_page_for_each_room() -> None:
    assert sorted(rooms.ROOMS) == ROOMS
    words = {path.stem for path in PACKAGE.glob("*.py")}
    assert set(rooms.WORDS) == words - {"__init__", "__main__"}


def test_mypy_sees_the_type_of_each_public_name(tmp_path: Path) -> None:
    asked = {
        f"{room}_{name}": f"from explainable_seg.{room} import {name}"
        for room, stub in zip(ROOMS, STUBS)
        for name in homes(stub)
    }
    for name in homes(PACKAGE / "__init__.pyi"):
        asked[name] = f"from explainable_seg import {name}"
    lines = [f"{line} as {name}" for name, line in asked.items()]
    lines += [f"reveal_type({name})" for name in asked]
    lines += ["reveal_type(ExplainableSegmenter.from_pretrained().segment(''))"]
    path = tmp_path / "asked.py"
    path.write_text("\n".join(lines))
    # From the checkout, whose cache `make test` has just filled.
    done = subprocess.run(
        [sys.executable, "-m", "mypy", str(path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    revealed = re.findall(r'Revealed type is "(.*)"', done.stdout)
    assert len(revealed) == len(asked) + 1
    untyped = {"Any", "def (*Any, **Any) -> Any", "builtins.object"}
    assert not [n for n, kind in zip(asked, revealed) if kind in untyped]
    assert revealed[-1].endswith(".Segmentation")
