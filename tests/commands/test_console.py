"""What a command writes to the terminal: its own lines, and no other."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_student import save_student, tones

LINES = """
import ctypes, sys, os
from tqdm import tqdm
from explainable_seg.commands.options import libraries_silenced
libc = ctypes.CDLL(None)
def complain(text):
    libc.dprintf(2, text)
complain(b"before\\n")
with libraries_silenced():
    complain(b"by a library\\n")
    print("ours", file=sys.stderr)
    for _ in tqdm(range(2), desc="bar"):
        pass
    os.system("echo of a child >&2")
    {then}
complain(b"after\\n")
print("at the end", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def mp3(tmp_path_factory) -> Path:
    """An MP3 file with a damaged stretch."""
    path = tmp_path_factory.mktemp("damaged") / "a.mp3"
    soundfile.write(path, np.stack([tones(20.0, 44100)] * 2, axis=1), 44100)
    content = bytearray(path.read_bytes())
    at = len(content) // 2
    content[at : at + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(content)
    return path


def errors_of(*command: object) -> str:
    """What a process writes to its standard error."""
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True
    )
    return done.stderr


def test_lines_of_libmpg123_stay_away(mp3, tmp_path):
    read = f"import soundfile; soundfile.read({os.fspath(mp3)!r})"
    assert "mpg123" in errors_of("-c", read)  # libsndfile's own words
    model = save_student(tmp_path / "student")
    command = ["-m", "explainable_seg", "segment", mp3, "--model", model]
    lines = errors_of(*command, "--output", tmp_path / "out", "--quiet")
    assert all(line.startswith("error: ") for line in lines.splitlines())


def test_what_python_writes_is_shown_and_the_rest_is_not():
    lines = errors_of("-c", LINES.format(then="pass"))
    assert "before\n" in lines and "ours\n" in lines and "bar: 100%" in lines
    assert "library" not in lines and "child" not in lines
    assert lines.endswith("after\nat the end\n")


@pytest.mark.parametrize(
    "then, words",
    [
        ("ctypes.string_at(0)", ["Segmentation fault", "<module>"]),
        ("os.abort()", ["Aborted", "<module>"]),
        ("raise KeyError('a')", ["Traceback", "KeyError: 'a'"]),
    ],
)
def test_crashes_are_told(then, words):
    lines = errors_of("-c", LINES.format(then=then))
    assert all(word in lines for word in words), lines


def test_a_closed_standard_error_is_no_fault():
    code = """
import sys
from explainable_seg.commands.options import libraries_silenced
sys.stderr.close()
with libraries_silenced():
    print("done")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.stdout == b"done\n"
