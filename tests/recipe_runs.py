"""Recipes in processes of their own, on a corpus made in a second."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile

CHECKOUT = Path(__file__).resolve().parents[1]
LITTLE = [
    "--number_of_epochs=2",
    "--chunks_per_epoch=12",
    "--batch_size=4",
    "--n_distinct=8",
    "--warmup_steps=1",
    "--cooldown_steps=2",
    "--composed_share=0.0",
    "--device=cpu",
    "--noprogressbar",
]
LITTLE_DICTIONARY = [
    "--number_of_epochs=2",
    "--n_chunks=8",
    "--n_distinct=8",
    "--n_atoms=16",
    "--composed_share=0.0",
    "--loader_options={batch_size: 4, num_workers: 0}",
    "--device=cpu",
    "--noprogressbar",
]
LABELS = ("sp", "mu", "no", "ov")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def make_corpus(root):
    """A corpus in the layout of AragonRadio: a tone, a hum and a hiss."""
    rng = np.random.default_rng(0)
    lists, audio, rttms = (
        root / name / "AragonRadio"
        for name in ("lists", "audio", "rttms_segmentation")
    )
    for folder in (lists, audio, rttms):
        folder.mkdir(parents=True)
    t = np.arange(16000 * 10) / 16000
    for part in ("train", "dev1", "test"):
        show = f"{part}_show"
        (lists / f"{part}.txt").write_text(f"{show}\n")
        sound = np.zeros(len(t))
        lines = []
        for i, label in enumerate(LABELS):
            span = (t >= 2 * i) & (t < 2 * i + 3)
            hz = 200 * 3**i
            sound += span * 0.2 * np.sin(2 * np.pi * hz * t)
            lines.append(
                f"SPEAKER {show} 1 {2 * i} 3 <NA> <NA> {label} <NA> <NA>"
            )
        sound += 0.003 * rng.standard_normal(len(t))
        soundfile.write(audio / f"{show}.flac", sound, 16000)
        (rttms / f"{show}.rttm").write_text("\n".join(lines) + "\n")
    (root / "clips.csv").write_text(
        "path,class,group,duration,speech_spans\n"
        "audio/AragonRadio/train_show.flac,noise,a,10,\n"
    )


def recipe_command(script, stage, corpus, work, *overrides, processes=1):
    """What runs a recipe with the settings of a stage, in some processes."""
    launcher = ["-W", "ignore"]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone"]
        launcher += [f"--nproc_per_node={processes}"]
        overrides += ("--distributed_backend=gloo",)
    return [
        sys.executable,
        *launcher,
        CHECKOUT / f"recipes/{script}.py",
        CHECKOUT / f"hparams/realbroadcast/{stage}.yaml",
        f"--data_folder={corpus}",
        f"--clips={corpus / 'clips.csv'}",
        f"--output_folder={work / stage}",
        f"--manifest_folder={work / 'manifests'}",
        f"--chunks_folder={work / 'chunks'}",
        *overrides,
    ]


def run_recipe(
    stage, corpus, work, *overrides, expect=0, script=None, processes=1
):
    """Run a recipe, by default the one that trains a stage; its messages."""
    script = script or f"train_{stage}"
    run = subprocess.run(
        recipe_command(
            script, stage, corpus, work, *overrides, processes=processes
        ),
        capture_output=True,
        text=True,
        cwd=work,
        env=ENVIRONMENT,
    )
    assert run.returncode == expect, run.stderr
    return run.stderr


def kill_recipe(stage, corpus, work, *overrides, when):
    """Start a recipe, and kill it as soon as ``when`` says so."""
    run = subprocess.Popen(
        recipe_command(f"train_{stage}", stage, corpus, work, *overrides),
        cwd=work,
        env=ENVIRONMENT,
    )
    while not when():
        assert run.poll() is None, "ended before it could be killed"
        time.sleep(0.01)
    run.kill()
    assert run.wait() == -signal.SIGKILL


def logs_an_epoch(work, stage):
    """Whether a recipe has told of its first epoch."""
    log = work / stage / "train_log.txt"
    return log.is_file() and "epoch: 1" in log.read_text()
