"""Reliability against scikit-learn's table, and known errors."""

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from explainable_seg.evaluation.curves import CalibrationStats


def draw(n_frames=20000, sharper=1.0, seed=0):
    """Logits [T, C] and truths drawn with their probabilities."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n_frames, 4, generator=generator)
    drawn = torch.rand(n_frames, 4, generator=generator)
    return sharper * logits, (drawn < logits.sigmoid()).long()


def measured(logits, targets, n_bins=15):
    """Summary of the first class."""
    stats = CalibrationStats(n_bins)
    for part in range(0, len(logits), 900):
        stats.update(logits[part : part + 900], targets[part : part + 900])
    return stats.summary()["speech"]


def test_the_table_is_that_of_scikit_learn():
    logits, targets = draw(sharper=1.7)
    targets[::7, 0] = -1
    known = targets[:, 0] >= 0
    truth = targets[known, 0].numpy()
    scores = logits[known, 0].double().sigmoid().numpy()
    summary = measured(logits, targets)
    frequency, confidence = calibration_curve(truth, scores, n_bins=15)
    table = summary["table"]
    np.testing.assert_allclose([row["frequency"] for row in table], frequency)
    np.testing.assert_allclose([row["confidence"] for row in table], confidence)
    n_frames = [row["frames"] for row in table]
    assert sum(n_frames) == known.sum()
    assert summary["ece"] == pytest.approx(
        np.average(abs(frequency - confidence), weights=n_frames)
    )
    assert summary["brier"] == pytest.approx(brier_score_loss(truth, scores))


def test_an_honest_model_has_no_error_and_a_boasting_one_has():
    assert measured(*draw())["ece"] < 0.01
    assert measured(*draw(sharper=3.0))["ece"] > 0.05


def test_bins_are_closed_above_and_the_first_holds_zero():
    logits = torch.tensor([-200.0, 0.0, 200.0])[:, None].expand(3, 4)
    table = measured(logits, torch.ones(3, 4), n_bins=2)["table"]
    assert [row["frames"] for row in table] == [2, 1]  # 0 and 0.5; 1


def test_a_class_that_is_nowhere_known_has_no_calibration():
    assert measured(torch.zeros(3, 4), -torch.ones(3, 4)) is None
