"""OpenBMAT's TSV: one excerpt a file, one line a span, no header.

``<start> <end> <class>``, tab-separated, times in seconds.
"""

import os

from pyannote.core import Annotation

from explainable_seg.annotation.fields import (
    parse_span,
    quoted,
    read_fields,
    uri_of,
)
from explainable_seg.annotation.turns import annotation_of, rounded_turns
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_write_text


def read_bmat_tsv(
    path: str | os.PathLike[str], duration: float | None = None
) -> Annotation:
    """Read a TSV file of OpenBMAT.

    Arguments
    ---------
    path : str or os.PathLike
        The file. It may hold nothing but the name of a class, which then
        stands for the whole recording.
    duration : float
        Duration of the recording, seconds; needed in that case only.

    Returns
    -------
    Annotation
        Spans in seconds, of the recording that the file is named after, with
        the classes as text. The track of a span is its line number. Spans of
        no duration are left out, and counted in the log.

    Raises
    ------
    AnnotationError
        If the file cannot be read, or a line has another number of fields, a
        bad number or an end before its start, or if the duration is needed
        and not given.
    """
    lines = list(read_fields(path))
    if len(lines) == 1 and len(lines[0][1]) == 1:
        ((line, (label,)),) = lines
        if duration is None:
            raise AnnotationError(
                f"expected 3 fields (start end class) or the duration, got "
                f"{quoted(label)} alone, in {path}:{line}; give the duration of the "
                "recording that the class stands for"
            )
        rows = [(0.0, duration, label, line)]
    else:
        rows = [_parse_row(row, line, path) for line, row in lines]
    return annotation_of(path, uri_of(path), rows)


def _parse_row(
    fields: list[str], line: int, path: str | os.PathLike[str]
) -> tuple[float, float, str, int]:
    """One line, checked."""
    where = f"{path}:{line}"
    if len(fields) != 3:
        raise AnnotationError(
            f"expected 3 fields (start end class), got {len(fields)}, in "
            f"{where}; correct the line"
        )
    return *parse_span(fields[0], fields[1], where), fields[2], line


def write_bmat_tsv(
    path: str | os.PathLike[str], annotation: Annotation
) -> None:
    """Write a TSV file of OpenBMAT, whole or not at all.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write; times are rounded to 0.1 ms.
    annotation : Annotation
        The spans of one recording. Blanks in labels become ``_``.

    Raises
    ------
    AnnotationError
        If a label is empty.
    """
    lines = [
        f"{start:.4f}\t{end:.4f}\t{label}\n"
        for start, end, label in rounded_turns(annotation, path)
    ]
    atomic_write_text(path, "".join(lines))
