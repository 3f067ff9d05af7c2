"""Which frames an explanation is about: a span, or where a class was found."""

from dataclasses import dataclass

import numpy as np

from explainable_seg.brief import Brief
from explainable_seg.errors import ExplainableSegError
from explainable_seg.frames import frame_range, frame_spans


@dataclass(frozen=True, eq=False, repr=False)
class Chosen(Brief):
    """A passage of a recording and the frames of it to explain.

    Arguments
    ---------
    start : float
        Start of the passage, seconds.
    end : float
        End of the passage, seconds.
    first : int
        First frame of the passage.
    last : int
        One past its last frame.
    explained : np.ndarray [shape=(last - first,), dtype=bool]
        Frames to explain; the first and the last are among them.
    """

    start: float
    end: float
    first: int
    last: int
    explained: np.ndarray


def frames_to_explain(
    class_name: str,
    found: np.ndarray,
    start: float | None,
    end: float | None,
    duration: float,
    name: str,
) -> Chosen:
    """All frames of a span if there is one, else those of the class.

    Arguments
    ---------
    class_name : str
        The class, for the message.
    found : np.ndarray [shape=(T,), dtype=bool]
        Frames of the recording where the class was found.
    start : float or None
        Start of the span, seconds.
    end : float or None
        End of the span, seconds; clipped to the recording.
    duration : float
        Duration of the recording, seconds.
    name : str
        The recording, for the message.

    Returns
    -------
    Chosen

    Raises
    ------
    ExplainableSegError
        If there is no frame to explain.

    Example
    -------
    >>> found = np.array([False, True, True, False, True, False])
    >>> chosen = frames_to_explain("music", found, None, None, 0.13, "a.wav")
    >>> chosen.start, chosen.end, chosen.explained.tolist()
    (0.0225, 0.1025, [True, True, False, True])
    """
    if start is None and end is None:
        return _where_found(class_name, found, duration, name)
    start = 0.0 if start is None else start
    end = duration if end is None else min(end, duration)
    return _whole_span(start, end, len(found), duration, name)


def _where_found(
    class_name: str, found: np.ndarray, duration: float, name: str
) -> Chosen:
    """From the first to the last frame where the class was found."""
    if not found.any():
        raise ExplainableSegError(
            f"expected {class_name} to be found, got no frame of it, in "
            f"{name or 'the audio'}; give a span (start and end) to explain "
            "why not"
        )
    spans = frame_spans(found, duration)
    frames = np.flatnonzero(found)
    first, last = int(frames[0]), int(frames[-1]) + 1
    return Chosen(spans[0][0], spans[-1][1], first, last, found[first:last])


def _whole_span(
    start: float, end: float, n_frames: int, duration: float, name: str
) -> Chosen:
    """All frames between start and end."""
    # False for NaN as well, which frame_range could not take.
    if 0.0 <= start < end:
        first, last = frame_range(start, end, n_frames)
        if first < last:
            explained = np.ones(last - first, dtype=bool)
            return Chosen(start, end, first, last, explained)
    raise ExplainableSegError(
        f"expected a span of 20 ms or more inside 0 to {duration:.3f} s, "
        f"got {start:g} to {end:g}, in {name or 'the audio'}; change the "
        "start or the end"
    )
