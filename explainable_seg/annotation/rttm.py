"""RTTM: one line a turn, with its onset and its duration.

``SPEAKER <uri> <channel> <onset> <duration> <NA> <NA> <label> <NA> <NA>``
(NIST Rich Transcription, 2009 evaluation plan, appendix A). The uri in column
2 decides which recording a line belongs to, not the name of the file.
"""

import os
from collections.abc import Mapping

from pyannote.core import Annotation

from explainable_seg.annotation.fields import parse_duration, read_fields
from explainable_seg.annotation.rttm_text import speaker_lines
from explainable_seg.annotation.turns import Turn, annotations_of, turns_by_uri
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_write_text

# Line types of the NIST format that say nothing about who or what is heard.
OTHER_TYPES = frozenset(
    "SEGMENT NOSCORE NO_RT_METADATA LEXEME NON-LEX NON-SPEECH FILLER EDIT SU "
    "IP CB A/P SPKR-INFO".split()
)


def read_rttm(path: str | os.PathLike[str]) -> dict[str, Annotation]:
    """Read an RTTM file.

    Labels are kept as text, exactly as in column 8 (``NA``, ``nan`` and ``17``
    are names too). The track of a turn is its line number, so that later
    checks can name the line. Lines of other types and turns of no duration
    are skipped, and counted in the log.

    Arguments
    ---------
    path : str or os.PathLike
        The file; nine or ten fields a line.

    Returns
    -------
    dict[str, Annotation]
        For each uri, in order of appearance, its turns in seconds. Onsets
        before 0 are kept: only who knows the recording can clip them.

    Raises
    ------
    AnnotationError
        If the file cannot be read, or a line has another number of fields, a
        bad number or a negative duration, or no line is an RTTM line.
    """
    turns, unknown, skipped = [], 0, 0
    for line, fields in read_fields(path):
        if fields[0] == "SPEAKER":
            turns.append(_parse_turn(fields, line, f"{path}:{line}"))
        else:
            skipped += 1
            unknown += fields[0] not in OTHER_TYPES
    if unknown and not turns:
        raise AnnotationError(
            f"expected RTTM lines that start with SPEAKER, got none, in "
            f"{path}; check the format of the file"
        )
    return annotations_of(path, turns, skipped)


def _parse_turn(fields: list[str], line: int, where: str) -> Turn:
    """One SPEAKER line, checked."""
    if len(fields) not in (9, 10):
        raise AnnotationError(
            f"expected 9 or 10 fields in a SPEAKER line, got {len(fields)}, "
            f"in {where}; a label must not hold blanks"
        )
    start, end = parse_duration(fields[3], fields[4], where)
    return Turn(fields[1], fields[2], start, end, fields[7], line)


def write_rttm(
    path: str | os.PathLike[str],
    annotations: Annotation | Mapping[str, Annotation],
) -> None:
    """Write an RTTM file, whole or not at all.

    Turns are sorted. Both ends of a turn are rounded to 0.1 ms, which writes
    the boundaries of the frame grid (odd multiples of 2.5 ms) exactly and
    lets no two turns touch or part by the rounding of a duration. A turn
    shorter than that is left out.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write.
    annotations : Annotation or Mapping[str, Annotation]
        One recording, with its ``uri``, or several by uri. Blanks in uris and
        labels become ``_``.

    Raises
    ------
    AnnotationError
        If a uri or a label is empty.
    """
    lines = [
        speaker_lines(uri, turns)
        for uri, turns in turns_by_uri(annotations, path)
    ]
    atomic_write_text(path, "".join(lines))
