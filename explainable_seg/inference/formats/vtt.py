"""WebVTT: subtitles that say what is heard while a recording plays."""

from pathlib import Path

from explainable_seg.files import atomic_write_text
from explainable_seg.inference.segmentation import Segmentation


def write_vtt(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as WebVTT, one cue a segment.

    The label is the text of the cue. Times are rounded to the format's
    millisecond; a segment shorter than that is left out, for a cue must last.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    cues = ["WEBVTT\n"]
    for segment in segmentation.segments:
        start, end = _timestamp(segment.start), _timestamp(segment.end)
        if start != end:
            cues.append(f"{start} --> {end}\n{segment.label}\n")
    atomic_write_text(path, "\n".join(cues))


def _timestamp(seconds: float) -> str:
    """Time as ``hh:mm:ss.ttt``.

    Example
    -------
    >>> _timestamp(3725.0425)
    '01:02:05.042'
    """
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds / 1000:06.3f}"
