"""Accumulated faithfulness: sums that add up, and None where nothing counts."""

import pytest
import torch

from explainable_seg.classes import CLASSES
from explainable_seg.evaluation.faithfulness import FaithfulnessStats

HALF = dict.fromkeys(CLASSES, 0.5)
ALL = torch.ones(4, dtype=torch.bool)


def case(seed: int) -> dict:
    """A random mask of speech on four frames."""
    generator = torch.Generator().manual_seed(seed)
    p, q_in, q_out = torch.rand(3, 4, 4, generator=generator)
    return {
        "class_name": "speech",
        "frames": torch.rand(4, generator=generator) > 0.3,
        "p": p,
        "q_in": q_in,
        "q_out": q_out,
        "attribution": torch.rand(4, 5, generator=generator),
        "energy": 0.25,
    }


def test_two_halves_are_the_whole() -> None:
    first, second, whole = (FaithfulnessStats(HALF) for _ in range(3))
    for seed in range(6):
        (first if seed < 3 else second).update(**case(seed))
        whole.update(**case(seed))
    first.merge(second)
    assert torch.equal(first.counts, whole.counts)
    torch.testing.assert_close(first.sums, whole.sums)


def test_figures_solved_by_hand() -> None:
    stats = FaithfulnessStats(HALF)
    p = torch.tensor([[0.8, 0.2, 0.9, 0.1]] * 4)
    q_in = torch.tensor([[0.4, 0.2, 0.9, 0.1]] * 4)
    q_out = torch.tensor([[0.1, 0.5, 0.2, 0.0]] * 4)
    stats.update("speech", ALL, p, q_in, q_out, torch.ones(4, 5), 0.3)
    row = stats.summary()["speech"]
    assert row["AD"] == pytest.approx(50, rel=1e-5)
    assert row["FF"] == pytest.approx(0.7, rel=1e-5)
    assert (row["AI"], row["AG"], row["Fid-In"]) == (0, 0, 0)
    assert (row["energy"], row["frames"]) == (0.3, 4)
    # Music rises where it was not marked; noise was marked, so it is no rise.
    assert row["raises music"] == pytest.approx(0.3, rel=1e-5)
    assert row["raises overlap"] == pytest.approx(-0.1, rel=1e-5)
    assert row["raises noise"] is None


def test_only_marked_frames_count() -> None:
    one, other = FaithfulnessStats(HALF), FaithfulnessStats(HALF)
    known = case(1)
    one.update(**known)
    hidden = ~known["frames"]
    for name in ("p", "q_in", "q_out", "attribution"):
        known[name] = known[name].clone()
        known[name][hidden] = 0.123
    other.update(**known)
    torch.testing.assert_close(one.sums, other.sums)


def test_a_class_without_frames_is_not_computed() -> None:
    stats = FaithfulnessStats(HALF)
    stats.update(**{**case(0), "frames": ~ALL})
    table = stats.summary()
    for name in CLASSES:
        assert table[name].pop("frames") == 0
        assert set(table[name].values()) == {None}
    assert set(table["macro"].values()) == {None}


def test_the_macro_average_is_over_classes_with_frames() -> None:
    stats = FaithfulnessStats(HALF)
    for name in ("speech", "music"):
        stats.update(**{**case(2), "class_name": name, "frames": ALL})
    table = stats.summary()
    expected = (table["speech"]["AD"] + table["music"]["AD"]) / 2
    assert table["macro"]["AD"] == pytest.approx(expected)


def test_frames_without_attribution_have_no_sparseness() -> None:
    stats = FaithfulnessStats(HALF)
    frames = {**case(0), "frames": ALL, "attribution": -torch.ones(4, 5)}
    stats.update(**frames)
    row = stats.summary()["speech"]
    assert row["SPS"] is None and row["COMP"] is None
    assert row["AD"] is not None


def test_stats_of_other_thresholds_are_refused() -> None:
    with pytest.raises(ValueError, match="expected thresholds"):
        FaithfulnessStats(HALF).merge(
            FaithfulnessStats(dict.fromkeys(CLASSES, 0.4))
        )
