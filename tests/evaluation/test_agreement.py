"""Agreement against scikit-learn and numpy."""

import numpy as np
import pytest
import torch
from sklearn.metrics import cohen_kappa_score

from explainable_seg.classes import CLASSES
from explainable_seg.evaluation.representation import AgreementStats

OURS = dict(zip(CLASSES, (0.5, 0.3, 0.7, 0.6)))
THEIRS = dict(zip(CLASSES, (0.4, 0.5, 0.5, 0.8)))


def draw(n_frames=3000):
    """Logits of two models [T, C] that have much in common; targets."""
    generator = torch.Generator().manual_seed(0)
    ours = 2 * torch.randn(n_frames, 4, generator=generator)
    theirs = ours + torch.randn(n_frames, 4, generator=generator)
    targets = torch.randint(-1, 2, (n_frames, 4), generator=generator)
    return ours, theirs, targets


def test_decisions_kappa_and_correlation_are_those_of_others():
    ours, theirs, targets = draw()
    stats = AgreementStats(OURS, THEIRS)
    for part in (slice(0, 100), slice(100, 3000)):
        stats.update(ours[part], theirs[part], targets[part])
    for c, name in enumerate(CLASSES):
        known = targets[:, c] >= 0
        x, y = ours[known, c], theirs[known, c]
        a = (x.sigmoid() >= OURS[name]).numpy()
        b = (y.sigmoid() >= THEIRS[name]).numpy()
        found = stats.summary()[name]
        assert found["decisions"] == pytest.approx((a == b).mean())
        assert found["kappa"] == pytest.approx(cohen_kappa_score(a, b))
        correlation = np.corrcoef(x.double(), y.double())[0, 1]
        assert found["correlation"] == pytest.approx(correlation)


def test_a_model_agrees_with_itself():
    ours, _, targets = draw()
    stats = AgreementStats(OURS, OURS)
    stats.update(ours, ours, targets)
    for row in stats.summary().values():
        assert list(row.values()) == pytest.approx([1.0, 1.0, 1.0])


def test_what_says_nothing_agrees_by_chance_only():
    _, theirs, targets = draw()
    targets[:, 3] = -1
    stats = AgreementStats(OURS, THEIRS)
    stats.update(torch.full_like(theirs, -9.0), theirs, targets)
    summary = stats.summary()
    assert 0 < summary["music"]["decisions"] < 1
    assert summary["music"]["kappa"] is None
    assert summary["music"]["correlation"] is None
    assert summary["overlap"] is None


@pytest.mark.parametrize("constant", [0.1, -7.3, 1e4])
def test_logits_that_are_constant_have_no_correlation(constant):
    # Sums of a constant round to a variance that is not quite zero.
    same = torch.full((3000, 4), constant)
    ours, _, _ = draw()
    for other in (same, ours):
        stats = AgreementStats(OURS, THEIRS)
        for part in range(0, 3000, 7):
            places = slice(part, part + 7)
            stats.update(
                same[places], other[places], torch.zeros_like(same[places])
            )
        for row in stats.summary().values():
            assert row["correlation"] is None


def test_models_of_different_classes_agree_on_those_of_both():
    ours, theirs, targets = draw()
    two = {"music": THEIRS["music"], "overlap": None}
    stats = AgreementStats(OURS, two)
    stats.update(ours, theirs[:, [1, 3]], targets)
    whole = AgreementStats(OURS, THEIRS)
    whole.update(ours, theirs, targets)
    found, expected = stats.summary(), whole.summary()
    assert list(found) == ["music", "overlap"]
    assert found["music"] == expected["music"]
    assert found["overlap"]["decisions"] is found["overlap"]["kappa"] is None
    assert found["overlap"]["correlation"] == pytest.approx(
        expected["overlap"]["correlation"]
    )
