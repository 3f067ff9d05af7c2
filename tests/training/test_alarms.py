"""Models that nobody should be given, and what they are told by."""

import logging

import pytest
import torch

from explainable_seg.classes import CLASSES
from explainable_seg.errors import ModelError
from explainable_seg.evaluation.thresholds import ThresholdChoice
from explainable_seg.training.export import (
    diverging_is_told,
    refuse_collapsed,
    signs_of_collapse,
)

SOUND = {"dead": 0.0, "atoms": 5.0}


def choice(**predicted):
    """Decisions on dev of these shares, None elsewhere."""
    return ThresholdChoice({}, {}, {c: predicted.get(c) for c in CLASSES})


@pytest.mark.parametrize(
    "decisions, grounding, expected",
    [
        ({"speech": 0.3}, SOUND, None),
        ({"speech": 0.3, "music": 0.0}, SOUND, None),  # one class: the card
        ({"speech": 0.0, "music": 0.0}, SOUND, "no class is ever found"),
        ({}, SOUND, None),  # nothing is known of any
        ({"speech": 0.3}, {"dead": 0.45, "atoms": 5.0}, "45 % of the atoms"),
        ({"speech": 0.3}, {"dead": 0.4, "atoms": 1.0}, None),  # the limits
        ({"speech": 0.3}, {"dead": 0.0, "atoms": 0.4}, "0.4 atoms are active"),
        ({"speech": 0.0}, None, "no class is ever found"),  # a teacher
    ],
)
def test_signs_are_those_of_the_limits(decisions, grounding, expected):
    signs = signs_of_collapse(choice(**decisions), grounding, 0.4, 1.0)
    assert [s for s in signs if expected and expected in s] == signs
    assert bool(signs) is (expected is not None)


def test_a_collapsed_model_is_refused_and_forced_with_a_warning(
    tmp_path, caplog
):
    model = torch.nn.Linear(1, 1)
    refuse_collapsed(model, [], False, tmp_path)
    with pytest.raises(ModelError, match="--force") as refusal:
        refuse_collapsed(model, ["45 % dead"], False, tmp_path)
    assert "45 % dead" in str(refusal.value) and str(tmp_path) in str(
        refusal.value
    )
    with caplog.at_level(logging.WARNING):
        refuse_collapsed(model, ["45 % dead"], True, tmp_path)
    assert "45 % dead" in caplog.text


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_never_exported(value, tmp_path):
    model = torch.nn.Linear(1, 1)
    with torch.no_grad():
        model.bias.fill_(value)
    for force in (False, True):
        with pytest.raises(ModelError, match="finite weights"):
            refuse_collapsed(model, [], force, tmp_path)


def test_divergence_takes_one_line_and_other_errors_stay_what_they_are():
    with pytest.raises(ModelError, match="lower lr"):
        with diverging_is_told("there"):
            raise ValueError("Loss is not finite and patience is exhausted.")
    with pytest.raises(ValueError, match="a bug"):
        with diverging_is_told("there"):
            raise ValueError("a bug")
