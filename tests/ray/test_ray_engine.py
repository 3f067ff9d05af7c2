"""A local Ray cluster of two workers, one of which is killed in mid-run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from tiny_student import save_student, tones

pytest.importorskip("ray")
pytestmark = pytest.mark.ray

COMMAND = Path(sys.executable).with_name("explainable-seg")
N_FILES = 60
PATIENCE = 180  # seconds, of a machine with much to do


def wait_for(condition, process: subprocess.Popen | None = None) -> None:
    """Wait until a condition holds, and no longer than the process runs."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process is None or process.poll() is None, "it ended too early"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def start_node(log: Path, *options: str) -> subprocess.Popen:
    """A node of a cluster, with all its processes in one group."""
    with open(log, "w") as stream:
        node = subprocess.Popen(
            [
                *(sys.executable, "-m", "ray.scripts.scripts", "start"),
                *("--block", "--disable-usage-stats"),
                *("--object-store-memory", "100000000", *options),
            ],
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "RAY_raylet_start_wait_time_s": str(PATIENCE)},
        )
    wait_for(lambda: "Ray runtime started" in log.read_text(), node)
    return node


def kill(node: subprocess.Popen) -> None:
    """Kill all processes of a node, as a power cut would."""
    os.killpg(node.pid, signal.SIGKILL)
    node.wait()


def works(node: subprocess.Popen) -> bool:
    """Whether a model is at work on a node."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            ours = os.getsid(int(path.parent.name)) == node.pid
            if ours and path.read_bytes().startswith(b"ray::MapWorker"):
                return True
        except OSError:  # it has ended
            continue
    return False


@pytest.fixture
def cluster(tmp_path) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """Address of a cluster, and its two workers of one CPU each."""
    port = 20000 + os.getpid() % 20000
    address = f"127.0.0.1:{port}"
    options = (f"--port={port}", "--num-cpus=0", "--include-dashboard=false")
    nodes = [start_node(tmp_path / "head.log", "--head", *options)]
    try:
        for n in range(2):
            worker = (f"--address={address}", "--num-cpus=1")
            nodes.append(start_node(tmp_path / f"{n}.log", *worker))
        yield address, nodes[1:]
    finally:
        for node in nodes:
            if node.poll() is None:
                kill(node)


@pytest.fixture
def arguments(tmp_path) -> list[str]:
    """Of a run over an archive in which one file is broken."""
    archive = tmp_path / "archive"
    archive.mkdir()
    for n in range(N_FILES):
        sound = tones(20.0 + n / 7)
        soundfile.write(archive / f"{n:02}.flac", sound, 16000)
    (archive / "broken.mp3").write_text("no sound")
    model = save_student(tmp_path / "student")
    chosen = ["segment", str(archive), "--model", str(model)]
    return [*chosen, "--device", "cpu", "--format", "rttm,json"]


def tree(folder: Path) -> dict[str, bytes]:
    """Content of all files below a folder."""
    found = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


def test_a_killed_worker_loses_nothing(cluster, arguments, tmp_path):
    address, (doomed, _) = cluster
    whole, output = tmp_path / "whole", tmp_path / "out"
    done = subprocess.run(
        [COMMAND, *arguments, "--output", whole],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 2
    summary = output / "summary.csv"
    with subprocess.Popen(
        [COMMAND, *arguments, "--output", output, "--engine", "ray"],
        env={**os.environ, "RAY_ADDRESS": address},
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        wait_for(
            lambda: summary.exists() and len(summary.read_text().split()) > 9,
            run,
        )
        assert works(doomed)
        kill(doomed)
        n_done = len(summary.read_text().splitlines()) - 1
        assert n_done < N_FILES
        _, told = run.communicate(timeout=PATIENCE)
    assert run.returncode == 2
    # Ray's own notices apart, what the run says is what it says without Ray.
    ours = [x for x in told.splitlines() if x.startswith("error: ")]
    assert ours == done.stderr.splitlines() and "Traceback" not in told
    assert tree(output) == tree(whole)
