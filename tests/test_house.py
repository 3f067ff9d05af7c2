"""The house: what stands on what, and by which doors one enters.

Read from the code, imports inside of functions and for types included.
"""

import ast
import importlib
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest
from prepared import begin_prepared
from rooms import ROOMS

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = "explainable_seg"
# What points up, and why: `explanation.save()` and `.plot()` forward to what
# draws and writes; `python -m explainable_seg` is the command.
FORWARDERS = {
    ("explanation.explanation", "pages"),
    ("__main__", "commands"),
    ("__init__", "decisions"),
    ("__init__", "explanation"),
    ("__init__", "inference"),
}
# Modules that read or write files, or start programs.
FILES = {"io", "json", "os", "pathlib", "shutil", "soundfile", "subprocess"}


def name_of(path):
    """Dotted name of a file of the package, from the rooms on."""
    relative = path.relative_to(CHECKOUT / PACKAGE).with_suffix("")
    return ".".join(relative.parts)


@lru_cache(maxsize=None)
def modules():
    """Files of the package by their names."""
    paths = sorted((CHECKOUT / PACKAGE).rglob("*.py"))
    return {name_of(path): path for path in paths}


def imported(path, package=PACKAGE):
    """Every name that a file imports of a package: module, name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == package:
                    yield alias.name.partition(".")[2], None
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if node.module.split(".")[0] == package:
                for alias in node.names:
                    yield node.module.partition(".")[2], alias.name


@lru_cache(maxsize=None)
def face(room):
    """Module in which each public name of a room is defined."""
    stub = CHECKOUT / PACKAGE / room / "__init__.pyi"
    if not stub.is_file():  # of what lifts out
        stub = stub.with_suffix(".py")
    homes = {}
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                assert alias.name == alias.asname, f"{stub}: {alias.name}"
                assert alias.name not in homes, f"{stub}: {alias.name} twice"
                homes[alias.name] = f"{room}.{node.module}"
    return homes


def room_of(module):
    """Room of a module; none of those that are words."""
    first = module.split(".")[0]
    return first if first in ROOMS else ""


def homes(path):
    """Modules that a file imports names of."""
    for module, name in imported(path):
        if module in ROOMS and name in face(module):
            yield face(module)[name]
        elif name and f"{module}.{name}".lstrip(".") in modules():
            yield f"{module}.{name}".lstrip(".")
        elif module:
            yield module
        elif name in ("ExplainableSegmenter", "Explanation", "Segmentation"):
            yield "__init__"


def test_every_folder_is_a_room():
    folders = {p.parent.name for p in (CHECKOUT / PACKAGE).glob("*/*.py")}
    assert folders == {*ROOMS, "default_model"}


@pytest.mark.parametrize("module", modules())
def test_imports_run_down_only(module):
    path = modules()[module]
    place = ROOMS.index(room_of(module)) if room_of(module) else -1
    if module.startswith("default_model"):
        return
    for target in homes(path):
        room = room_of(target)
        up = room and ROOMS.index(room) > place
        assert not up or (module, room) in FORWARDERS, target


def test_no_module_leads_back_to_itself():
    arrows = {
        module: {
            target
            for target in homes(path)
            if (module, room_of(target)) not in FORWARDERS
        }
        - {module}
        for module, path in modules().items()
        if not module.startswith("default_model")
    }
    done, path = set(), []

    def visit(module):
        assert module not in path, " -> ".join([*path, module])
        if module in done:
            return
        path.append(module)
        for target in sorted(arrows.get(module, ())):
            visit(target)
        path.pop()
        done.add(module)

    for module in arrows:
        visit(module)


def outsiders():
    """Files of ours, with the rooms that are theirs."""
    for module, path in modules().items():
        yield path, room_of(module)
    for folder in ("recipes", "data_prep", "benchmarks"):
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            yield path, None


def test_rooms_are_entered_through_their_faces():
    for path, own in outsiders():
        for module, name in imported(path):
            room = room_of(module)
            if room and room != own:
                assert module == room, f"{path}: {module}"
                assert name in face(room), f"{path}: {name} of {room}"


def enter(room, names):
    """Ask a face for its names, in a process that has entered no other."""
    assert not any(name.startswith(PACKAGE) for name in sys.modules)
    entered = importlib.import_module(f"{PACKAGE}.{room}")
    for name in names:
        getattr(entered, name)


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_names_what_is_there(room, tmp_path):
    messages = tmp_path / "messages.txt"
    run = begin_prepared(messages, enter, room, list(face(room)))
    run.join()
    assert run.exitcode == 0, messages.read_text()


@pytest.mark.parametrize("room", ["nmf", "features"])
def test_what_lifts_out_knows_no_files(room):
    wavlm = {"features.frontend": {"os"}}  # a folder with WavLM's weights
    for module, path in modules().items():
        if room_of(module) != room:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = {
            name.split(".")[0]
            for node in ast.walk(tree)
            for name in (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert found & FILES <= wavlm.get(module, set()), module
        assert {room_of(t) for t in homes(path)} <= {"", room}, module
        assert not any(t == "files" for t in homes(path)), module


def test_data_preparation_needs_no_torch():
    names = [p.stem for p in (CHECKOUT / "data_prep").glob("*_prepare.py")]
    code = "import sys\n" + "".join(f"import data_prep.{n}\n" for n in names)
    done = subprocess.run(
        [sys.executable, "-c", code + "print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
    )
    assert done.stdout.strip() == "False", done.stderr


def test_the_picture_in_the_readme_is_true():
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    picture = text.split("## How the rooms fit")[1].split("```")[1]
    drawn = re.findall(rf"^\s*\|?\s*{PACKAGE}/(\w+)/", picture, re.M)
    assert drawn == list(ROOMS)
