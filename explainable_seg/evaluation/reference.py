"""The reference of a recording, for its page."""

import os

from explainable_seg.annotation.fields import uri_of
from explainable_seg.errors import AnnotationError
from explainable_seg.evaluation.detection import read_spans
from explainable_seg.frames import Span


def read_reference(
    path: str | os.PathLike[str], audio: str | os.PathLike[str]
) -> dict[str, list[Span]]:
    """Spans of each class that an RTTM file names for a recording.

    A file does not say which classes its writer listened for, so a class
    without a line counts as unknown.

    Arguments
    ---------
    path : str or os.PathLike
        RTTM file. If it holds one recording alone, that is the one.
    audio : str or os.PathLike
        The recording, whose name is looked up among several.

    Returns
    -------
    dict[str, list[tuple[float, float]]]
        Sorted, disjoint spans in seconds.

    Raises
    ------
    AnnotationError
        If the file cannot be read, or holds several recordings and not this.
    """
    recordings = read_spans(path)
    uri = uri_of(audio)
    if uri not in recordings and len(recordings) != 1:
        raise AnnotationError(
            f"expected lines of {uri}, got those of "
            f"{', '.join(list(recordings)[:3])}, in {path}; name its file"
        )
    spans = recordings.get(uri) or next(iter(recordings.values()))
    return {
        name: [(turn.start, turn.end) for turn in timeline.support()]
        for name, timeline in spans.items()
        if timeline
    }
