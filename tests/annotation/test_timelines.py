"""Intersections and differences of time."""

from hypothesis import (
    given,
    settings,
    strategies as st,
)
from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation.turns import (
    common_time,
    overlap_timeline,
    time_without,
)

TIMELINES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20)).map(
        lambda row: Segment(row[0], row[0] + row[1])
    ),
    max_size=12,
).map(Timeline)


def steps(timeline):
    """Whole seconds that a timeline covers."""
    return {t for s in timeline for t in range(int(s.start), int(s.end))}


@settings(max_examples=200, deadline=None)
@given(first=TIMELINES, second=TIMELINES)
def test_agrees_with_counting_seconds_and_with_pyannote(first, second):
    both, left = common_time(first, second), time_without(first, second)
    assert steps(both) == steps(first) & steps(second)
    assert steps(left) == steps(first) - steps(second)
    theirs = first.support().crop(second.support())
    # What touches is one in ours, and two where pyannote cut it.
    assert both.support() == theirs.support()
    assert left == second.gaps(support=first.support())
    for found in (both, left):
        assert sum(s.duration for s in found) == found.duration()


def test_many_segments_are_no_matter():
    """In minutes, if time grew with the square of their number."""
    n = 50_000
    ours = Timeline([Segment(2 * i, 2 * i + 1) for i in range(n)])
    theirs = Timeline([Segment(2 * i + 0.5, 2 * i + 1.5) for i in range(n)])
    assert common_time(ours, theirs).duration() == n / 2
    assert time_without(ours, theirs).duration() == n / 2


def test_many_speakers_are_no_matter():
    """As above: 7 s for 5,000 speakers."""
    turns = Annotation()
    for speaker in range(50_000):
        turns[Segment(0, 1 + speaker % 7), speaker] = f"s{speaker}"
    assert overlap_timeline(turns) == Timeline([Segment(0, 7)])
