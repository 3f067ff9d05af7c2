"""The lanes of a page: one a class, over the time of the recording."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explainable_seg.explanation.drawing import pool_time
from explainable_seg.explanation.findings import Findings
from explainable_seg.frames import Span

MOST_POINTS = 5000  # of a line of probabilities; longer ones are averaged
TALL = 100  # units of a lane's height, for probability 1


@dataclass(frozen=True)
class Block:
    """A stretch of time in a lane; left and width in percent."""

    left: float
    width: float
    start: float
    end: float


@dataclass(frozen=True)
class Lane:
    """What a page shows of a class over time.

    Arguments
    ---------
    class_name : str
        One of the classes of the student.
    seconds : float
        Time in which it was found.
    line : str
        Its probability as points of an SVG polyline, ``MOST_POINTS`` wide at
        most and TALL high.
    n_points : int
        Number of points of the line.
    threshold : float or None
        Probability from which it counts as found.
    found : Sequence[Block]
        Where it was found.
    reference : Sequence[Block] or None
        Where it is, if that is known.
    """

    class_name: str
    seconds: float
    line: str
    n_points: int
    threshold: float | None
    found: Sequence[Block]
    reference: Sequence[Block] | None


def make_lanes(findings: Findings) -> list[Lane]:
    """A lane for each class.

    Arguments
    ---------
    findings : Findings
        The recording.

    Returns
    -------
    list[Lane]
    """
    probabilities = pool_time(findings.reading.probabilities, MOST_POINTS)
    reference = findings.reference or {}
    return [
        Lane(
            class_name=name,
            seconds=sum(e - s for s, e in findings.spans.get(name, ())),
            line=polyline(probabilities[:, c]),
            n_points=len(probabilities),
            threshold=findings.rules.thresholds.get(name),
            found=_blocks(findings, findings.spans.get(name, ())),
            reference=(
                _blocks(findings, reference[name])
                if name in reference
                else None
            ),
        )
        for c, name in enumerate(findings.classes)
    ]


def polyline(values: np.ndarray) -> str:
    """Points of a line through values in [0, 1], one unit apart.

    Example
    -------
    >>> polyline(np.array([0.0, 0.25]))
    '0,100 1,75'
    """
    heights = (TALL * (1 - values)).round().astype(int)
    return " ".join(f"{x},{y}" for x, y in enumerate(heights))


def _blocks(findings: Findings, spans: Sequence[Span]) -> list[Block]:
    """Spans by their place in the recording; those outside it are cut."""
    start, duration = findings.reading.start, findings.reading.duration
    limits = (start, start + duration)
    clipped = [np.clip(span, *limits).tolist() for span in sorted(spans)]
    return [
        Block(
            left=round(100 * (low - start) / duration, 4),
            width=round(100 * (high - low) / duration, 4),
            start=low,
            end=high,
        )
        for low, high in clipped
        if low < high
    ]
