"""Reconstruction by class and band: hand-solvable cases, and sums."""

import pytest
import torch

from explainable_seg.classes import CLASSES
from explainable_seg.evaluation.representation import ReconstructionStats
from explainable_seg.explanation.grounding import reconstruction_error
from explainable_seg.explanation.selection import band_shares
from explainable_seg.nmf import SparseNMF

SPEECH, MUSIC, NOISE, OVERLAP = range(4)


def labels(n_frames, **spans):
    """Targets [T, C], 0 where a class is not said to be."""
    targets = torch.zeros(n_frames, len(CLASSES), dtype=torch.int8)
    for name, (first, last, value) in spans.items():
        targets[first:last, CLASSES.index(name)] = value
    return targets


def sound(n_frames=90, n_atoms=6, seed=0):
    """Frames, atoms and activations that do not fit each other."""
    generator = torch.Generator().manual_seed(seed)
    X = torch.rand(n_frames, 257, generator=generator)
    W = torch.rand(257, n_atoms, generator=generator)
    W = torch.nn.functional.normalize(W, dim=0)
    H = torch.rand(n_frames, n_atoms, generator=generator)
    return X, W, H * (H > 0.5)


def test_a_dictionary_that_ends_at_4_khz_fails_above_and_only_there():
    n_bins = 257  # 31.25 Hz apart: 4 kHz is bin 128
    W = torch.eye(n_bins)[:, :128]
    X = torch.ones(3, n_bins)
    stats = ReconstructionStats(W)
    stats.update(X, X[:, :128], labels(3))
    summary = stats.summary()
    assert summary["error_by_band"] == [0.0, 0.0, 0.0, 1.0]
    assert summary["error"] == pytest.approx((129 / 257) ** 0.5)


def test_each_class_has_its_own_frames():
    X = torch.tensor([[1.0, 0.0]] * 2 + [[0.0, 2.0]] * 2)
    H = torch.tensor([[1.0, 0.0]] * 2 + [[1.0, 1.0]] * 2)
    stats = ReconstructionStats(torch.eye(2))
    stats.update(X, H, labels(4, speech=(0, 3, 1), music=(2, 4, 1)))
    classes = stats.summary()["classes"]
    # Speech: energies 1, 1, 4, of which 0, 0 and 1 + 1 are left.
    assert classes["speech"]["error"] == pytest.approx((2 / 6) ** 0.5)
    assert classes["music"]["error"] == pytest.approx((4 / 8) ** 0.5)
    assert classes["speech"]["atoms"] == pytest.approx(4 / 3)
    assert classes["speech"]["usage"] == pytest.approx([1.0, 1 / 3])
    assert classes["music"]["usage"] == [1.0, 1.0]
    assert classes["speech"]["frames"] == 3


def test_unknown_time_is_no_activity_of_a_class():
    X, W, H = sound()
    with_unknown, without = ReconstructionStats(W), ReconstructionStats(W)
    targets = labels(90, noise=(0, 30, 1))
    without.update(X, H, targets)
    targets[40:80, NOISE] = -1
    with_unknown.update(X, H, targets)
    assert with_unknown.summary() == without.summary()


def test_what_was_not_there_is_none_and_not_zero():
    X, W, H = sound()
    stats = ReconstructionStats(W)
    empty = stats.summary()
    assert empty["frames"] == 0
    assert empty["error"] is empty["atoms"] is empty["dead"] is None
    X[:, :4] = 0.0  # nothing below 100 Hz
    stats.update(X, H, labels(90, music=(0, 90, 1)))
    summary = stats.summary()
    assert summary["error_by_band"][0] is None
    assert summary["classes"]["music"]["error"] == pytest.approx(
        summary["error"]
    )
    assert summary["classes"]["overlap"] == {
        "frames": 0,
        "error": None,
        "error_by_band": [None] * 4,
        "atoms": None,
        "usage": None,
    }


def test_recordings_add_up_to_the_whole():
    X, W, H = sound()
    targets = labels(90, speech=(10, 70, 1), overlap=(60, 90, 1))
    whole, parts = ReconstructionStats(W), ReconstructionStats(W)
    whole.update(X, H, targets)
    for first, last in ((0, 1), (1, 40), (40, 90)):
        part = slice(first, last)
        parts.update(X[part], H[part], targets[part])
    ours, theirs = whole.summary(), parts.summary()
    assert ours["error"] == pytest.approx(theirs["error"])
    for name in CLASSES:
        if ours["classes"][name]["frames"]:
            assert ours["classes"][name] == {
                key: pytest.approx(value)
                for key, value in theirs["classes"][name].items()
            }


def test_the_error_is_that_of_the_other_measure_of_it():
    X, W, H = sound()
    stats = ReconstructionStats(W)
    stats.update(X, H, labels(90, speech=(20, 50, 1)))
    summary = stats.summary()
    assert summary["error"] == pytest.approx(reconstruction_error(X, W, H))
    # The bands' errors, weighted with their energies, are the whole one's.
    shares = band_shares(X.square().sum(dim=0))
    left = sum(s * e**2 for s, e in zip(shares, summary["error_by_band"]))
    assert left**0.5 == pytest.approx(summary["error"])
    assert summary["classes"]["speech"]["error"] == pytest.approx(
        reconstruction_error(X[20:50], W, H[20:50])
    )


def test_atoms_of_a_transform_and_dead_ones():
    X, _, _ = sound()
    nmf = SparseNMF(n_atoms=5, mu=0.1, max_iter=5).fit(X)
    W = torch.cat([nmf.dictionary, torch.zeros(257, 1)], dim=1)
    H = torch.nn.functional.pad(nmf.transform(X), (0, 1))
    stats = ReconstructionStats(W)
    stats.update(X, H, labels(90))
    summary = stats.summary()
    assert summary["atoms"] == pytest.approx((H > 0).sum().item() / 90)
    unused = int(((H > 0).sum(dim=0) == 0).sum())
    assert summary["dead"] == pytest.approx(unused / 6) and unused >= 1


def test_frames_of_different_recordings_are_refused():
    X, W, H = sound()
    with pytest.raises(ValueError, match="expected `X`, `H` and `targets`"):
        ReconstructionStats(W).update(X, H[:-1], labels(90))
