"""The feature cache as users fill it and train from it."""

import json
import os
import signal
import time

import pytest
import torch
from noise_chunks import TINY_WAVLM
from recipe_runs import (
    LITTLE,
    begin,
    make_corpus,
    of_stage,
    run_fresh,
    run_recipe,
)
from safetensors.torch import load_file

from explainable_seg.classes import CLASSES
from explainable_seg.models import build_model
from explainable_seg.models.pretrained import save_pretrained
from explainable_seg.training.distillation import Dictionary, save_dictionary

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
    save_dictionary(folder / "dictionary.safetensors", Dictionary(W, 1.0))
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


def fill(work, **changed):
    """The command that fills a cache."""
    corpus, words = work / "corpus", options(work, **changed)
    return of_stage("student", corpus, work, *words, script="cache_features")


@pytest.fixture(scope="module")
def features(work):
    """A feature cache that two processes have filled."""
    run_fresh(fill(work), work, processes=2)
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
    messages = work / "messages.txt"
    process = begin(fill(work, **many), work, messages)
    while not any((work / "many").glob("train-*")):
        assert process.is_alive(), messages.read_text()
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    process.join(timeout=60)
    message = messages.read_text()
    assert process.exitcode == 130, message
    assert "Traceback" not in message
    assert "the same command goes on" in message.splitlines()[-1]
    assert not list((work / "many").glob(".train-*"))
