"""Means over segments, however the frames come."""

import pytest
import torch
from hypothesis import (
    given,
    strategies as st,
)

from explainable_seg.explanation.selection import SegmentMeans, segment_means

FRAMES = 20


@st.composite
def segments(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Segments of FRAMES frames, in any order; they may overlap."""
    firsts = draw(st.lists(st.integers(0, FRAMES - 1), max_size=6))
    return [(a, draw(st.integers(a + 1, FRAMES))) for a in firsts]


@given(segments(), st.lists(st.integers(0, 9), max_size=8), st.integers(0, 99))
def test_the_parts_do_not_matter(
    ranges: list[tuple[int, int]], lengths: list[int], seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(FRAMES, 3, generator=generator)
    means = SegmentMeans(ranges, 3)
    rest = values
    for length in lengths:
        means.add(rest[:length])
        rest = rest[length:]
    means.add(rest)
    expected = [values[a:b].double().mean(dim=0) for a, b in ranges]
    found = means.means()
    assert found.shape == (len(ranges), 3)
    for mean, other in zip(found, expected):
        torch.testing.assert_close(mean, other)
    torch.testing.assert_close(found, segment_means(values, ranges))
    assert means.n_frames.tolist() == [b - a for a, b in ranges]


def test_frames_that_never_come_count_nothing() -> None:
    means = SegmentMeans([(0, 4), (3, 5)], 1)
    means.add(torch.tensor([[1.0], [3.0]]))
    assert means.n_frames.tolist() == [2, 0]
    assert means.means()[0].item() == 2.0 and means.means()[1].isnan()


@pytest.mark.parametrize("segment", [(0, 0), (3, 2), (0, 6), (-1, 2)])
def test_a_segment_outside_is_refused(segment: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="inside 0 to 5"):
        segment_means(torch.zeros(5, 1), [segment])
