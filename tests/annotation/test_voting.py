"""One truth from several annotators."""

import numpy as np
import pytest
from hypothesis import (
    given,
    strategies as st,
)
from pyannote.core import Segment, Timeline

from explainable_seg.annotation.turns import vote

# On a grid of 10 ms: spans of hundredths of a second, unsorted, overlapping.
N = 60
SPANS = st.lists(
    st.tuples(st.integers(0, N - 1), st.integers(1, 20)), max_size=6
).map(lambda rows: [(a, min(N, a + n)) for a, n in rows])


def timeline(spans):
    """Spans of the grid in seconds."""
    return Timeline([Segment(a / 100, b / 100) for a, b in spans])


def on_grid(found):
    """Which cells of the grid a timeline covers."""
    cells = np.zeros(N, dtype=bool)
    for start, end in found:
        cells[round(start * 100) : round(end * 100)] = True
    return cells


@given(opinions=st.lists(SPANS, min_size=1, max_size=5))
def test_the_vote_is_that_of_each_cell_of_a_grid(opinions):
    votes = np.zeros(N, dtype=int)
    for spans in opinions:
        said = np.zeros(N, dtype=bool)
        for start, end in spans:
            said[start:end] = True
        votes += said
    outcome = vote([timeline(spans) for spans in opinions])
    count = len(opinions)
    for found, expected in (
        (outcome.majority, 2 * votes > count),
        (outcome.tied, 2 * votes == count),
        (outcome.disagreement, (votes > 0) & (votes < count)),
    ):
        np.testing.assert_array_equal(on_grid(found), expected)
        assert found == found.support()


@given(opinions=st.lists(SPANS, min_size=1, max_size=4), data=st.data())
def test_no_annotator_counts_for_more(opinions, data):
    order = data.draw(st.permutations(opinions))
    first, second = (vote(list(map(timeline, o))) for o in (opinions, order))
    assert first == second


@pytest.mark.parametrize("opinions", [[], [Timeline()], [Timeline()] * 3])
def test_nobody_hears_anything(opinions):
    assert not any(vote(opinions))
