#!/usr/bin/env python3
"""Measure the house: how many files, how full, how often a command changes file.

> python benchmarks/house.py

Prints one table. Code lines are those that are neither blank, nor comment, nor
docstring. A file change is a call of a function in another file of the package
than the call before; the commands run on a recording of 3 s.

Authors
 * explainable-seg contributors 2026
"""

import ast
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = "explainable_seg"
SMALL = 50  # code lines
TRACED = """
import sys
from explainable_seg.{module} import main
last, changes = None, 0
def trace(frame, event, _):
    global last, changes
    path = frame.f_code.co_filename
    function = frame.f_code.co_flags & 1  # no module, no body of a class
    ours = "/explainable_seg/" in path and path.endswith(".py")
    if function and ours and path != last:
        changes += last is not None
        last = path
sys.settrace(trace)
code = main(sys.argv[1:])
sys.settrace(None)
print("changes", changes)
sys.exit(code)
"""


def main():
    """Measure and print."""
    files = {
        ".".join(p.relative_to(CHECKOUT).with_suffix("").parts): p
        for p in sorted((CHECKOUT / PACKAGE).rglob("*.py"))
    }
    lines = {name: code_lines(path) for name, path in files.items()}
    small = sum(n < SMALL for n in lines.values())
    alone = sum(n == 1 for n in importers(files).values())
    rows = [
        ("files", len(files)),
        (f"under {SMALL} lines of code, %", round(100 * small / len(files))),
        ("with one importer", alone),
        ("lines of code: package", sum(lines.values())),
        ("lines of code: recipes", python_lines("recipes")),
        ("lines: hparams", text_lines("hparams", "*.yaml")),
        ("lines of code: docs", python_lines("docs")),
        *((f"file changes of {c} a.wav", n) for c, n in changes().items()),
    ]
    for name, value in rows:
        sys.stdout.write(f"{name:34} {value:>7}\n")


def code_lines(path):
    """Lines of a file without blanks, comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    told = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(
            node, (ast.Module, ast.ClassDef, ast.FunctionDef)
        ) and isinstance(ast.get_docstring(node), str):
            told |= {*range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    return sum(
        number not in told and not line.strip().startswith("#")
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip()
    )


def python_lines(folder):
    """Lines of code below a folder."""
    return sum(map(code_lines, (CHECKOUT / folder).rglob("*.py")))


def text_lines(folder, pattern):
    """Lines below a folder, without blanks and comments."""
    return sum(
        bool(line.strip()) and not line.strip().startswith("#")
        for path in (CHECKOUT / folder).rglob(pattern)
        for line in path.read_text(encoding="utf-8").splitlines()
    )


def importers(files):
    """How many files import each, through a face or not."""
    homes = {}
    for stub in (CHECKOUT / PACKAGE).rglob("__init__.py*"):
        room = ".".join(stub.parent.relative_to(CHECKOUT).parts)
        for node in ast.parse(stub.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    homes[f"{room}.{alias.name}"] = f"{room}.{node.module}"
    who = defaultdict(set)
    folders = (PACKAGE, "recipes", "data_prep", "benchmarks")
    for path in (p for f in folders for p in (CHECKOUT / f).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    home = homes.get(full, full)
                    home = home if home in files else node.module
                    who[home].add(path)
    return {
        name: len(who[name] - {path})
        for name, path in files.items()
        if path.stem != "__init__"
    }


def changes():
    """File changes of two commands."""
    module = "commands.cli"
    if not (CHECKOUT / PACKAGE / "commands/cli.py").is_file():
        module = "cli"
    counts = {}
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "a.wav"
        noise = np.random.default_rng(0).standard_normal(48000)
        soundfile.write(sound, 0.05 * noise, 16000)
        for command in ("segment", "explain"):
            span = ("--start", "0", "--end", "2", "--class", "noise")
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c"]
                + [TRACED.format(module=module), command, str(sound)]
                + ["--output", f"{folder}/{command}"]
                + list(span if command == "explain" else ()),
                capture_output=True,
                text=True,
                check=True,
                cwd=CHECKOUT,
            )
            counts[command] = int(done.stdout.split()[-1])
    return counts


if __name__ == "__main__":
    main()
