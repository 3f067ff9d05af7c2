"""Writers: what they write can be read back, and is the same."""

import csv
import json

import numpy as np
import pytest

from explainable_seg.annotation.rttm import read_rttm
from explainable_seg.errors import AnnotationError
from explainable_seg.inference.formats import WRITERS
from explainable_seg.inference.segmentation import Segment, Segmentation

SEGMENTS = [
    Segment(0.0, 0.0425, "speech"),
    Segment(0.0225, 0.1, "music"),
    Segment(0.0225, 0.1, "overlap"),
]


def make(segments: list[Segment]) -> Segmentation:
    """Segmentation of 4 frames."""
    probabilities = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    return Segmentation("late_show", 0.1, segments, probabilities)


def test_rttm_comes_back(tmp_path):
    path = tmp_path / "a.rttm"
    WRITERS["rttm"].write(make(SEGMENTS), path)
    (annotation,) = read_rttm(path).values()
    assert annotation.uri == "late_show"
    found = sorted(
        Segment(segment.start, segment.end, label)
        for segment, _, label in annotation.itertracks(yield_label=True)
    )
    assert found == SEGMENTS
    fields = path.read_text().splitlines()[0].split()
    assert fields[0] == "SPEAKER" and fields[7] == "speech"


def test_nothing_found_is_an_empty_rttm(tmp_path):
    WRITERS["rttm"].write(make([]), tmp_path / "a.rttm")
    assert (tmp_path / "a.rttm").read_bytes() == b""


def test_csv_comes_back(tmp_path):
    WRITERS["csv"].write(make(SEGMENTS), tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert SEGMENTS == [
        Segment(float(row["start"]), float(row["end"]), row["label"])
        for row in rows
    ]
    WRITERS["csv"].write(make([]), tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == "start,end,label\n"


def test_json_comes_back(tmp_path):
    segmentation = make(SEGMENTS)
    WRITERS["json"].write(segmentation, tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text())
    assert [Segment(**entry) for entry in content["segments"]] == SEGMENTS
    assert content["uri"] == "late_show" and content["duration"] == 0.1
    assert content["frame_rate"] == 50.0 and content["frame_centre"] == 0.0125
    assert content["classes"] == ["speech", "music", "noise", "overlap"]
    np.testing.assert_allclose(
        content["probabilities"], segmentation.probabilities, atol=5.1e-5
    )


def test_a_failed_write_leaves_the_old_file(tmp_path):
    no_label = make([Segment(0.0, 0.1, "")])
    no_number = Segmentation("a", 0.1, [], np.full((4, 4), np.nan))
    for name, broken in {"rttm": no_label, "json": no_number}.items():
        extension, write = WRITERS[name]
        path = tmp_path / f"a{extension}"
        path.write_text("old")
        with pytest.raises((AnnotationError, ValueError)):
            write(broken, path)
        assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2
