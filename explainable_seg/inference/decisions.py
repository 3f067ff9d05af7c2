"""From frame probabilities to segments."""

from collections.abc import Mapping

import numpy as np

from explainable_seg.classes import CLASSES
from explainable_seg.frames import Span, frame_spans
from explainable_seg.inference.segmentation import Segment

_TOLERANCE = 1e-6  # seconds: boundaries are rounded to it


def decide(
    probabilities: np.ndarray,
    thresholds: Mapping[str, float],
    duration: float,
    min_on: Mapping[str, float] | None = None,
    min_off: Mapping[str, float] | None = None,
    classes: tuple[str, ...] = CLASSES,
) -> list[Segment]:
    """Segments in which each class reaches its threshold.

    Classes are decided one by one. Pauses shorter than ``min_off`` between two
    runs are filled first, then runs shorter than ``min_on`` are dropped.

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
        that is not named keeps all.
    min_off : Mapping[str, float], optional
        For each class, the shortest pause that is kept, seconds. A class that
        is not named keeps all.
    classes : tuple[str, ...]
        Names of the C columns.

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
        active = probabilities[:, column] >= thresholds[label]
        spans = frame_spans(active, duration)
        spans = fill_pauses(spans, (min_off or {}).get(label, 0.0))
        spans = drop_short(spans, (min_on or {}).get(label, 0.0))
        segments += [Segment(start, end, label) for start, end in spans]
    return sorted(segments)


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
