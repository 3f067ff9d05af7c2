"""The feature cache as users fill it and train from it."""

import json
import signal
import subprocess
import sys
import time

import pytest
import torch
from noise_chunks import TINY_WAVLM
from recipe_runs import (
    ENVIRONMENT,
    LITTLE,
    make_corpus,
    recipe_command,
    run_recipe,
)
from safetensors.torch import load_file

from explainable_seg.classes import CLASSES
from explainable_seg.models import build_model
from explainable_seg.models.pretrained import save_pretrained
from explainable_seg.training.distillation import save_dictionary

# Of the student; where its own WavLM would come from does not matter.
FRONTEND = "--frontend={type: wavlm, source: nowhere}"


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with a corpus, a WavLM teacher and a dictionary."""
    folder = tmp_path_factory.mktemp("work")
    make_corpus(folder / "corpus")
    torch.manual_seed(0)
    teacher = build_model(
        {
            "type": "teacher",
            "frontend": {"type": "wavlm", "architecture": TINY_WAVLM},
            "tcn": {"n_blocks": 1, "n_layers": 2},
        }
    )
    teacher.frontend.state_weights.data = torch.tensor([0.0, 1.0, -1.0])
    save_pretrained(
        folder / "teacher",
        teacher,
        {
            "window": 4.0,
            "step": 2.0,
            "level": -20.0,
            "thresholds": dict.fromkeys(CLASSES, 0.5),
        },
        "",
    )
    W = torch.nn.functional.normalize(torch.rand(257, 8), dim=0)
    save_dictionary(folder / "dictionary.safetensors", W, 1.0)
    return folder


def options(work, **changed):
    """Of both recipes."""
    keys = {
        "teacher": work / "teacher",
        "dictionary": work / "dictionary.safetensors",
        "feature_cache": work / "features",
        "shard_size": 3,
        "force": True,  # atoms drawn by chance do not live
        **changed,
    }
    return [*LITTLE, FRONTEND, *(f"--{k}={v}" for k, v in keys.items())]


@pytest.fixture(scope="module")
def features(work):
    """A feature cache that two processes have filled."""
    command = recipe_command(
        "cache_features", "student", work / "corpus", work, *options(work)
    )
    launch = ["-m", "torch.distributed.run", "--nproc_per_node=2"]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", *launch]
        + command[3:]
        + ["--distributed_backend=gloo"],
        capture_output=True,
        text=True,
        cwd=work,
        env=ENVIRONMENT,
    )
    assert run.returncode == 0, run.stderr
    return work / "features"


def test_a_student_trains_from_what_processes_have_filled(work, features):
    files = sorted(path.stem for path in features.glob("*.safe*"))
    assert files == [
        "dev-dev1_show",
        "train-00000",
        "train-00001",
        "train-00002",
    ]
    run_recipe("student", work / "corpus", work, *options(work))
    log = (work / "student/train_log.txt").read_text()
    assert log.count("epoch:") == 2
    student, teacher = (
        load_file(work / folder / "model.safetensors")
        for folder in ("student/export", "teacher")
    )
    front_end = {name for name in teacher if name.startswith("frontend.")}
    assert "frontend.state_weights" in front_end
    for name in front_end:
        assert torch.equal(student[name], teacher[name]), name
    scores = json.loads((work / "student/test/scores.json").read_text())
    assert set(scores["classes"]) == set(CLASSES)


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({"window": 2.0}, "another chunks, run_time"),
        ({"feature_cache": "elsewhere"}, "No such file"),
        ({"teacher": "null"}, "expected a teacher"),
    ],
)
def test_a_cache_that_does_not_fit_is_one_line(
    work, features, tmp_path, changed, expected
):
    message = run_recipe(
        "student",
        work / "corpus",
        tmp_path,
        *options(work, **changed),
        expect=2,
    )
    assert "Traceback" not in message
    assert expected in message.splitlines()[-1]


def test_ctrl_c_keeps_what_is_there(work):
    many = {"n_cached": 100000, "feature_cache": work / "many"}
    process = subprocess.Popen(
        recipe_command(
            "cache_features",
            "student",
            work / "corpus",
            work,
            *options(work, **many),
        ),
        stderr=subprocess.PIPE,
        text=True,
        cwd=work,
        env=ENVIRONMENT,
        # What runs the tests may ignore Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not any((work / "many").glob("train-*")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message
    assert "Traceback" not in message
    assert "the same command goes on" in message.splitlines()[-1]
    assert not list((work / "many").glob(".train-*"))
