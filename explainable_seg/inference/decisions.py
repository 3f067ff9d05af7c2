"""From frame probabilities to segments: the one place that decides."""

from itertools import pairwise

import numpy as np

from explainable_seg.frames import Span, frame_spans
from explainable_seg.inference.rules import OVER, Rules
from explainable_seg.inference.segmentation import Segment

_TOLERANCE = 1e-6  # seconds: boundaries are rounded to it


def decide(
    probabilities: np.ndarray,
    rules: Rules,
    duration: float,
    start: float = 0.0,
) -> list[Segment]:
    """Segments in which each class reaches its threshold.

    Classes are decided one by one. Pauses shorter than ``min_off`` between two
    runs are filled first, then runs shorter than ``min_on`` are dropped, then
    those longer than ``max_on`` are split. A class that the rules name no
    number for keeps all pauses and runs; one without a threshold has no
    segment. Then the derived labels are added.

    Arguments
    ---------
    probabilities : np.ndarray [shape=(T, C)]
        Probability of each class of the rules in each frame.
    rules : Rules
        How to decide.
    duration : float
        Duration of the audio, seconds.
    start : float
        Where in the recording it begins, seconds.

    Returns
    -------
    list[Segment]
        Sorted by start, then end, then label. Segments of one class are
        disjoint, and all lie in ``[start, start + duration]``.

    Raises
    ------
    ValueError
        If the rules are for another number of classes.

    Example
    -------
    >>> scores = np.zeros((50, 2))
    >>> scores[:, 1] = 0.9
    >>> decide(scores, Rules({"speech": 0.5, "music": 0.5}), duration=1.01)
    [Segment(start=0.0, end=1.01, label='music')]
    """
    if probabilities.shape[1] != len(rules.classes):
        raise ValueError(
            f"expected probabilities of {', '.join(rules.classes)}, got "
            f"{probabilities.shape[1]} columns"
        )
    found = []
    for column, label in enumerate(rules.classes):
        active = active_frames(
            probabilities[:, column],
            rules.thresholds[label],
            rules.hysteresis.get(label, 0.0),
        )
        spans = frame_spans(active, duration)
        spans = fill_pauses(spans, rules.min_off.get(label, 0.0))
        spans = drop_short(spans, rules.min_on.get(label, 0.0))
        spans = split_long(spans, rules.max_on.get(label, np.inf))
        found += [Segment(first, last, label) for first, last in spans]
    for name in rules.derived:
        found = found + derived_segments(found, name)
    if start:
        found = [
            Segment(s.start + start, s.end + start, s.label) for s in found
        ]
    return sorted(found)


def active_frames(
    probabilities: np.ndarray,
    threshold: float | None,
    hysteresis: float = 0.0,
    active: bool = False,
) -> np.ndarray:
    """Frames from where a threshold is reached to where a lower one is not.

    Arguments
    ---------
    probabilities : np.ndarray [shape=(T,)]
        Probability of one class.
    threshold : float or None
        Lowest probability with which the class begins; None: it never does.
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
    if threshold is None:
        return np.zeros(len(probabilities), dtype=bool)
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
