"""The learning rate: derived, never negative, down to nothing at the end."""

from functools import partial

import pytest
import torch

from explainable_seg.errors import ExplainableSegError
from explainable_seg.training.loop import (
    fit_schedule,
    n_updates,
    warn_of_patience,
)
from speechbrain.nnet.schedulers import WarmCoolDecayLRSchedule


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ((3, 2), 6),
        ((3, 2, 2), 2),  # a third batch of an epoch is not enough for an update
        ((4, 5, 2), 10),
        ((4, 5, 2, 7), 7),
        ((4, 5, 1, 1000), 20),
    ],
)
def test_updates_by_hand(arguments, expected):
    assert n_updates(*arguments) == expected


def test_a_training_without_an_update_is_refused():
    with pytest.raises(ExplainableSegError, match="grad_accumulation_factor"):
        n_updates(3, 10, 4)


def test_what_does_not_fit_is_one_line_with_the_numbers():
    with pytest.raises(ExplainableSegError) as refusal:
        fit_schedule(dict, 50, 700, 600)
    message = str(refusal.value)
    assert all(n in message for n in ("600", "50", "700", "cooldown_steps"))
    assert "\n" not in message


def trapezoid(step, total, warmup, cooldown):
    """Rate of an update, counted from 1, of a full rate of 1."""
    up = step / warmup if step < warmup else 1.0
    down = (total - step) / cooldown if step > total - cooldown else 1.0
    return min(up, down)


def shapes(longest=7):
    """All trapezoids of few updates."""
    for total in range(1, longest):
        for warmup in range(total + 1):
            for cooldown in range(total + 1 - warmup):
                yield total, warmup, cooldown


@pytest.mark.parametrize("total, warmup, cooldown", [*shapes()])
def test_it_is_a_trapezoid_that_ends_with_the_training(total, warmup, cooldown):
    schedule = fit_schedule(
        partial(WarmCoolDecayLRSchedule, lr=1.0, decay_factor=1.0),
        warmup,
        cooldown,
        total,
    )
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.5)
    rates = []
    for step in range(1, total + 1):
        schedule(optimizer, step)
        rates.append(optimizer.param_groups[0]["lr"])
    steps = range(1, total + 1)
    expected = [trapezoid(s, total, warmup, cooldown) for s in steps]
    assert rates == pytest.approx(expected, abs=1e-9)
    assert min(rates) >= 0 and (cooldown == 0 or rates[-1] < 1e-9)


def test_a_patience_that_cuts_the_cool_down_off_is_told(caplog):
    assert not warn_of_patience(1000, 20) and not caplog.text
    assert warn_of_patience(3, 20) and "cool-down" in caplog.text
