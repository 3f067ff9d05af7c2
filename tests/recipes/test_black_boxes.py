"""Scores of a black box alone, or beside a teacher: trained end to end."""

import json
import shutil

import numpy as np
import pytest
from recipe_runs import LITTLE, LITTLE_DICTIONARY, make_corpus, run_recipe

from explainable_seg.corpora.manifest import read_manifest, write_manifest

CLASSES = ["speech", "overlap"]
FEW = [*LITTLE, "--skip_prep=True", "--force=True"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A tone, a hum and a hiss."""
    root = tmp_path_factory.mktemp("corpus")
    make_corpus(root)
    return root


@pytest.fixture(scope="module")
def work(corpus, tmp_path_factory):
    """A dictionary, scores, and manifests without any label to train on."""
    work = tmp_path_factory.mktemp("work")
    run_recipe("dictionary", corpus, work, *LITTLE_DICTIONARY)
    path = work / "manifests/train.csv"
    (region,) = read_manifest(path)
    region.uems.update(dict.fromkeys(region.uems))
    write_manifest(path, [region])
    (work / "scores").mkdir()
    t = 0.0125 + 0.02 * np.arange(499)
    net = np.stack([0.1 + 0.8 * (t < 3), 0.05 + 0.9 * (t > 6)], axis=1)
    np.savez(work / "scores/train_show.npz", net=net.astype(np.float16))
    return work


def says(work, **classes):
    """Option that names the scores."""
    names = ", ".join(f"{name}: net/{label}" for name, label in classes.items())
    return (
        f"--scores={{folder: '{work / 'scores'}', classes: {{{names}}}, "
        "columns: {net: [talk, two]}}"
    )


def student(work, *options):
    """Options of a student."""
    dictionary = work / "dictionary/dictionary.safetensors"
    return [*FEW, f"--dictionary={dictionary}", *options]


def test_a_student_of_a_black_box_alone(corpus, work, tmp_path):
    (tmp_path / "manifests").symlink_to(work / "manifests")
    run_recipe(
        "student",
        corpus,
        tmp_path,
        *student(work, "--teacher=null"),
        says(work, speech="talk", overlap="two"),
    )
    export = tmp_path / "student/export"
    config = json.loads((export / "config.json").read_text())
    assert config["classes"] == CLASSES
    scores = json.loads((tmp_path / "student/dev/scores.json").read_text())
    assert list(scores["classes"]) == CLASSES
    log = (tmp_path / "student/train_log.txt").read_text()
    assert "nan" not in log
    # Targets of 0.1 to 0.9 leave their own entropy.
    (tmp_path / "chunks").rename(tmp_path / "seen")
    targets = np.fromfile(tmp_path / "seen/targets.bin", np.float16)
    made = targets[targets != 0].reshape(-1, 4)
    assert set(made[:, 0].tolist()) == {np.float16(0.1), np.float16(0.9)}
    assert (made[:, 1:3] == -1).all()


def test_a_teacher_learns_from_them_and_a_student_from_both(
    corpus, work, tmp_path
):
    (tmp_path / "manifests").symlink_to(work / "manifests")
    run_recipe(
        "teacher",
        corpus,
        tmp_path,
        *FEW,
        says(work, speech="talk", overlap="two"),
    )
    export = tmp_path / "teacher/export"
    config = json.loads((export / "config.json").read_text())
    assert config["classes"] == CLASSES
    both = student(work, f"--teacher={export}", says(work, overlap="two"))
    shutil.rmtree(tmp_path / "chunks")  # of other scores
    cached = [*both, f"--feature_cache={tmp_path / 'cache'}"]
    run_recipe("student", corpus, tmp_path, *cached, script="cache_features")
    run_recipe("student", corpus, tmp_path, *cached)
    config = tmp_path / "student/export/config.json"
    assert json.loads(config.read_text())["classes"] == CLASSES
    third = tmp_path / "third"
    third.mkdir()
    (third / "manifests").symlink_to(work / "manifests")
    message = run_recipe(
        "student",
        corpus,
        third,
        *student(work, f"--teacher={export}", says(work, music="talk")),
        expect=2,
    )
    assert "expected scores of speech, overlap" in message.splitlines()[-1]


def test_what_is_wrong_is_told_before_training(corpus, work, tmp_path):
    (tmp_path / "manifests").symlink_to(work / "manifests")
    (tmp_path / "empty").mkdir()
    message = run_recipe(
        "student",
        corpus,
        tmp_path,
        *student(work, "--teacher=null"),
        f"--scores={{folder: '{tmp_path / 'empty'}', classes: {{sp: x}}}}",
        expect=2,
    )
    assert (
        "expected one file of scores of train_show" in message.splitlines()[-1]
    )
