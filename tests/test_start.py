"""What a command imports, and how many threads it takes."""

import json
import os
import subprocess
import sys

import pytest
from tiny_student import tones

from explainable_seg import threads
from explainable_seg.audio.stream import SAMPLE_RATE

# Each takes a good part of the time in which a minute is segmented; none is
# needed for it.
UNWANTED = {
    "huggingface_hub",
    "jinja2",
    "lameenc",
    "matplotlib",
    "numba",
    "pandas",
    "pyannote.core",
    "pyannote.metrics",
    "scipy.signal",
    "sklearn",
    "speechbrain",
    "sympy",
    "torch._dynamo",
    "torchaudio",
    "transformers",
}
COMMAND = """
import json, os, sys
from explainable_seg.commands.cli import main
code = main(sys.argv[1:])
import torch
print(json.dumps([code, sorted(sys.modules), torch.get_num_threads(),
    os.environ["OMP_WAIT_POLICY"]]))
"""


def run(*arguments, **environment):
    """Exit code, modules, threads and waiting of a command in a process."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in (*threads.NUMBERS, threads.WAITING)
    }
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**inherited, **environment},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def recording(tmp_path):
    """Three seconds of tones."""
    import soundfile

    path = tmp_path / "tones.wav"
    soundfile.write(path, tones(3.0), SAMPLE_RATE)
    return path


def test_segmenting_imports_what_it_needs(recording, tmp_path):
    out = tmp_path / "out"
    code, modules, _, waiting = run("segment", recording, "--output", out)
    assert code == 0
    assert (out / "tones.rttm").exists()
    assert UNWANTED.isdisjoint(modules), UNWANTED.intersection(modules)
    assert waiting == "passive"


def test_what_the_user_chose_stays(recording, tmp_path):
    command = ("segment", recording, "--output", tmp_path / "out")
    _, _, n_threads, waiting = run(
        *command, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="active"
    )
    assert (n_threads, waiting) == (1, "active")


def test_help_needs_no_torch():
    script = (
        "import sys; from explainable_seg.commands.cli import main\n"
        "try: main(['segment', '--help'])\n"
        "finally: print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    "load, quota, expected",
    [
        ("0.00 0.00 0.00 1/400 77", "max 100000", 8),
        ("1.40 0.00 0.00 1/400 77", "max 100000", 7),
        ("0.10 0.00 0.00 3/400 77", "max 100000", 6),
        ("9.00 9.00 9.00 9/400 77", "max 100000", 1),
        ("0.00 0.00 0.00 0/400 77", "250000 100000", 2),
        ("0.00 0.00 0.00 1/400 77", "50000 100000", 1),
        ("what is this", "and this", 8),
        (None, None, 8),
    ],
)
def test_free_cores(tmp_path, monkeypatch, load, quota, expected):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(
        os, "sched_getaffinity", lambda pid: set(range(8)), raising=False
    )
    for name, text in (("load", load), ("quota", quota)):
        if text is not None:
            (tmp_path / name).write_text(text + "\n")
    found = threads.free_cores(tmp_path / "load", tmp_path / "quota")
    assert found == expected


def test_no_more_threads_than_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3}, raising=False)
    environment = {}
    threads.take_free_cores(environment)
    assert not environment  # PyTorch is there already
    monkeypatch.delitem(sys.modules, "torch")
    threads.take_free_cores(environment)
    assert environment == {"OMP_NUM_THREADS": "1"}
    chosen = {"MKL_NUM_THREADS": "5"}
    threads.take_free_cores(chosen)
    assert chosen == {"MKL_NUM_THREADS": "5"}
