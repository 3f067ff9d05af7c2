"""A recording with all that was found in it: what a page is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explainable_seg.brief import Brief
from explainable_seg.explanation.explanation import Explanation
from explainable_seg.explanation.reading import Reading, StudentWeights
from explainable_seg.frames import Span
from explainable_seg.inference.rules import Rules

SLACK = 1e-7  # seconds; a border that falls on a centre stays on its side


@dataclass(frozen=True, eq=False, repr=False)
class Findings(Brief):
    """A recording as a student read it, and where it found each class.

    Arguments
    ---------
    reading : Reading
        The recording, or a passage of it.
    weights : StudentWeights
        The student's dictionary and classifier.
    spans : Mapping[str, Sequence[tuple[float, float]]]
        For each class, the segments found: seconds of the whole recording.
    reference : Mapping[str, Sequence[tuple[float, float]]], optional
        The truth for those classes whose truth is known.
    """

    reading: Reading
    weights: StudentWeights
    spans: Mapping[str, Sequence[Span]]
    reference: Mapping[str, Sequence[Span]] | None = None

    @classmethod
    def of_passage(cls, explanation: Explanation) -> "Findings":
        """The passage of an explanation alone.

        Arguments
        ---------
        explanation : Explanation
            All classes are shown where they were found in the recording.

        Returns
        -------
        Findings
        """
        return cls(explanation.passage, explanation.weights, explanation.spans)

    @property
    def classes(self) -> tuple[str, ...]:
        """What the student was trained for."""
        return self.weights.classes

    @property
    def rules(self) -> Rules:
        """How it was decided what was found."""
        return self.reading.rules

    @property
    def segments(self) -> list[tuple[str, float, float]]:
        """Class, start and end of each segment, by class and then by time."""
        return [
            (name, start, end)
            for name in self.classes
            for start, end in sorted(self.spans.get(name, ()))
        ]

    def frames(self, start: float, end: float) -> tuple[int, int]:
        """Frames whose centre lies in a span, as a half-open range.

        Arguments
        ---------
        start : float
            Seconds of the whole recording.
        end : float
            Seconds of the whole recording.

        Returns
        -------
        tuple[int, int]
        """
        centres = self.reading.frame_seconds
        borders = np.array([start, end]) - SLACK
        first, last = np.searchsorted(centres, borders).tolist()
        return first, last
