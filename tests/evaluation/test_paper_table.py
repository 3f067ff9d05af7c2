"""The command of the paper's table, run as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_student import save_student
from toy_part import write_part

COMMAND = Path(__file__).parents[2] / "benchmarks" / "paper_table.py"
PNG = b"\x89PNG"


def run(*arguments):
    """The finished process."""
    return subprocess.run(
        [sys.executable, str(COMMAND), "--device=cpu", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Folder of a table with models and parts that are and are not there."""
    folder = tmp_path_factory.mktemp("table")
    manifest = write_part(folder)
    process = run(
        f"--model=a student={save_student(folder / 'student')}",
        "--model=package=default",
        f"--model=no model={folder / 'nowhere'}",
        f"--part=tones={manifest}",
        f"--results={folder / 'none'}",
        f"--output={folder / 'out'}",
    )
    assert process.returncode == 0, process.stderr
    return folder


def rows(written, first):
    """Cells of the lines of the table that begin with a cell."""
    text = (written / "out" / "paper_table.md").read_text()
    lines = [line.strip("| ").split(" | ") for line in text.splitlines()]
    return [line for line in lines if line[0] == first]


def test_what_is_not_there_is_named_and_is_no_number(written):
    assert rows(written, "no model") == [
        ["no model", f"absent: {written / 'nowhere'}"]
    ]
    manifest = written / "none/dihard3/manifests/test.csv"
    assert rows(written, "DIHARD III") == [
        ["DIHARD III", "-", "-", f"absent: {manifest}"],
        ["DIHARD III", "all", *[f"absent: {manifest}"] * 3],
    ]
    assert rows(written, "tones")[0][1:3] == ["3", "0.3"]
    music = [row for row in rows(written, "tones") if row[1] == "music"]
    assert music[0][4] == "absent"


def test_the_tables_say_what_was_measured(written):
    measured = json.loads((written / "out" / "paper_table.json").read_text())
    part = measured["parts"]["tones"]
    student = part["models"]["a student"]
    f1 = student["tuned"]["classes"]["music"]["f1"]
    table = [row for row in rows(written, "tones") if row[1] == "music"]
    assert table[0][2].startswith(f"{f1:.3f} [")
    assert f"{student['average_precision']['music']:.3f}" in table[1]
    overlap = [row for row in rows(written, "tones") if row[1] == "overlap"]
    assert overlap[0][2:4] == ["-", "-"]
    errors = student["reconstruction"]["by_h"]["classes"]["music"]
    rebuilt = [
        row
        for row in rows(written, "tones")
        if row[1:4] == ["a student", "H", "music"]
    ]
    assert rebuilt[0][5:9] == [f"{e:.3f}" for e in errors["error_by_band"]]
    pairs = [r for r in rows(written, "tones") if r[1] == "package - a student"]
    assert len(pairs) == 1
    assert part["pairs"][0]["models"] == ["package", "a student"]


def test_pictures_of_each_part(written):
    for kind in ("curves", "reliability"):
        picture = written / "out" / f"tones_{kind}.png"
        assert picture.read_bytes().startswith(PNG)
    names = sorted(path.name for path in (written / "out").iterdir())
    assert len(names) == 4  # no temporary file, no picture of an absent part


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--part=a=1", "--part=a=2"], "expected each name once, got 'a'"),
        (["--part=broken={folder}/broken.csv"], "broken.csv"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path, arguments, message):
    (tmp_path / "broken.csv").write_text("ID,duration\nx,1\n")
    arguments = [word.format(folder=tmp_path) for word in arguments]
    process = run(*arguments, f"--output={tmp_path / 'out'}")
    assert process.returncode == 2
    assert message in process.stderr
    assert "Traceback" not in process.stderr
