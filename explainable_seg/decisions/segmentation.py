"""What a segmentation is: segments, frame probabilities, and their clock."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from explainable_seg.brief import Brief
from explainable_seg.classes import CLASSES
from explainable_seg.decisions.rules import OVER, Rules
from explainable_seg.frames import (
    FRAME_CENTRE,
    FRAME_RATE,
    FRAME_STEP,
    Span,
    frame_spans,
)

if TYPE_CHECKING:
    from pyannote.core import Annotation

BOUNDARY_TOLERANCE = 1e-6  # seconds: boundaries are rounded to it


@dataclass(frozen=True, order=True)
class Segment:
    """A stretch of time in which a class holds.

    Arguments
    ---------
    start : float
        Seconds.
    end : float
        Seconds, after the start.
    label : str
        One of the classes.
    """

    start: float
    end: float
    label: str


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation(Brief):
    """Segments of a recording, and the probabilities behind them.

    Classes may hold at the same time: segments of different classes overlap,
    those of one class never do.

    Arguments
    ---------
    uri : str
        Name of the recording, without blanks.
    duration : float
        Seconds of audio that were segmented.
    segments : list[Segment]
        On the clock of the whole recording. Sorted by start, then end, then label.
    probabilities : np.ndarray [shape=(T, C), dtype=float32]
        Probability of each class in each frame. Frame t is centred on
        ``start + 0.0125 + 0.02 t`` seconds.
    frame_rate : float
        Frames a second.
    classes : tuple[str, ...]
        Names of the C columns: what the model was trained for.
    start : float
        Where in the recording the audio begins that was segmented, seconds;
        it ends at ``start + duration``.
    rules : Rules, optional
        How the segments were decided.
    notes : tuple[str, ...]
        What is to be said of the sound: what of it is missing, which of
        several tracks was taken. One line each.
    """

    uri: str
    duration: float
    segments: list[Segment]
    probabilities: np.ndarray
    frame_rate: float = FRAME_RATE
    classes: tuple[str, ...] = CLASSES
    start: float = 0.0
    rules: Rules | None = None
    notes: tuple[str, ...] = ()

    @property
    def end(self) -> float:
        """Where in the recording the segmented audio ends, seconds."""
        return self.start + self.duration

    @property
    def decided(self) -> tuple[str, ...]:
        """The classes that were looked for, which have a threshold."""
        return self.classes if self.rules is None else self.rules.decided

    @property
    def frame_times(self) -> np.ndarray:
        """Centre of each frame, in seconds [shape=(T,)]."""
        steps = FRAME_STEP * np.arange(len(self.probabilities))
        return self.start + FRAME_CENTRE + steps

    def spans(self, label: str) -> list[Span]:
        """Start and end, in seconds, of the segments of one class."""
        return [(s.start, s.end) for s in self.segments if s.label == label]

    @cached_property
    def spans_of_all(self) -> dict[str, list[Span]]:
        """Spans of each class looked for, and of derived labels found."""
        derived = {s.label for s in self.segments}.difference(self.classes)
        labels = (*self.decided, *sorted(derived))
        return {label: self.spans(label) for label in labels}

    def seconds(self) -> dict[str, float]:
        """Seconds in which each class was found that was looked for.

        Example
        -------
        >>> Segmentation(
        ...     uri="show",
        ...     duration=2.0,
        ...     segments=[Segment(0.0, 1.5, "speech")],
        ...     probabilities=np.zeros((99, 4)),
        ... ).seconds()
        {'speech': 1.5, 'music': 0.0, 'noise': 0.0, 'overlap': 0.0}
        """
        return {
            label: float(sum(end - start for start, end in spans))
            for label, spans in self.spans_of_all.items()
            if label in self.classes
        }

    def to_annotation(self) -> "Annotation":
        """The segments as a pyannote.core Annotation."""
        from pyannote.core import (
            Annotation,
            Segment as Interval,
        )

        annotation = Annotation(uri=self.uri)
        for segment in self.segments:
            # The label is also the track, for two classes may hold over
            # exactly the same time.
            interval = Interval(segment.start, segment.end)
            annotation[interval, segment.label] = segment.label
        return annotation


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
    if probabilities.shape[1] != len(rules.thresholds):
        raise ValueError(
            f"expected probabilities of {', '.join(rules.thresholds)}, got "
            f"{probabilities.shape[1]} columns"
        )
    active = [
        active_frames(column, threshold, rules.hysteresis.get(label, 0.0))
        for column, (label, threshold) in zip(
            probabilities.T, rules.thresholds.items()
        )
    ]
    runs = [frame_spans(frames, duration) for frames in active]
    found = []
    for label, spans in zip(rules.thresholds, runs):
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
        if joined and start - joined[-1][1] < min_off - BOUNDARY_TOLERANCE:
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
    return [s for s in spans if s[1] - s[0] >= min_on - BOUNDARY_TOLERANCE]


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
        n_parts = int(np.ceil((end - start - BOUNDARY_TOLERANCE) / max_on))
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
