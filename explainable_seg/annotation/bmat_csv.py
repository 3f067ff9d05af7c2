"""OpenBMAT's raw export of the annotation tool: one annotator a file.

``<.>,<name>.wav,<start>,<end>,<class code>,<.>,<.>``, no header, times in
seconds; what columns 1, 6 and 7 mean is not documented.
"""

import csv
import io
import os
from collections.abc import Mapping

from pyannote.core import Annotation

from explainable_seg.annotation.fields import (
    composed,
    parse_span,
    quoted,
    read_text,
    without_audio_suffix,
)
from explainable_seg.annotation.turns import Turn, annotations_of, turns_by_uri
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_write_text


def read_bmat_csv(path: str | os.PathLike[str]) -> dict[str, Annotation]:
    """Read an export of OpenBMAT's annotation tool.

    Arguments
    ---------
    path : str or os.PathLike
        The file; seven columns.

    Returns
    -------
    dict[str, Annotation]
        For each uri, in order of appearance, its spans in seconds, with the
        class codes as text. The track of a span is its line number. Spans of
        no duration are left out, and counted in the log.

    Raises
    ------
    AnnotationError
        If the file cannot be read or is no CSV, or a line has another number
        of columns, a bad number, an end before its start, or no name or code.
    """
    reader = csv.reader(io.StringIO(read_text(path)), strict=True)
    turns = []
    try:
        for row in reader:
            if row:
                turns.append(_parse_row(row, reader.line_num, path))
    except csv.Error as error:
        raise AnnotationError(
            f"expected comma-separated values, got '{error}', in {path}:"
            f"{reader.line_num}; check the quotes of the line"
        ) from None
    return annotations_of(path, turns)


def _parse_row(row: list[str], line: int, path: str | os.PathLike[str]) -> Turn:
    """One line, checked."""
    where = f"{path}:{line}"
    if len(row) != 7:
        raise AnnotationError(
            f"expected 7 columns, got {len(row)}, in {where}; "
            "take the file of the folder annotations/bat"
        )
    name, start, end, label = (
        composed(" ".join(cell.split())) for cell in row[1:5]
    )
    if not name or not label:
        raise AnnotationError(
            f"expected a file name and a class code in columns 2 and 5, got "
            f"{quoted(name)} and {quoted(label)}, in {where}; complete the line"
        )
    span = parse_span(start, end, where)
    return Turn(without_audio_suffix(name), "1", *span, label, line)


def write_bmat_csv(
    path: str | os.PathLike[str],
    annotations: Annotation | Mapping[str, Annotation],
) -> None:
    """Write spans as the annotation tool exports them, whole or not at all.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write; times are rounded to 0.1 ms.
    annotations : Annotation or Mapping[str, Annotation]
        One recording, with its ``uri``, or several by uri. Blanks in uris and
        labels become ``_``. Column 1 is a running number, columns 6 and 7 are
        empty.

    Raises
    ------
    AnnotationError
        If a uri or a label is empty.
    """
    spans = [
        (f"{uri}.wav", f"{start:.4f}", f"{end:.4f}", label)
        for uri, turns in turns_by_uri(annotations, path)
        for start, end, label in turns
    ]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for number, span in enumerate(spans, start=1):
        writer.writerow((number, *span, "", ""))
    atomic_write_text(path, stream.getvalue())
