"""A recording with all that was found in it: what a page is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explainable_seg.brief import Brief
from explainable_seg.classes import CLASSES
from explainable_seg.explanation.explanation import Explanation
from explainable_seg.explanation.reading import Reading, StudentWeights
from explainable_seg.frames import Span, frame_spans

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
            Its class is shown where it says so, the others where their
            probability exceeds their threshold.

        Returns
        -------
        Findings
        """
        passage, weights = explanation.passage, explanation.weights
        probabilities = passage.probabilities
        spans = {
            name: [
                (passage.start + start, passage.start + end)
                for start, end in frame_spans(
                    probabilities[:, c] > weights.thresholds.get(name, 0.5),
                    passage.duration,
                )
            ]
            for c, name in enumerate(CLASSES)
        }
        spans[explanation.class_name] = explanation.found_spans
        return cls(passage, weights, spans)

    @property
    def segments(self) -> list[tuple[str, float, float]]:
        """Class, start and end of each segment, by class and then by time."""
        return [
            (name, start, end)
            for name in CLASSES
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
