"""UEM: the time of each recording that is annotated, or is to be scored.

``<uri> <channel> <start> <end>``, times in seconds, several lines a recording.
"""

import logging
import os
from collections.abc import Mapping

from pyannote.core import Segment, Timeline

from explainable_seg.annotation.fields import (
    check_channel,
    parse_span,
    read_fields,
    without_audio_suffix,
    writable_field,
)
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_write_text

logger = logging.getLogger(__name__)


def read_uem(path: str | os.PathLike[str]) -> dict[str, Timeline]:
    """Read a UEM file.

    Arguments
    ---------
    path : str or os.PathLike
        The file. The channel is ignored; the suffix of an audio file in the
        first field is dropped.

    Returns
    -------
    dict[str, Timeline]
        For each uri its time, in seconds, sorted and merged. Lines of no
        duration name a recording without annotated time; the log names them.

    Raises
    ------
    AnnotationError
        If the file cannot be read, or a line has fewer or more than four
        fields, columns in another order, a bad time, or an end before its
        start.
    """
    timelines: dict[str, Timeline] = {}
    for line, fields in read_fields(path):
        where = f"{path}:{line}"
        if len(fields) != 4:
            raise AnnotationError(
                f"expected 4 fields (uri channel start end), got "
                f"{len(fields)}, in {where}; correct the line"
            )
        check_channel(fields[0], fields[1], where)
        start, end = parse_span(fields[2], fields[3], where)
        if start == end:
            logger.warning("%s: no time from %g to %g s", where, start, end)
        uri = without_audio_suffix(fields[0])
        timeline = timelines.setdefault(uri, Timeline(uri=uri))
        timeline.add(Segment(start, end))
    return {uri: timeline.support() for uri, timeline in timelines.items()}


def write_uem(
    path: str | os.PathLike[str], timelines: Timeline | Mapping[str, Timeline]
) -> None:
    """Write a UEM file, whole or not at all; times rounded to 0.1 ms.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write.
    timelines : Timeline or Mapping[str, Timeline]
        One recording, with its ``uri``, or several by uri. Blanks in uris
        become ``_``.

    Raises
    ------
    AnnotationError
        If a uri is empty.
    """
    if isinstance(timelines, Timeline):
        timelines = {timelines.uri or "": timelines}
    lines = []
    for uri in sorted(timelines):
        name = writable_field(uri, "uri", path)
        for start, end in timelines[uri].support():
            lines.append(f"{name} 1 {start:.4f} {end:.4f}\n")
    atomic_write_text(path, "".join(lines))
