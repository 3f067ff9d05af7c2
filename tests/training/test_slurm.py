"""The scripts for Slurm, run by a shell among commands that only take notes."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "docs/slurm"
NOTES = """\
#!/bin/bash
echo "$(basename "$0") $* cpus=${SRUN_CPUS_PER_TASK:-} id=${WANDB_RUN_ID:-}" \
    >> notes.txt
"""
COMMANDS = {
    # A long one; requeueing ends it, as Slurm would.
    "srun": NOTES + "echo $$ > pid; if [ -f long ]; then exec sleep 60; fi; "
    "exit ${CODE:-0}\n",
    "scontrol": NOTES
    + 'if [ "$1" = show ]; then echo node7; echo node8; else '
    + "kill $(cat pid) || true; fi\n",
}
COMMANDS["explainable-seg"] = COMMANDS["srun"]
JOB = {
    "SLURM_JOB_ID": "41234567",
    "SLURM_CPUS_PER_TASK": "16",
    "SLURM_JOB_NUM_NODES": "2",
    "SLURM_JOB_NODELIST": "node[7-8]",
    "SLURM_GPUS_ON_NODE": "4",
}
TASK = {
    "SLURM_ARRAY_JOB_ID": "700",
    "SLURM_ARRAY_TASK_ID": "5",
    "SLURM_ARRAY_TASK_MIN": "1",
    "SLURM_ARRAY_TASK_STEP": "2",
    "SLURM_ARRAY_TASK_COUNT": "10",
    "SLURM_CPUS_PER_TASK": "4",
}


@pytest.fixture
def work(tmp_path):
    """A checkout with an environment, and commands beside it."""
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/activate").write_text("")
    (tmp_path / "bin").mkdir()
    for name, text in COMMANDS.items():
        path = tmp_path / "bin" / name
        path.write_text(text)
        path.chmod(0o755)
    return tmp_path


def start(work, script, *words, **job):
    """Start a script as Slurm does."""
    return subprocess.Popen(
        ["bash", SCRIPTS / script, *words],
        cwd=work,
        env={"PATH": f"{work / 'bin'}:{os.environ['PATH']}", **job},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def notes(work):
    """What the commands were given."""
    return (work / "notes.txt").read_text()


def test_a_training_has_its_cpus_and_a_port_of_its_own(work):
    ports = set()
    for job in (41234567, 41234568):
        (work / "notes.txt").unlink(missing_ok=True)
        run = start(
            work,
            "train.sh",
            *("student", "combined", "--corpora=[a b]"),
            **{**JOB, "SLURM_JOB_ID": str(job)},
        )
        assert run.wait(20) == 0, run.stdout.read()
        (line,) = [n for n in notes(work).splitlines() if n.startswith("srun")]
        assert "cpus=16" in line and f"id=slurm-{job}" in line
        assert "--nnodes=2 --nproc_per_node=4" in line
        assert "hparams/combined/student.yaml" in line
        assert "--distributed_backend=nccl --corpora=[a b]" in line
        ports.add(int(re.search(r"rdzv_endpoint=node7:(\d+)", line).group(1)))
    assert len(ports) == 2 and all(1024 < port < 32768 for port in ports)


def test_without_gpus_there_is_one_process(work):
    job = {**JOB, "SLURM_GPUS_ON_NODE": "0"}
    assert start(work, "train.sh", "dictionary", "x", **job).wait(20) == 0
    assert "--nproc_per_node=1" in notes(work) and "=gloo" in notes(work)


@pytest.mark.parametrize(
    "script, job, words",
    [
        ("train.sh", JOB, ["teacher", "combined"]),
        ("segment_array.sh", TASK, ["@list.txt"]),
    ],
)
def test_its_exit_code_is_that_of_the_work(work, script, job, words):
    assert start(work, script, *words, **job, CODE="2").wait(20) == 2


@pytest.mark.parametrize(
    "script, job, words, requeued",
    [
        ("train.sh", JOB, ["teacher", "combined"], "41234567"),
        ("segment_array.sh", TASK, ["@list.txt"], "700_5"),
    ],
)
def test_it_is_queued_again_before_its_time_is_up(
    work, script, job, words, requeued
):
    (work / "long").touch()
    run = start(work, script, *words, **job)
    while not (work / "pid").is_file() or not (work / "pid").read_text():
        assert run.poll() is None, run.stdout.read()
        time.sleep(0.02)
    run.send_signal(signal.SIGUSR1)
    # A training is ended by the queue, a segmentation before by itself.
    assert (run.wait(20) == 0) == (script == "segment_array.sh")
    assert f"scontrol requeue {requeued}" in notes(work)
    assert "queued again" in run.stdout.read()


def test_a_task_has_its_share(work):
    run = start(work, "segment_array.sh", "@list.txt", "-o", "found", **TASK)
    assert run.wait(20) == 0
    assert "@list.txt -o found --share 3/10 --workers 4" in notes(work)


def test_jobs_have_names_of_their_own_and_are_signalled_in_time():
    texts = [path.read_text() for path in SCRIPTS.glob("*.sh")]
    names = [re.search("--job-name=(.*)", text).group(1) for text in texts]
    assert len(set(names)) == len(texts) == 2
    for text in texts:
        assert re.search(r"^#SBATCH --signal=B:USR1@\d+$", text, flags=re.M)
        assert "#SBATCH --requeue" in text
