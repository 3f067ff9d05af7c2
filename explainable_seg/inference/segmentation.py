"""What a segmentation is: segments, frame probabilities, and their clock."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explainable_seg.brief import Brief
from explainable_seg.classes import CLASSES
from explainable_seg.frames import FRAME_CENTRE, FRAME_RATE, FRAME_STEP, Span

if TYPE_CHECKING:
    from pyannote.core import Annotation

    from explainable_seg.inference.rules import Rules


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
    rules: "Rules | None" = None
    notes: tuple[str, ...] = ()

    @property
    def end(self) -> float:
        """Where in the recording the segmented audio ends, seconds."""
        return self.start + self.duration

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes looked for, and the derived labels that were found."""
        derived = {s.label for s in self.segments}.difference(self.classes)
        return (*self.decided, *sorted(derived))

    @property
    def decided(self) -> tuple[str, ...]:
        """The classes that were looked for: those that have a threshold."""
        return self.classes if self.rules is None else self.rules.decided

    @property
    def frame_times(self) -> np.ndarray:
        """Centre of each frame, in seconds [shape=(T,)]."""
        steps = FRAME_STEP * np.arange(len(self.probabilities))
        return self.start + FRAME_CENTRE + steps

    def spans(self, label: str) -> list[Span]:
        """Start and end, in seconds, of the segments of one class."""
        return [(s.start, s.end) for s in self.segments if s.label == label]

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
            label: float(sum(end - start for start, end in self.spans(label)))
            for label in self.decided
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
