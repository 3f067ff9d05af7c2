"""Spans of time: cut, merge, and find what two of them cover."""

from collections.abc import Iterable

import numpy as np

from explainable_seg.frames import Span

TOUCH = 1e-6  # seconds: spans that are no further apart are one


def cut_spans(spans: Iterable[Span], start: float, end: float) -> list[Span]:
    """The part of each span inside ``[start, end]``; empty ones are dropped.

    Example
    -------
    >>> cut_spans([(0.0, 1.0), (2.0, 3.0)], 0.5, 2.0)
    [(0.5, 1.0)]
    """
    cut = [(max(s, start), min(e, end)) for s, e in spans]
    return [(s, e) for s, e in cut if e - s > TOUCH]


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Sorted disjoint spans that cover the same time.

    Example
    -------
    >>> merge_spans([(2.0, 3.0), (0.0, 1.0), (0.5, 2.0)])
    [(0.0, 3.0)]
    """
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + TOUCH:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def covered_twice(spans: Iterable[Span]) -> list[Span]:
    """Sorted disjoint spans of the time that two spans or more cover.

    Example
    -------
    >>> covered_twice([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0)])
    [(1.0, 2.0)]
    """
    twice: list[Span] = []
    reached = -np.inf
    for start, end in sorted(spans):
        if min(reached, end) - start > TOUCH:
            twice.append((start, min(reached, end)))
        reached = max(reached, end)
    return merge_spans(twice)
