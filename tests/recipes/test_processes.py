"""Trainings in two processes are those of one."""

import re

import pytest
import torch
from recipe_runs import LITTLE, LITTLE_DICTIONARY, of_stage, run_fresh
from safetensors.torch import load_file


def run_two(stage, corpus, work, *overrides, expect=0):
    """Run a stage in two processes; its messages."""
    words = of_stage(stage, corpus, work, *overrides)
    return run_fresh(words, work, expect, processes=2)


@pytest.mark.parametrize("stage", ["teacher", "student"])
def test_two_processes_learn_what_one_does(
    stage, trained, inputs, corpus, tmp_path
):
    options = LITTLE + (inputs if stage == "student" else [])
    run_two(stage, corpus, tmp_path, *options)
    found, expected = (
        logged(folder / stage / "train_log.txt")
        for folder in (tmp_path, trained)
    )
    assert len(expected) > 10
    # Three digits are printed: the last one may be another for a rounding.
    assert found == pytest.approx(expected, rel=5e-3)


def test_two_processes_learn_the_dictionary_of_one(
    dictionary, corpus, tmp_path
):
    run_two("dictionary", corpus, tmp_path, *LITTLE_DICTIONARY)
    found, expected = (
        load_file(folder / "dictionary.safetensors")["dictionary"]
        for folder in (tmp_path / "dictionary", dictionary)
    )
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_processes_that_cannot_share_a_batch_are_told_so(corpus, tmp_path):
    options = [o for o in LITTLE if "batch_size" not in o]
    message = run_two(
        "teacher", corpus, tmp_path, *options, "--batch_size=3", expect=1
    )
    assert "multiple of 2" in message


def logged(path):
    """All numbers of a training log, in order."""
    text = path.read_text()
    return [float(x) for x in re.findall(r": ([-+.0-9e]+)", text)]
