"""RTTM: one line a turn, with its onset and its duration.

``SPEAKER <uri> <channel> <onset> <duration> <NA> <NA> <label> <NA> <NA>``
(NIST Rich Transcription, 2009 evaluation plan, appendix A). The uri in column
2 decides which recording a line belongs to, not the name of the file.
"""

import logging
import os
from collections import Counter
from collections.abc import Mapping

from pyannote.core import Annotation

from explainable_seg.annotation.fields import (
    UNWRITTEN,
    check_channel,
    parse_duration,
    quoted,
    read_fields,
)
from explainable_seg.annotation.rttm_text import speaker_lines
from explainable_seg.annotation.turns import Turn, annotations_of, turns_by_uri
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_write_text

logger = logging.getLogger(__name__)

# The other line types of the NIST format. The first group speaks of time, so
# that whoever wrote it should hear that we do not read it.
SPEAKING = frozenset("NOSCORE NO_RT_METADATA NON-SPEECH SEGMENT".split())
SILENT = frozenset("LEXEME NON-LEX FILLER EDIT SU IP CB A/P SPKR-INFO".split())
# What NIST's lines have in column 7, between the orthography and the name.
SUBTYPES = frozenset(
    "<NA> NA unknown adult_male adult_female child".lower().split()
)


def read_rttm(path: str | os.PathLike[str]) -> dict[str, Annotation]:
    """Read an RTTM file.

    Labels are kept as text, exactly as in column 8 (``NA``, ``nan`` and ``17``
    are names too), but for accents, which are composed. The track of a turn is
    its line number, so that later checks can name the line. Lines of the other
    types of the NIST format and turns of no duration are left out, and counted
    in the log.

    Arguments
    ---------
    path : str or os.PathLike
        The file; nine or ten fields a line.

    Returns
    -------
    dict[str, Annotation]
        For each uri, in order of appearance, its turns in seconds. Onsets
        before 0 by rounding are kept: only who knows the recording can clip
        them.

    Raises
    ------
    AnnotationError
        If the file cannot be read, or a line has a type that the format does
        not know, another number of fields, columns in another order, no
        label, a bad time or a negative duration.
    """
    turns: list[Turn] = []
    others: Counter[str] = Counter()
    for line, fields in read_fields(path):
        where = f"{path}:{line}"
        if fields[0] == "SPEAKER":
            turns.append(_parse_turn(fields, line, where))
        elif fields[0] in SPEAKING | SILENT:
            others[fields[0]] += 1
        else:
            raise AnnotationError(
                f"expected RTTM lines that start with SPEAKER, got "
                f"{quoted(fields[0])}, in {where}; correct the type of the "
                "line, or put ;; before a comment"
            )
    for kind in sorted(SPEAKING & set(others)):
        logger.warning(
            "%s: left out %d lines of type %s; say in a UEM file what is "
            "annotated",
            path,
            others[kind],
            kind,
        )
    return annotations_of(path, turns, sum(others[kind] for kind in SILENT))


def _parse_turn(fields: list[str], line: int, where: str) -> Turn:
    """One SPEAKER line, checked."""
    if len(fields) not in (9, 10):
        raise AnnotationError(
            f"expected 9 or 10 fields in a SPEAKER line, got {len(fields)}, "
            f"in {where}; a label must not hold blanks"
        )
    uri, channel, label = fields[1], fields[2], fields[7]
    check_channel(uri, channel, where)
    start, end = parse_duration(fields[3], fields[4], where)
    # With nine fields, one may be missing in front of the label.
    shifted = len(fields) == 9 and fields[6].lower() not in SUBTYPES
    if label == UNWRITTEN or shifted:
        raise AnnotationError(
            f"expected a label in column 8, got {quoted(label)} after "
            f"{quoted(fields[6])}, in {where}; write <NA> where a column is "
            "empty"
        )
    return Turn(uri, channel, start, end, label, line)


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
