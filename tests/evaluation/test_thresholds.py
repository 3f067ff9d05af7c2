"""Thresholds against a search by brute force; alarms."""

import numpy as np
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.classes import CLASSES
from explainable_seg.evaluation.thresholds import ThresholdSweep
from explainable_seg.training.export import (
    warn_of_silent_classes,
    warn_of_undecided_classes,
)


def sweep_of(scores, targets, n_bins=20):
    sweep = ThresholdSweep(n_bins)
    sweep.update(torch.tensor(scores), torch.tensor(targets))
    return sweep


def f1_at(scores, targets, threshold):
    known = targets != -1
    found = scores[known] >= threshold
    true = targets[known] == 1
    both = found.sum() + true.sum()
    return 2 * (found & true).sum() / both if both else np.nan


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_best_is_what_a_search_finds(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 20, size=(60, 4)).astype(np.float32) / 20 + 0.01
    targets = rng.integers(-1, 2, size=(60, 4))
    choice = sweep_of(scores, targets).best()
    for c, name in enumerate(CLASSES):
        every = [f1_at(scores[:, c], targets[:, c], i / 20) for i in range(20)]
        assert np.isclose(choice.f1[name], np.nanmax(every))
        at_choice = f1_at(scores[:, c], targets[:, c], choice.thresholds[name])
        assert np.isclose(at_choice, choice.f1[name])


def test_updates_add_up():
    rng = np.random.default_rng(0)
    scores = rng.random((50, 4), dtype=np.float32)
    targets = rng.integers(0, 2, size=(50, 4))
    whole = sweep_of(scores, targets)
    parts = ThresholdSweep(20)
    for chosen in (slice(0, 13), slice(13, 50)):
        parts.update(
            torch.tensor(scores[None, chosen]),
            torch.tensor(targets[None, chosen]),
        )
    assert parts.best() == whole.best()


def test_a_class_that_is_not_annotated_has_no_f1():
    targets = np.zeros((10, 4), dtype=np.int64)
    targets[:5, 0] = 1
    targets[:, 3] = -1
    scores = np.tile(np.linspace(1, 0, 10, dtype=np.float32)[:, None], 4)
    choice = sweep_of(scores, targets).best()
    assert choice.f1["overlap"] is None
    assert choice.predicted["overlap"] is None
    assert choice.thresholds["overlap"] is None
    assert "overlap" not in choice.known_f1


def test_a_class_that_never_occurs_has_no_threshold(caplog):
    """Annotated, and absent: the lowest threshold would be as good as any."""
    targets = np.zeros((10, 2), dtype=np.int64)
    targets[:5, 0] = 1
    scores = np.tile(np.linspace(1, 0, 10, dtype=np.float32)[:, None], 2)
    sweep = ThresholdSweep(20, ("speech", "noise"))
    sweep.update(torch.tensor(scores), torch.tensor(targets))
    choice = sweep.best()
    assert choice.thresholds["noise"] is None
    assert choice.f1 == {"speech": 1.0, "noise": None}
    assert choice.macro_f1 == 1.0
    assert {p["noise"] for p in choice.operating_points.values()} == {None}
    assert warn_of_silent_classes(choice) == []
    assert warn_of_undecided_classes(choice) == ["noise"]
    assert "class 'noise' has no threshold" in caplog.text


def test_alarms_ring_for_what_is_wrong_only():
    targets = np.zeros((10, 4), dtype=np.int64)
    targets[:, :2] = 1
    scores = np.full((10, 4), 0.9, dtype=np.float32)
    choice = sweep_of(scores, targets).best()
    assert warn_of_silent_classes(choice) == []
    silent = choice.predicted | {"music": 0.0, "noise": None}
    choice = type(choice)(choice.thresholds, choice.f1, silent)
    assert warn_of_silent_classes(choice) == ["music"]


def test_operating_points_favour_one_error_each():
    generator = torch.Generator().manual_seed(0)
    truth = (torch.rand(4000, 4, generator=generator) < 0.3).int()
    noise = torch.randn(4000, 4, generator=generator)
    sweep = ThresholdSweep()
    sweep.update((noise + 2 * truth - 1).sigmoid(), truth)
    choice = sweep.best()
    for name, balanced in choice.thresholds.items():
        assert choice.operating_points["recall"][name] < balanced
        assert choice.operating_points["precision"][name] > balanced
