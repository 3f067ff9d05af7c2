"""From frame probabilities to segments."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from explainable_seg.classes import CLASSES
from explainable_seg.frames import Span, frame_spans
from explainable_seg.inference.segmentation import Segment

_TOLERANCE = 1e-6  # seconds: boundaries are rounded to it
OVER = "_over_"  # of the name of a derived label


def decide(
    probabilities: np.ndarray,
    thresholds: Mapping[str, float],
    duration: float,
    min_on: Mapping[str, float] | None = None,
    min_off: Mapping[str, float] | None = None,
    classes: tuple[str, ...] = CLASSES,
    hysteresis: Mapping[str, float] | None = None,
    max_on: Mapping[str, float] | None = None,
) -> list[Segment]:
    """Segments in which each class reaches its threshold.

    Classes are decided one by one. Pauses shorter than ``min_off`` between two
    runs are filled first, then runs shorter than ``min_on`` are dropped, then
    those longer than ``max_on`` are split.

    Arguments
    ---------
    probabilities : np.ndarray [shape=(T, C)]
        Probability of each class in each frame.
    thresholds : Mapping[str, float]
        For each class, the lowest probability that counts as found.
    duration : float
        Duration of the recording, seconds.
    min_on : Mapping[str, float], optional
        For each class, the shortest segment that is kept, seconds. A class
        that is not named keeps all (0 s).
    min_off : Mapping[str, float], optional
        For each class, the shortest pause that is kept, seconds. A class that
        is not named keeps all (0 s).
    classes : tuple[str, ...]
        Names of the C columns.
    hysteresis : Mapping[str, float], optional
        For each class, how far below its threshold the probability may fall
        before a segment ends. A class that is not named ends at once (0).
    max_on : Mapping[str, float], optional
        For each class, the longest segment, seconds; longer ones are split
        into equal parts. A class that is not named has no limit.

    Returns
    -------
    list[Segment]
        Sorted by start, then end, then label. Segments of one class are
        disjoint, and all lie in ``[0, duration]``.

    Example
    -------
    >>> scores = np.zeros((50, 4))
    >>> scores[:, 1] = 0.9
    >>> decide(scores, dict.fromkeys(CLASSES, 0.5), duration=1.01)
    [Segment(start=0.0, end=1.01, label='music')]
    """
    segments = []
    for column, label in enumerate(classes):
        active = active_frames(
            probabilities[:, column],
            thresholds[label],
            (hysteresis or {}).get(label, 0.0),
        )
        spans = frame_spans(active, duration)
        spans = fill_pauses(spans, (min_off or {}).get(label, 0.0))
        spans = drop_short(spans, (min_on or {}).get(label, 0.0))
        spans = split_long(spans, (max_on or {}).get(label, np.inf))
        segments += [Segment(start, end, label) for start, end in spans]
    return sorted(segments)


def active_frames(
    probabilities: np.ndarray,
    threshold: float,
    hysteresis: float = 0.0,
    active: bool = False,
) -> np.ndarray:
    """Frames from where a threshold is reached to where a lower one is not.

    Arguments
    ---------
    probabilities : np.ndarray [shape=(T,)]
        Probability of one class.
    threshold : float
        Lowest probability with which the class begins.
    hysteresis : float
        How far below the threshold it may fall without ending.
    active : bool
        Whether the class was active before the first frame.

    Returns
    -------
    np.ndarray [shape=(T,), dtype=bool]

    Example
    -------
    >>> active_frames(np.array([0.4, 0.6, 0.4, 0.2, 0.4]), 0.5, 0.2)
    array([False,  True,  True, False, False])
    """
    begins = probabilities >= threshold
    settled = begins | (probabilities < threshold - hysteresis)
    # The last frame that was settled either way decides those behind it.
    last = np.maximum.accumulate(np.where(settled, np.arange(len(begins)), -1))
    return np.where(last < 0, active, begins[last])


def fill_pauses(spans: list[Span], min_off: float) -> list[Span]:
    """Join sorted spans with less than ``min_off`` seconds between them.

    Example
    -------
    >>> fill_pauses([(0.0, 1.0), (1.2, 2.0), (3.0, 4.0)], 0.5)
    [(0.0, 2.0), (3.0, 4.0)]
    """
    joined: list[Span] = []
    for start, end in spans:
        if joined and start - joined[-1][1] < min_off - _TOLERANCE:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def drop_short(spans: list[Span], min_on: float) -> list[Span]:
    """Keep the spans that last ``min_on`` seconds or more.

    Example
    -------
    >>> drop_short([(0.0, 1.0), (1.2, 1.3)], 0.5)
    [(0.0, 1.0)]
    """
    return [s for s in spans if s[1] - s[0] >= min_on - _TOLERANCE]


def split_long(spans: list[Span], max_on: float) -> list[Span]:
    """Split spans longer than ``max_on`` > 0 seconds into equal parts.

    Example
    -------
    >>> split_long([(0.0, 1.0), (2.0, 5.0)], 2.0)
    [(0.0, 1.0), (2.0, 3.5), (3.5, 5.0)]
    """
    if not max_on > 0:
        raise ValueError(f"expected `max_on` above 0 seconds, got {max_on}")
    parts: list[Span] = []
    for start, end in spans:
        n_parts = int(np.ceil((end - start - _TOLERANCE) / max_on))
        cuts = np.linspace(start, end, max(1, n_parts) + 1)
        inner = [round(cut, 6) for cut in cuts[1:-1].tolist()]
        parts += pairwise([start, *inner, end])
    return parts


def derived_segments(segments: list[Segment], name: str) -> list[Segment]:
    """Where two classes hold together, as a label of its own.

    Arguments
    ---------
    segments : list[Segment]
        Of all classes, in any order.
    name : str
        ``<class>_over_<class>``, such as ``speech_over_music``.

    Returns
    -------
    list[Segment]
        Sorted and disjoint.

    Example
    -------
    >>> derived_segments(
    ...     [Segment(0.0, 2.0, "speech"), Segment(1.0, 3.0, "music")],
    ...     "speech_over_music",
    ... )
    [Segment(start=1.0, end=2.0, label='speech_over_music')]
    """
    upper, _, lower = name.partition(OVER)
    return sorted(
        Segment(max(a.start, b.start), min(a.end, b.end), name)
        for a, b in _overlapping(
            sorted(s for s in segments if s.label == upper),
            sorted(s for s in segments if s.label == lower),
        )
    )


def _overlapping(
    uppers: list[Segment], lowers: list[Segment]
) -> list[tuple[Segment, Segment]]:
    """Pairs of two sorted, disjoint lists that share time."""
    pairs = []
    u = v = 0
    while u < len(uppers) and v < len(lowers):
        a, b = uppers[u], lowers[v]
        if min(a.end, b.end) > max(a.start, b.start):
            pairs.append((a, b))
        if a.end < b.end:
            u += 1
        else:
            v += 1
    return pairs
