"""MDTM: one line a speaker turn, with its start and its duration.

``<uri> <channel> <start> <duration> speaker <confidence> <subtype> <name>``,
times in seconds; the subtype is ``adult_male``, ``adult_female``, ``child`` or
free.
"""

import os
from collections.abc import Mapping

from pyannote.core import Annotation

from explainable_seg.annotation.fields import (
    NUMBER,
    check_channel,
    parse_duration,
    quoted,
    read_fields,
)
from explainable_seg.annotation.turns import Turn, annotations_of, turns_by_uri
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_write_text

SUBTYPES = ("adult_male", "adult_female", "child")
UNKNOWN = ("unknown", "NA", "na", "<NA>")  # in place of a value


def read_mdtm(path: str | os.PathLike[str]) -> dict[str, Annotation]:
    """Read an MDTM file.

    Arguments
    ---------
    path : str or os.PathLike
        The file; eight fields a line.

    Returns
    -------
    dict[str, Annotation]
        For each uri, in order of appearance, its turns in seconds, labelled
        with the name, as text. The track of a turn is its line number. Turns
        of no duration are left out, and counted in the log.

    Raises
    ------
    AnnotationError
        If the file cannot be read, or a line has another number of fields,
        another type than ``speaker``, columns in another order, a bad time or
        a negative duration.
    """
    turns = [
        _parse_turn(fields, line, f"{path}:{line}")
        for line, fields in read_fields(path)
    ]
    return annotations_of(path, turns)


def _parse_turn(fields: list[str], line: int, where: str) -> Turn:
    """One line, checked."""
    if len(fields) != 8:
        raise AnnotationError(
            f"expected 8 fields (uri channel start duration type confidence "
            f"subtype name), got {len(fields)}, in {where}; correct the line"
        )
    if fields[4] != "speaker":
        raise AnnotationError(
            f"expected the type speaker, got {quoted(fields[4])}, in {where}; "
            "leave out what is not a speaker turn"
        )
    known = {*SUBTYPES, *UNKNOWN}
    if fields[7] in {*SUBTYPES, "unknown"} and fields[6] not in known:
        raise AnnotationError(
            f"expected a name in column 8, got {quoted(fields[7])} after "
            f"{quoted(fields[6])}, in {where}; check the order of the columns"
        )
    if fields[5] not in UNKNOWN and not NUMBER.fullmatch(fields[5]):
        raise AnnotationError(
            f"expected a number or NA as confidence, got {quoted(fields[5])}, "
            f"in {where}; check the order of the columns"
        )
    check_channel(fields[0], fields[1], where)
    check_channel(fields[7], fields[1], where)
    start, end = parse_duration(fields[2], fields[3], where)
    return Turn(fields[0], fields[1], start, end, fields[7], line)


def write_mdtm(
    path: str | os.PathLike[str],
    annotations: Annotation | Mapping[str, Annotation],
) -> None:
    """Write an MDTM file, whole or not at all; times rounded to 0.1 ms.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write.
    annotations : Annotation or Mapping[str, Annotation]
        One recording, with its ``uri``, or several by uri. Blanks in uris and
        labels become ``_``. Confidence and subtype are written as not known.

    Raises
    ------
    AnnotationError
        If a uri or a label is empty, or a uri would read as a comment.
    """
    lines = []
    for uri, turns in turns_by_uri(annotations, path):
        if uri.startswith(";"):
            raise AnnotationError(
                f"expected a uri that does not start with ';', got '{uri}', "
                f"in {path}; MDTM reads it as a comment: rename the recording"
            )
        for start, end, name in turns:
            lines.append(
                f"{uri} 1 {start:.4f} {end - start:.4f} "
                f"speaker NA unknown {name}\n"
            )
    atomic_write_text(path, "".join(lines))
