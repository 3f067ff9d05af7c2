"""The frame grid that audio, spectrogram, WavLM, labels and scores share.

16 kHz, hop 320, 50 frames a second. Frame t is centred on sample 200 + 320 t,
which is WavLM's own grid: its convolutions see 400 samples with a stride of
320. N samples give floor((N - 400) / 320) + 1 frames, none below 400. In time,
frame t stands for 0.0025 + 0.02 t to 0.0025 + 0.02 (t + 1) seconds; the first
frame reaches back to 0 and the last one forward to the end of the recording.
"""

from collections.abc import Iterable

import numpy as np

SAMPLE_RATE = 16000
"""Samples a second (Hz) of all sound inside the house."""
WINDOW = 400
"""Samples that one frame sees: 25 ms."""
HOP = 320
"""Samples between frames: 20 ms."""
FRAME_RATE = SAMPLE_RATE / HOP
"""Frames a second: 50."""
FRAME_STEP = HOP / SAMPLE_RATE
"""Seconds between frames."""
FRAME_CENTRE = WINDOW / 2 / SAMPLE_RATE
"""Centre of frame 0, seconds."""
FRAME_START = FRAME_CENTRE - FRAME_STEP / 2
"""Nominal start of frame 0, seconds."""

UNKNOWN = -1
"""Target of a frame in which a class is not annotated."""

Span = tuple[float, float]
"""Start and end in seconds."""


def num_frames(n_samples: int) -> int:
    """Number of frames of a recording of ``n_samples`` samples at 16 kHz.

    Example
    -------
    >>> num_frames(399), num_frames(400), num_frames(16000)
    (0, 1, 49)
    """
    return max(0, (n_samples - WINDOW) // HOP + 1)


def num_samples(n_frames: int) -> int:
    """Fewest samples at 16 kHz that give ``n_frames`` frames (0 for 0).

    Example
    -------
    >>> num_samples(1), num_frames(num_samples(50))
    (400, 50)
    """
    return (n_frames - 1) * HOP + WINDOW if n_frames > 0 else 0


def frame_range(start: float, end: float, n_frames: int) -> tuple[int, int]:
    """Frames whose centre lies in ``[start, end)``, as a half-open range.

    Arguments
    ---------
    start : float
        Start of the span, seconds.
    end : float
        End of the span, seconds.
    n_frames : int
        Number of frames of the recording; the range is clipped to it.

    Returns
    -------
    tuple[int, int]
        First frame and one past the last; equal when no centre is inside.

    Example
    -------
    >>> frame_range(0.0, 0.04, 100)
    (0, 2)
    """
    # Rounding to 1e-6 frames keeps a boundary that falls on a centre exact.
    first = np.ceil(np.round((start - FRAME_CENTRE) / FRAME_STEP, 6))
    last = np.ceil(np.round((end - FRAME_CENTRE) / FRAME_STEP, 6))
    first = int(np.clip(first, 0, n_frames))
    return first, max(first, int(np.clip(last, 0, n_frames)))


def frame_ranges(spans: Iterable[Span], n_frames: int) -> list[tuple[int, int]]:
    """Frames of each span that holds any, as :func:`frame_range` has them.

    Arguments
    ---------
    spans : Iterable[tuple[float, float]]
        Spans in seconds.
    n_frames : int
        Number of frames of the recording.

    Returns
    -------
    list[tuple[int, int]]
        First frame and one past the last; spans between centres are left out.

    Example
    -------
    >>> frame_ranges([(0.0, 0.04), (0.041, 0.042)], 100)
    [(0, 2)]
    """
    ranges = [frame_range(start, end, n_frames) for start, end in spans]
    return [(first, last) for first, last in ranges if first < last]


def frame_targets(spans: Iterable[Span], n_frames: int) -> np.ndarray:
    """Frame-wise truth of a class from its spans.

    Arguments
    ---------
    spans : Iterable[tuple[float, float]]
        Spans in seconds, in any order; they may overlap.
    n_frames : int
        Number of frames T.

    Returns
    -------
    np.ndarray [shape=(T,), dtype=bool]
        True where the centre of the frame lies in a span.
    """
    target = np.zeros(n_frames, dtype=bool)
    for start, end in spans:
        first, last = frame_range(start, end, n_frames)
        target[first:last] = True
    return target


def frame_spans(active: np.ndarray, duration: float) -> list[Span]:
    """Spans in seconds of the runs of active frames.

    Arguments
    ---------
    active : np.ndarray [shape=(T,), dtype=bool]
        Frame-wise decision.
    duration : float
        Duration of the recording in seconds: the last frame reaches to it.

    Returns
    -------
    list[tuple[float, float]]
        Sorted, disjoint spans inside ``[0, duration]``.

    Example
    -------
    >>> frame_spans(np.array([True, True, False, True]), 0.1)
    [(0.0, 0.0425), (0.0625, 0.1)]
    """
    n_frames = len(active)
    edges = np.flatnonzero(
        np.diff(np.concatenate([[0], np.asarray(active, dtype=np.int8), [0]]))
    )
    return [
        (
            0.0 if first == 0 else round(FRAME_START + FRAME_STEP * first, 6),
            duration
            if last == n_frames
            else round(FRAME_START + FRAME_STEP * last, 6),
        )
        for first, last in edges.reshape(-1, 2).tolist()
    ]
