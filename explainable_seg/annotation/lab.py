"""Lab: one line a turn, with its start, its end and its label.

``<start> <end> <label> [<score>]`` of one recording, times in seconds. HTK's
own label files count in units of 100 ns; these are refused, not converted,
since nothing in a file says which unit it means.
"""

import os

from pyannote.core import Annotation

from explainable_seg.annotation.fields import (
    NUMBER,
    parse_span,
    quoted,
    read_fields,
    uri_of,
)
from explainable_seg.annotation.turns import annotation_of, rounded_turns
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_write_text

# An end that lies beyond this many durations is in another unit.
UNIT_FACTOR = 10


def read_lab(
    path: str | os.PathLike[str], duration: float | None = None
) -> Annotation:
    """Read a lab file.

    Arguments
    ---------
    path : str or os.PathLike
        The file; three or four fields a line.
    duration : float
        Duration of the recording, seconds, to check the unit of the times.

    Returns
    -------
    Annotation
        Turns in seconds, of the recording that the file is named after. The
        track of a turn is its line number; scores, which are numbers, are
        ignored. Turns of no duration are left out, and counted in the log.

    Raises
    ------
    AnnotationError
        If the file cannot be read, or a line has another number of fields, a
        bad time, an end before its start, or an end ten durations away.
    """
    rows = []
    for line, fields in read_fields(path):
        where = f"{path}:{line}"
        if len(fields) not in (3, 4):
            raise AnnotationError(
                f"expected 3 or 4 fields (start end label score), got "
                f"{len(fields)}, in {where}; a label must not hold blanks"
            )
        if len(fields) == 4 and not NUMBER.fullmatch(fields[3]):
            raise AnnotationError(
                f"expected a number as score, got {quoted(fields[3])}, in "
                f"{where}; a label must not hold blanks"
            )
        start, end = parse_span(fields[0], fields[1], where)
        if duration is not None and end > UNIT_FACTOR * duration:
            raise AnnotationError(
                f"expected ends near {duration:.3f} s, got {fields[1]}, in "
                f"{where}; time unit? convert the times to seconds"
            )
        rows.append((start, end, fields[2], line))
    return annotation_of(path, uri_of(path), rows)


def write_lab(path: str | os.PathLike[str], annotation: Annotation) -> None:
    """Write a lab file, whole or not at all; times rounded to 0.1 ms.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write.
    annotation : Annotation
        The turns of one recording. Blanks in labels become ``_``.

    Raises
    ------
    AnnotationError
        If a label is empty.
    """
    lines = [
        f"{start:.4f} {end:.4f} {label}\n"
        for start, end, label in rounded_turns(annotation, path)
    ]
    atomic_write_text(path, "".join(lines))
