"""Trainings that are killed end as if they had not been."""

import pytest
import torch
from recipe_runs import (
    LITTLE,
    LITTLE_DICTIONARY,
    kill_recipe,
    logs_an_epoch,
    run_recipe,
)
from safetensors.torch import load_file


def test_a_training_killed_after_an_epoch_ends_as_if_it_had_not_been(
    teacher, corpus, tmp_path
):
    kill_recipe(
        "teacher",
        corpus,
        tmp_path,
        *LITTLE,
        when=lambda: logs_an_epoch(tmp_path, "teacher"),
    )
    run_recipe("teacher", corpus, tmp_path, *LITTLE)
    log = (tmp_path / "teacher/train_log.txt").read_text()
    whole = (teacher / "train_log.txt").read_text()
    assert log.splitlines()[-1] == whole.splitlines()[-1]
    assert_same_weights(tmp_path / "teacher", teacher)


def test_a_training_killed_in_mid_epoch_ends_as_if_it_had_not_been(
    teacher, corpus, tmp_path
):
    kill_recipe(
        "teacher",
        corpus,
        tmp_path,
        *LITTLE,
        *("--ckpt_interval_minutes=0", "--ckpt_interval_steps=1"),
        when=lambda: list(tmp_path.glob("teacher/save/CKPT*")),
    )
    assert not (tmp_path / "teacher/train_log.txt").exists()  # mid-epoch
    run_recipe("teacher", corpus, tmp_path, *LITTLE)
    assert_same_weights(tmp_path / "teacher", teacher)


@pytest.mark.parametrize("killed", [False, True])
def test_an_interrupted_dictionary_ends_as_if_it_had_not_been(
    dictionary, corpus, tmp_path, killed
):
    fewer = [o for o in LITTLE_DICTIONARY if "number_of_epochs" not in o]
    if killed:
        kill_recipe(
            "dictionary",
            corpus,
            tmp_path,
            *LITTLE_DICTIONARY,
            when=lambda: logs_an_epoch(tmp_path, "dictionary"),
        )
    else:
        run_recipe(
            "dictionary", corpus, tmp_path, *fewer, "--number_of_epochs=1"
        )
    run_recipe("dictionary", corpus, tmp_path, *LITTLE_DICTIONARY)
    found, expected = (
        load_file(folder / "dictionary.safetensors")["dictionary"]
        for folder in (tmp_path / "dictionary", dictionary)
    )
    assert torch.equal(found, expected)


def assert_same_weights(first, second):
    """That two trainings exported the same model, to the bit."""
    ours, theirs = (
        load_file(folder / "export/model.safetensors")
        for folder in (first, second)
    )
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name
