"""Overlap from speaker turns."""

import numpy as np
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation.rttm import read_rttm
from explainable_seg.annotation.turns import overlap_timeline


def speak(*turns):
    """Turns in seconds."""
    annotation = Annotation(uri="show")
    for track, (start, end, speaker) in enumerate(turns):
        annotation[Segment(start, end), track] = speaker
    return annotation


def test_a_speaker_does_not_overlap_with_himself():
    assert not overlap_timeline(speak((0, 2, "a"), (1, 3, "a")))


def test_turns_of_one_speaker_are_merged_before_they_are_compared():
    turns = speak((0, 2, "a"), (1, 3, "a"), (0.5, 2.5, "b"))
    assert overlap_timeline(turns) == Timeline([Segment(0.5, 2.5)])


@pytest.mark.parametrize(("end", "kept"), [(2.04, False), (2.05, True)])
def test_overlaps_below_the_floor_are_dropped(end, kept):
    assert bool(overlap_timeline(speak((0, end, "a"), (2, 3, "b")))) is kept


def test_short_overlaps_that_touch_count_as_one():
    turns = speak((0, 1, "a"), (0.97, 1.03, "b"), (1, 2, "c"))
    assert overlap_timeline(turns) == Timeline([Segment(0.97, 1.03)])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40), st.integers(1, 20), st.sampled_from("abc")
        ),
        max_size=10,
    )
)
def test_agrees_with_counting_speakers_in_every_step(rows):
    active = {speaker: np.zeros(60, dtype=bool) for speaker in "abc"}
    for start, length, speaker in rows:
        active[speaker][start : start + length] = True
    turns = speak(*((s / 10, (s + n) / 10, who) for s, n, who in rows))
    expected = sum(active.values()) >= 2
    got = np.zeros(60, dtype=bool)
    for span in overlap_timeline(turns, floor=0.0):
        got[round(span.start * 10) : round(span.end * 10)] = True
    np.testing.assert_array_equal(got, expected)


def test_agrees_with_pyannote_on_real_turns(corpora):
    files = sorted(corpora.glob("dihard3/*/data/rttm/*.rttm"))
    assert files
    for file in files:
        for turns in read_rttm(file).values():
            expected = turns.get_overlap()
            got = overlap_timeline(turns, floor=0.0)
            assert got.duration() == pytest.approx(expected.duration())
            assert got.extent() == expected.extent()
