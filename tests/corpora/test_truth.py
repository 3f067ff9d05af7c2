"""Targets in {1, 0, unknown} from annotation files."""

import dataclasses

import numpy as np
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from pyannote.core import Segment, Timeline

from explainable_seg.classes import CLASSES
from explainable_seg.corpora.manifest import Region
from explainable_seg.corpora.truth import (
    Truth,
    annotated_time,
    heard_time,
    load_truth,
    region_targets,
)
from explainable_seg.errors import AnnotationError, ManifestError
from explainable_seg.frames import frame_targets

RATE = 8000


def spans(*rows):
    """Spans of a class, [S, 2]."""
    return np.array(rows, dtype=float).reshape(-1, 2)


@pytest.fixture
def region(tmp_path):
    """Seconds 1 to 4 of a recording; overlap is annotated nowhere."""
    (tmp_path / "show.rttm").write_text(
        "SPEAKER show 1 1.0 1.0 <NA> <NA> speech <NA> <NA>\n"
        "SPEAKER show 1 1.5 1.0 <NA> <NA> sp <NA> <NA>\n"
        "SPEAKER show 1 0.0 9.0 <NA> <NA> mu <NA> <NA>\n"
    )
    (tmp_path / "all.uem").write_text("show 1 0 10\n")
    (tmp_path / "music.uem").write_text("show 1 2.0 3.0\nshow 1 3.5 9\n")
    everywhere = str(tmp_path / "all.uem")
    return Region(
        id="show-1",
        duration=3.0,
        wav="show.wav",
        start=RATE,
        stop=4 * RATE,
        sample_rate=RATE,
        recording="show",
        rttm=str(tmp_path / "show.rttm"),
        uems={
            "speech": everywhere,
            "music": str(tmp_path / "music.uem"),
            "noise": everywhere,
            "overlap": None,
        },
    )


def test_targets_of_a_region_start_at_its_start(region):
    targets = region_targets(region, load_truth([region])["show"])
    assert targets.dtype == np.int8
    assert targets.shape == (149, 4)  # 48000 samples at 16 kHz
    centres = 1.0125 + 0.02 * np.arange(149)
    speech, music, noise, overlap = targets.T
    np.testing.assert_array_equal(speech, centres < 2.5)
    known = (centres >= 2) & (centres < 3) | (centres >= 3.5)
    np.testing.assert_array_equal(music, np.where(known, 1, -1))
    assert set(noise) == {0}
    assert set(overlap) == {-1}


def test_a_stretch_of_a_region_is_a_cut_of_its_targets(region):
    truth = load_truth([region])["show"]
    whole = region_targets(region, truth)
    part = region_targets(region, truth, start_s=0.5, n_frames=50)
    np.testing.assert_array_equal(part, whole[25:75])


def test_beyond_the_annotated_time_nothing_is_known(region):
    truth = load_truth([region])["show"]
    assert set(truth.targets(10.0, 20).ravel()) == {-1}


SPANS = st.lists(st.tuples(st.integers(0, 500), st.integers(1, 100)))


@settings(max_examples=60, deadline=None)
@given(heard=SPANS, known=SPANS, start=st.integers(0, 400))
def test_chunked_equals_whole(heard, known, start):
    def support(rows):
        timeline = Timeline(
            [Segment(a * 0.02, (a + n) * 0.02) for a, n in rows]
        ).support()
        return spans(*((s.start, s.end) for s in timeline))

    rows = {name: support(heard) for name in CLASSES}
    truth = Truth("show", rows, {name: support(known) for name in CLASSES})
    whole = np.where(
        frame_targets(truth.annotated["speech"].tolist(), 600),
        frame_targets(rows["speech"].tolist(), 600),
        -1,
    )
    chunk = truth.targets(start * 0.02, 50)[:, 0]
    np.testing.assert_array_equal(chunk, whole[start : start + 50])


def test_each_recording_is_read_once_and_must_be_consistent(region):
    second = dataclasses.replace(region, id="show-2", start=0)
    assert list(load_truth([region, second])) == ["show"]
    other = dataclasses.replace(second, uems={**region.uems, "music": None})
    with pytest.raises(ManifestError, match="show-1 and show-2 of show"):
        load_truth([region, other])


def test_a_file_of_other_recordings_is_refused(region):
    stranger = dataclasses.replace(region, recording="session1")
    with pytest.raises(ManifestError, match="expected the uri session1, got"):
        load_truth([stranger])


def test_a_missing_annotation_is_refused(region):
    with pytest.raises(AnnotationError, match="No such file"):
        load_truth([dataclasses.replace(region, rttm="gone.rttm")])


def test_an_empty_annotation_means_annotated_and_absent(region, tmp_path):
    (tmp_path / "show.rttm").write_text("")
    targets = region_targets(region, load_truth([region])["show"])
    assert set(targets[:, 0]) == {0}


def test_time_to_score_is_annotated_and_inside_a_region(region):
    time = annotated_time([region], load_truth([region]))
    assert time["speech"]["show"] == Timeline([Segment(1, 4)])
    assert time["music"]["show"] == Timeline([Segment(2, 3), Segment(3.5, 4)])
    assert not time["overlap"]["show"]


def test_heard_time_is_the_reference_of_all_classes(region):
    heard = heard_time(load_truth([region]))["show"]
    assert heard == {
        "speech": Timeline([Segment(1.0, 2.5)]),
        "music": Timeline([Segment(0.0, 9.0)]),
        "noise": Timeline(),
        "overlap": Timeline(),
    }
