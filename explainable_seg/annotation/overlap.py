"""Overlapped speech, derived from who speaks when."""

from pyannote.core import Annotation, Segment, Timeline

# Annotators' rounding makes turns that touch overlap by up to 20 ms; in the
# Aragon Radio references most overlaps are of that kind.
OVERLAP_FLOOR = 0.05  # seconds


def overlap_timeline(
    turns: Annotation, floor: float = OVERLAP_FLOOR
) -> Timeline:
    """Time in which at least two different speakers are active.

    The turns of each speaker are merged first: a speaker does not overlap
    with himself.

    Arguments
    ---------
    turns : Annotation
        Turns labelled with their speakers.
    floor : float
        Overlaps shorter than this are dropped, seconds.

    Returns
    -------
    Timeline
        Sorted and disjoint spans in seconds.

    Example
    -------
    >>> turns = Annotation(uri="show")
    >>> turns[Segment(0, 3), 1] = "Anna"
    >>> turns[Segment(2, 4), 2] = "Ben"
    >>> turns[Segment(3.98, 5), 3] = "Anna"
    >>> overlap_timeline(turns)
    <Timeline(uri=show, segments=[<Segment(2, 3)>])>
    """
    # Annotation.support() takes time that grows with the square of speakers.
    speakers: dict[str, list[Segment]] = {}
    for segment, _, label in turns.itertracks(yield_label=True):
        speakers.setdefault(str(label), []).append(segment)
    edges = [
        edge
        for segments in speakers.values()
        for segment in Timeline(segments).support()
        for edge in ((segment.start, 1), (segment.end, -1))
    ]
    active, start, spans = 0, 0.0, []
    # At equal times ends sort before starts: turns that touch do not overlap.
    for time, step in sorted(edges):
        if step > 0 and active == 1:
            start = time
        elif step < 0 and active == 2:
            spans.append(Segment(start, time))
        active += step
    # A duration like 2.05 - 2 comes out a hair short of 0.05.
    return Timeline(
        [
            span
            for span in Timeline(spans).support()
            if round(span.duration, 6) >= floor
        ],
        uri=turns.uri,
    )
