"""Writers: what they write can be read back, and is the same."""

import csv
import json
import time

import numpy as np
import pandas
import pytest
import textgrid
import webvtt
from defusedxml import ElementTree
from pympi.Elan import Eaf

from explainable_seg.annotation.rttm import read_rttm
from explainable_seg.classes import CLASSES
from explainable_seg.decisions.formats import WRITERS
from explainable_seg.decisions.segmentation import Segment, Segmentation
from explainable_seg.errors import AnnotationError

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
        extension, write, _ = WRITERS[name]
        path = tmp_path / f"a{extension}"
        path.write_text("old")
        with pytest.raises((AnnotationError, ValueError)):
            write(broken, path)
        assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


def of(path, read) -> list[Segment]:
    """Segments that a foreign reader finds, sorted."""
    return sorted(Segment(*found) for found in read(path))


def read_audacity(path):
    """Audacity's own label format, as a table of pandas."""
    table = pandas.read_csv(path, sep="\t", header=None)
    return table.itertuples(index=False, name=None)


def read_textgrid(path):
    """Intervals by the package textgrid; those without text are pauses."""
    grid = textgrid.TextGrid.fromFile(str(path))
    assert [tier.name for tier in grid][:4] == list(CLASSES)
    assert (grid.minTime, grid.maxTime) == (0.0, 0.1)
    return [
        (float(i.minTime), float(i.maxTime), i.mark)
        for tier in grid
        for i in tier
        if i.mark
    ]


def read_eaf(path):
    """Annotations by pympi."""
    document = Eaf(str(path))
    assert list(document.get_tier_names())[:4] == list(CLASSES)
    return [
        (start / 1000, end / 1000, text)
        for tier in document.get_tier_names()
        for start, end, text in document.get_annotation_data_for_tier(tier)
    ]


def seconds(timestamp: str) -> float:
    """Seconds of ``hh:mm:ss.ttt``."""
    hours, minutes, rest = timestamp.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


READERS = {
    "audacity": read_audacity,
    "textgrid": read_textgrid,
    "eaf": read_eaf,
    "vtt": lambda path: [
        (seconds(cue.start), seconds(cue.end), cue.text)
        for cue in webvtt.read(str(path))
    ],
}


@pytest.mark.parametrize("name", READERS)
def test_foreign_readers_find_the_same_segments(tmp_path, name):
    over = Segment(0.0225, 0.0425, "speech_over_music")
    expected = sorted([*SEGMENTS, over])
    extension, write, _ = WRITERS[name]
    write(make(expected), tmp_path / f"a{extension}")
    found = of(tmp_path / f"a{extension}", READERS[name])
    assert [s.label for s in found] == [s.label for s in expected]
    for ours, theirs in zip(expected, found):
        assert abs(ours.start - theirs.start) <= 0.00051
        assert abs(ours.end - theirs.end) <= 0.00051


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_can_say_that_nothing_was_found(tmp_path, name):
    extension, write, _ = WRITERS[name]
    path = tmp_path / f"a{extension}"
    write(make([]), path)
    assert path.exists()
    if name in READERS and name != "audacity":
        assert of(path, READERS[name]) == []


@pytest.mark.parametrize("name", ["textgrid", "eaf", "vtt", "audacity"])
def test_late_times_are_not_rounded_away(tmp_path, name):
    late = Segment(259_200.0025, 259_200.0625, "music")
    three_days = Segmentation("a", 259_201.0, [late], np.zeros((4, 4)))
    extension, write, _ = WRITERS[name]
    path = tmp_path / f"a{extension}"
    write(three_days, path)
    text = path.read_text(encoding="utf-8")
    expected = {
        "textgrid": "259200.0625",
        "eaf": "259200062",
        "vtt": "72:00:00.062",
        "audacity": "259200.062500",
    }
    assert expected[name] in text


def test_elan_opens_the_recording(tmp_path):
    (tmp_path / "out").mkdir()
    recording = tmp_path / "in/late show \udce9.wav"
    path = tmp_path / "out/a.eaf"
    WRITERS["eaf"].write(make(SEGMENTS), path, recording)
    (media,) = Eaf(str(path)).get_linked_files()
    assert media["MEDIA_URL"] == tmp_path.as_uri() + "/in/late%20show%20%E9.wav"
    assert media["RELATIVE_MEDIA_URL"] == "./../in/late%20show%20%E9.wav"
    assert media["MIME_TYPE"] == "audio/x-wav"


@pytest.mark.parametrize("name", WRITERS)
def test_every_run_writes_the_same_bytes(tmp_path, name, monkeypatch):
    extension, write, _ = WRITERS[name]
    write(make(SEGMENTS), tmp_path / f"a{extension}")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    monkeypatch.setattr(time, "strftime", lambda *of: "2001-01-01T00:00:00")
    write(make(SEGMENTS), tmp_path / f"b{extension}")
    monkeypatch.undo()
    time.tzset()
    one, two = (tmp_path / f"{stem}{extension}" for stem in "ab")
    assert one.read_bytes() == two.read_bytes()


def test_elan_finds_a_document_of_its_schema(tmp_path):
    WRITERS["eaf"].write(make(SEGMENTS), tmp_path / "a.eaf")
    root = ElementTree.parse(tmp_path / "a.eaf").getroot()
    assert root.tag == "ANNOTATION_DOCUMENT"
    slots = {s.get("TIME_SLOT_ID") for s in root.iter("TIME_SLOT")}
    for annotation in root.iter("ALIGNABLE_ANNOTATION"):
        assert annotation.get("TIME_SLOT_REF1") in slots
        assert annotation.get("TIME_SLOT_REF2") in slots
