"""The result object: its clock, its sums, its pyannote twin."""

import numpy as np

from explainable_seg.decisions.segmentation import Segment, Segmentation

RESULT = Segmentation(
    uri="show",
    duration=2.0,
    segments=[
        Segment(0.0, 1.0, "music"),
        Segment(0.5, 1.5, "speech"),
        Segment(1.6, 2.0, "music"),
    ],
    probabilities=np.zeros((99, 4), dtype=np.float32),
)


def test_seconds_and_spans():
    assert RESULT.spans("music") == [(0.0, 1.0), (1.6, 2.0)]
    assert RESULT.seconds() == {
        "speech": 1.0,
        "music": 1.4,
        "noise": 0.0,
        "overlap": 0.0,
    }


def test_clock():
    assert RESULT.frame_rate == 50.0
    np.testing.assert_allclose(RESULT.frame_times[:2], [0.0125, 0.0325])
    assert len(RESULT.frame_times) == 99


def test_annotation_agrees():
    annotation = RESULT.to_annotation()
    assert annotation.uri == "show"
    assert annotation.label_duration("music") == RESULT.seconds()["music"]
    assert annotation.get_timeline().extent().end == 2.0


def test_classes_over_the_same_time_both_stay():
    both = [Segment(0.0, 1.0, "music"), Segment(0.0, 1.0, "speech")]
    result = Segmentation("show", 1.0, both, np.zeros((49, 4)))
    assert sorted(result.to_annotation().labels()) == ["music", "speech"]
