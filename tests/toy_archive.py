"""What tests of archives have in common: recordings, runs, tables."""

import csv
import sys
from pathlib import Path

import soundfile
from tiny_student import tones

from explainable_seg.commands.cli import main

COMMAND = [sys.executable, "-m", "explainable_seg"]


def run(*arguments: object) -> int:
    """The command in this process."""
    return main(["segment", *map(str, arguments)])


def sound(path: Path, seconds: float = 0.5) -> Path:
    """A recording."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as stream:  # its name need not be UTF-8
        soundfile.write(stream, tones(seconds), 16000, format="WAV")
    return path


def rows(folder: Path, name: str = "summary") -> dict[str, dict[str, str]]:
    """Rows of a table by their file; none without one."""
    path = folder / f"{name}.csv"
    if not path.exists():
        return {}
    with open(path, newline="", encoding="utf-8") as stream:
        return {row["file"]: row for row in csv.DictReader(stream)}


def tree(folder: Path) -> dict[str, bytes]:
    """Content of all files below a folder."""
    found = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}
