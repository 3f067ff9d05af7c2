"""Intervals of F1: known cases, pairing, and what cannot be told."""

import pytest

from explainable_seg.classes import CLASSES
from explainable_seg.evaluation.curves import f1_differences, f1_intervals


def recording(hits, relevant, retrieved):
    """Scores of one class; its other ratios are not looked at."""
    return {
        "precision": hits / retrieved if retrieved else None,
        "reference_seconds": relevant,
        "hypothesis_seconds": retrieved,
    }


UNKNOWN = dict.fromkeys(
    ("precision", "reference_seconds", "hypothesis_seconds")
)


def files(*seconds, classes=CLASSES):
    """Scores of recordings, alike in some classes, unknown in the others."""
    return {
        f"show{number}": {
            name: recording(*row) if name in classes else UNKNOWN
            for name in CLASSES
        }
        for number, row in enumerate(seconds)
    }


def test_recordings_that_agree_leave_no_doubt():
    found = f1_intervals(files((3, 4, 4), (30, 40, 40), (6, 8, 8)))
    assert found["speech"] == found["macro"] == pytest.approx([0.75, 0.75])


def test_f1_pools_seconds_and_is_no_mean_over_recordings():
    # 1 of 1 second in one recording, nothing of 99 in the other: 0.02.
    found = f1_intervals(files((1, 1, 1), (0, 99, 0)))
    low, high = found["music"]
    assert (low, high) == pytest.approx((0.0, 1.0))
    same = f1_differences(
        files((1, 1, 1), (0, 99, 0)), files((0, 1, 0), (0, 99, 0))
    )
    assert same["music"]["difference"] == pytest.approx(2 / 101)


def test_pairing_tells_what_single_intervals_do_not():
    hard = [(100 - 9 * n, 100, 100) for n in range(10)]
    ahead = [(hits + 1, 100, 100) for hits, _, _ in hard]
    ours, theirs = f1_intervals(files(*ahead)), f1_intervals(files(*hard))
    assert ours["speech"][0] < theirs["speech"][1]
    difference = f1_differences(files(*ahead), files(*hard))["speech"]
    assert difference["low"] == pytest.approx(0.01)
    assert difference["high"] == pytest.approx(0.01)


def test_the_mean_is_over_the_classes_that_are_annotated():
    some = files((3, 4, 4), (30, 40, 40), classes=("speech", "overlap"))
    found = f1_intervals(some)
    assert found["music"] is None and found["noise"] is None
    assert found["macro"] == pytest.approx([0.75, 0.75])
    assert f1_differences(some, some)["music"] is None
    assert f1_differences(some, some)["macro"]["difference"] == 0.0


def test_one_recording_has_no_interval():
    assert set(f1_intervals(files((3, 4, 4))).values()) == {None}


def test_neither_reference_nor_found_has_no_interval():
    assert f1_intervals(files((0, 0, 0), (0, 0, 0)))["speech"] is None


def test_other_recordings_are_refused():
    ours = files((3, 4, 4), (3, 4, 4))
    with pytest.raises(ValueError, match="same recordings"):
        f1_differences(ours, files((3, 4, 4)))


def test_fewer_classes_may_have_been_scored():
    both = files((3, 4, 4), (1, 4, 4))
    alone = {uri: {"overlap": row["overlap"]} for uri, row in both.items()}
    found = f1_intervals(alone)
    assert list(found) == ["overlap", "macro"]
    assert found["overlap"] == found["macro"] == f1_intervals(both)["overlap"]
