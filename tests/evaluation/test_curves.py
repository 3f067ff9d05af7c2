"""Precision-recall curves against scikit-learn's, and their edges."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies
from sklearn.metrics import average_precision_score, precision_recall_curve

from explainable_seg.classes import CLASSES
from explainable_seg.evaluation.curves import BINS_A_LOGIT, PrecisionRecallStats


def draw(n_frames=4000, seed=0):
    """Logits [T, C] that know something, and targets with unknown time."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(-1, 2, (n_frames, 4), generator=generator)
    logits = 3 * torch.randn(n_frames, 4, generator=generator)
    return logits + 2 * targets, targets


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_that_of_scikit_learn(seed):
    logits, targets = draw(seed=seed)
    stats = PrecisionRecallStats()
    for part in range(0, 4000, 700):
        stats.update(logits[part : part + 700], targets[part : part + 700])
    for c, name in enumerate(CLASSES):
        known = targets[:, c] >= 0
        truth, scores = targets[known, c].numpy(), logits[known, c].numpy()
        ours = stats.average_precision()[name]
        assert ours == pytest.approx(
            average_precision_score(truth, scores), abs=2e-4
        )
        # Of scores that are binned already it is the same to the last digit.
        binned = np.floor(scores * BINS_A_LOGIT)
        assert ours == pytest.approx(
            average_precision_score(truth, binned), abs=1e-12
        )


@settings(deadline=None, max_examples=50)
@given(
    strategies.lists(
        strategies.tuples(strategies.integers(-20, 20), strategies.booleans()),
        min_size=1,
        max_size=40,
    ).filter(lambda frames: any(heard for _, heard in frames))
)
def test_ties_and_scores_beyond_the_limits_are_counted_as_scikit_learn_does(
    frames,
):
    scores = torch.tensor([score for score, _ in frames]).float()
    truth = torch.tensor([heard for _, heard in frames]).long()
    stats = PrecisionRecallStats()
    stats.update(scores[:, None].expand(-1, 4), truth[:, None].expand(-1, 4))
    limited = scores.clamp(-16, 15.999).numpy()
    precision, recall, thresholds = precision_recall_curve(truth, limited)
    curve = stats.curves()["noise"]
    np.testing.assert_allclose(curve.precision[::-1], precision[:-1])
    np.testing.assert_allclose(curve.recall[::-1], recall[:-1])
    np.testing.assert_allclose(
        curve.thresholds[::-1], 1 / (1 + np.exp(-thresholds)), rtol=0.01
    )


def test_a_threshold_finds_what_its_point_says():
    logits, targets = draw()
    stats = PrecisionRecallStats()
    stats.update(logits, targets)
    curve = stats.curves()["music"]
    known = targets[:, 1] >= 0
    truth, scores = targets[known, 1] == 1, logits[known, 1].double().sigmoid()
    for point in (5, 300, len(curve.recall) - 1):
        found = scores >= curve.thresholds[point] - 1e-12
        hits = (found & truth).sum() / found.sum()
        assert curve.precision[point] == pytest.approx(hits.item())
        assert curve.recall[point] == pytest.approx(
            ((found & truth).sum() / truth.sum()).item()
        )


def test_a_thinned_curve_keeps_its_ends_and_its_shape():
    logits, targets = draw()
    # Nearly all of the fall in precision is at a recall of 1.
    logits[:, 0] = torch.where(targets[:, 0] == 1, 3.0, 0.0) + logits[:, 0] / 50
    stats = PrecisionRecallStats()
    stats.update(logits, targets)
    for name in ("speech", "music"):
        curve = stats.curves()[name]
        thin = curve.thinned(50)
        assert len(thin.recall) <= 50 < len(curve.recall)
        for end in (0, -1):
            assert thin.recall[end] == curve.recall[end]
            assert thin.precision[end] == curve.precision[end]
        whole, kept = path(curve), path(thin)
        allowed = whole.sum() / 49 + whole.max()
        assert kept.max() <= allowed
        # Every threshold has a point of the picture close by.
        near = abs(thin.thresholds[:, None] - curve.thresholds).argmin(axis=0)
        off = abs(thin.recall[near] - curve.recall)
        off += abs(thin.precision[near] - curve.precision)
        assert off.max() <= allowed


def path(curve):
    """How far each point of a curve is from the one before."""
    return abs(np.diff(curve.recall)) + abs(np.diff(curve.precision))


def test_a_class_that_is_not_annotated_or_not_there_has_no_curve():
    stats = PrecisionRecallStats()
    targets = torch.tensor([[-1, 0, 1, 1]] * 3)
    stats.update(torch.zeros(3, 4), targets)
    assert stats.average_precision() == {
        "speech": None,
        "music": None,
        "noise": 1.0,
        "overlap": 1.0,
    }
