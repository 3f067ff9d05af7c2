"""Lines of an RTTM file, from plain turns.

Apart from its reader, which needs pyannote.core: that takes half a second to
import, and what writes the result of a segmentation needs none of it.
"""

import os
from collections.abc import Iterable

from explainable_seg.annotation.fields import writable_field

Row = tuple[float, float, str]  # start and end in seconds, label


def rounded_rows(
    rows: Iterable[Row], path: str | os.PathLike[str]
) -> list[Row]:
    """Turns as they are to be written: sorted, rounded to 0.1 ms.

    Both ends are rounded, so that no two turns touch or part by the rounding
    of a duration. A turn shorter than that is left out.

    Arguments
    ---------
    rows : Iterable[tuple[float, float, str]]
        Start and end in seconds, and the label.
    path : str or os.PathLike
        The file to write, for the message.

    Returns
    -------
    list[tuple[float, float, str]]
        Likewise, the blanks of labels replaced.

    Raises
    ------
    AnnotationError
        If a label is empty.

    Example
    -------
    >>> rounded_rows([(1.00004, 2.0, "a b"), (0.0, 0.00001, "c")], "x.rttm")
    [(1.0, 2.0, 'a_b')]
    """
    turns = sorted(
        (
            round(start, 4),
            round(end, 4),
            writable_field(label, "label", path),
        )
        for start, end, label in rows
    )
    return [(start, end, label) for start, end, label in turns if end > start]


def speaker_lines(uri: str, rows: Iterable[Row]) -> str:
    """SPEAKER lines of a recording.

    Arguments
    ---------
    uri : str
        The recording, without blanks.
    rows : Iterable[tuple[float, float, str]]
        As :func:`rounded_rows` gives them.

    Returns
    -------
    str

    Example
    -------
    >>> print(speaker_lines("show", [(1.0, 2.5, "music")]), end="")
    SPEAKER show 1 1.0000 1.5000 <NA> <NA> music <NA> <NA>
    """
    return "".join(
        f"SPEAKER {uri} 1 {start:.4f} {end - start:.4f} "
        f"<NA> <NA> {label} <NA> <NA>\n"
        for start, end, label in rows
    )
