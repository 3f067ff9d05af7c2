"""Recipes in processes of their own, on a corpus made in a second.

``fresh`` processes start as those of users do; the others need no time for
what they import, which is half of the time of so short a training.
"""

import os
import runpy
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import soundfile
from prepared import ENVIRONMENT, begin_prepared

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
    "--n_atoms=8",  # few, for after six steps all are to live
    "--composed_share=0.0",
    "--loader_options={batch_size: 4, num_workers: 0}",
    "--device=cpu",
    "--noprogressbar",
]
LABELS = ("sp", "mu", "no", "ov")


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


def arguments(script, settings, *overrides):
    """A recipe with a file of hparams/ and options, all as text."""
    path = CHECKOUT / f"hparams/{settings}.yaml"
    return [str(CHECKOUT / f"recipes/{script}.py"), str(path), *overrides]


def of_stage(stage, corpus, work, *overrides, script=None):
    """Arguments of a stage on the corpus of a second, into a folder."""
    return arguments(
        script or f"train_{stage}",
        f"realbroadcast/{stage}",
        f"--data_folder={corpus}",
        f"--clips={corpus / 'clips.csv'}",
        f"--output_folder={work / stage}",
        f"--manifest_folder={work / 'manifests'}",
        f"--chunks_folder={work / 'chunks'}",
        *overrides,
    )


def _run_script(words, work):
    """Be the process of a script."""
    os.chdir(work)
    # What runs the tests may ignore Ctrl-C, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warnings.simplefilter("ignore")
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")


def begin(words, work, messages):
    """Start a script in a process that has its imports behind it."""
    return begin_prepared(messages, _run_script, words, work)


def run_script(words, work, expect=0):
    """Run a script to its end; its messages."""
    messages = Path(work) / "messages.txt"
    run = begin(words, work, messages)
    run.join()
    text = messages.read_text()
    assert run.exitcode == expect, text
    return text


def run_fresh(words, work, expect=0, processes=1):
    """As users do: in a new process, or in several by torchrun."""
    launcher = ["-W", "ignore"]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone"]
        launcher += [f"--nproc_per_node={processes}"]
        words = [*words, "--distributed_backend=gloo"]
    run = subprocess.run(
        [sys.executable, *launcher, *words],
        capture_output=True,
        text=True,
        cwd=work,
        env=ENVIRONMENT,
    )
    assert run.returncode == expect, run.stderr
    return run.stderr


def run_recipe(stage, corpus, work, *overrides, expect=0, script=None):
    """Run a recipe, by default the one that trains a stage; its messages."""
    words = of_stage(stage, corpus, work, *overrides, script=script)
    return run_script(words, work, expect)


def kill_recipe(stage, corpus, work, *overrides, when):
    """Start a recipe, and kill it as soon as ``when`` says so."""
    words = of_stage(stage, corpus, work, *overrides)
    run = begin(words, work, work / "killed.txt")
    while not when():
        assert run.is_alive(), "ended before it could be killed"
        time.sleep(0.01)
    run.kill()
    run.join()
    assert run.exitcode == -signal.SIGKILL


def logs_an_epoch(work, stage):
    """Whether a recipe has told of its first epoch."""
    log = work / stage / "train_log.txt"
    return log.is_file() and "epoch: 1" in log.read_text()
