"""Several runs at once into one folder, as a Slurm array starts them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
from tiny_student import save_student, tones

from explainable_seg.commands.cli import main

SCRIPT = Path(__file__).parents[2] / "docs/slurm/segment_array.sh"


@pytest.fixture
def arguments(tmp_path) -> list[str]:
    """Of a run over a list; two files of it are broken."""
    lines = []
    for n in range(8):
        path = tmp_path / f"archive/{n % 2}/{n}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tones(1.0 + n / 7), 16000)
        if n in (3, 6):
            path.write_text("no sound")
        lines.append(str(path))
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(lines))
    model = save_student(tmp_path / "student")
    none = str(tmp_path / "none/*.wav")
    return [f"@{listed}", none, "--model", str(model), "--format", "rttm,json"]


def tree(folder: Path) -> dict[str, bytes]:
    """Content of all files below a folder."""
    found = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


def start(
    task: int, arguments: list[str], programs: Path | str = ""
) -> subprocess.Popen:
    """The script, as Slurm starts it, with some programs of Slurm."""
    python = Path(sys.executable).parent
    return subprocess.Popen(
        ["bash", str(SCRIPT), *arguments],
        env={
            **os.environ,
            "PATH": f"{programs}:{python}:{os.environ['PATH']}",
            "SLURM_ARRAY_JOB_ID": "4711",
            "SLURM_ARRAY_TASK_ID": str(task),
            "SLURM_ARRAY_TASK_MIN": "3",
            "SLURM_ARRAY_TASK_STEP": "2",
            "SLURM_ARRAY_TASK_COUNT": "2",
            "SLURM_CPUS_PER_TASK": "1",
        },
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_array_gives_what_one_run_gives(arguments, tmp_path):
    whole = [*arguments, "--output", str(tmp_path / "whole")]
    assert main(["segment", *whole]) == 2
    output = tmp_path / "out"
    shares = [*arguments, "--output", str(output)]
    tasks = [start(task, shares) for task in (3, 5)]
    told = [task.communicate(timeout=300)[1] for task in tasks]
    assert [task.returncode for task in tasks] == [2, 2], told
    expected = tree(tmp_path / "whole")
    found = tree(output)
    tables = {"summary.csv", "failures.csv"}
    assert {name: found.get(name) for name in expected.keys() - tables} == {
        name: expected[name] for name in expected.keys() - tables
    }
    assert sorted(found.keys() - expected.keys()) == [
        "failures.1-of-2.csv",
        "failures.2-of-2.csv",
        "summary.1-of-2.csv",
        "summary.2-of-2.csv",
    ]
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.rttm")}
    (again,) = [start(task, shares) for task in (5,)]
    assert "of 4 recordings were finished" in again.communicate(timeout=300)[1]
    assert main(["segment", *shares]) == 2
    assert tree(output) == expected
    for path, changed in before.items():
        assert path.stat().st_mtime_ns == changed


def test_a_share_after_the_whole_does_nothing(arguments, tmp_path):
    shares = [*arguments, "--output", str(tmp_path / "out")]
    main(["segment", *shares])
    (tmp_path / "out/0/0.rttm").write_text("edited")
    main(["segment", *shares, "--share", "1/3"])
    assert (tmp_path / "out/0/0.rttm").read_text() == "edited"


def test_a_task_whose_time_is_up_goes_on_later(arguments, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    requeue = programs / "scontrol"
    requeue.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    requeue.chmod(0o755)
    for n in range(60):
        path = tmp_path / f"archive/0/long{n}.wav"
        soundfile.write(path, tones(20.0), 16000)
    arguments = [str(tmp_path / "archive"), *arguments[2:]]
    output = tmp_path / "out"
    task = start(3, [*arguments, "--output", str(output)], programs)
    summary = output / "summary.1-of-2.csv"
    while not summary.exists():
        assert task.poll() is None
        time.sleep(0.01)
    task.send_signal(signal.SIGUSR1)
    _, told = task.communicate(timeout=300)
    assert task.returncode == 0 and "error: terminated" in told
    assert (tmp_path / "asked").read_text() == "requeue 4711_3\n"
    assert 1 < len(summary.read_text().splitlines()) < 34
    assert not list(output.glob(".explainable-seg*.lock"))


@pytest.mark.parametrize("share", ["0/3", "4/3", "1", "a/b", "-1/3"])
def test_a_share_that_is_none(tmp_path, capsys, share):
    arguments = ["segment", "a.wav", "--output", str(tmp_path / "out")]
    assert main([*arguments, f"--share={share}"]) == 2
    assert "expected K/N" in capsys.readouterr().err
