"""RTTM: one line a turn, with its onset and its duration.

``SPEAKER <uri> <channel> <onset> <duration> <NA> <NA> <label> <NA> <NA>``
(NIST Rich Transcription, 2009 evaluation plan, appendix A). The uri in column
2 decides which recording a line belongs to, not the name of the file.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pyannote.core import Annotation, Segment

from explainable_seg.annotation.fields import (
    blanks_replaced,
    parse_seconds,
    read_fields,
)
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_write_text

logger = logging.getLogger(__name__)

# Line types of the NIST format that say nothing about who or what is heard.
OTHER_TYPES = frozenset(
    "SEGMENT NOSCORE NO_RT_METADATA LEXEME NON-LEX NON-SPEECH FILLER EDIT SU "
    "IP CB A/P SPKR-INFO".split()
)


class Turn(NamedTuple):
    """One SPEAKER line: times in seconds, label as text, line number."""

    uri: str
    channel: str
    start: float
    end: float
    label: str
    line: int


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
        For each uri, in order of appearance, its turns in seconds.

    Raises
    ------
    AnnotationError
        If the file cannot be read, or a line has another number of fields, a
        bad number or a negative duration, or no line is an RTTM line.
    """
    annotations: dict[str, Annotation] = {}
    channels: dict[str, set[str]] = {}
    for turn in read_turns(path):
        if turn.uri not in annotations:
            annotations[turn.uri] = Annotation(uri=turn.uri)
        segment = Segment(turn.start, turn.end)
        annotations[turn.uri][segment, turn.line] = turn.label
        channels.setdefault(turn.uri, set()).add(turn.channel)
    for uri, found in channels.items():
        if len(found) > 1:
            logger.warning(
                "%s: channels %s of %s are read as one recording",
                path,
                " ".join(sorted(found)),
                uri,
            )
    return annotations


def read_turns(path: str | os.PathLike[str]) -> Iterator[Turn]:
    """SPEAKER lines of an RTTM file, in the order of the file.

    Arguments
    ---------
    path : str or os.PathLike
        The file.

    Yields
    ------
    Turn
        A turn longer than zero.

    Raises
    ------
    AnnotationError
        As :func:`read_rttm`.
    """
    turns, unknown, skipped = 0, 0, 0
    for line, fields in read_fields(path):
        if fields[0] != "SPEAKER":
            skipped += 1
            unknown += fields[0] not in OTHER_TYPES
            continue
        turn = _parse_turn(fields, line, f"{path}:{line}")
        turns += 1
        if turn.end > turn.start:
            yield turn
        else:
            skipped += 1
    if unknown and not turns:
        raise AnnotationError(
            f"expected RTTM lines that start with SPEAKER, got none, in "
            f"{path}; check the format of the file"
        )
    if skipped:
        logger.info("%s: skipped %d lines that hold no turn", path, skipped)


def _parse_turn(fields: list[str], line: int, where: str) -> Turn:
    """One SPEAKER line, checked."""
    if len(fields) not in (9, 10):
        raise AnnotationError(
            f"expected 9 or 10 fields in a SPEAKER line, got {len(fields)}, "
            f"in {where}; a label must not hold blanks"
        )
    onset = parse_seconds(fields[3], "onset", where)
    duration = parse_seconds(fields[4], "duration", where)
    if duration < 0:
        raise AnnotationError(
            f"expected a duration of 0 s or more, got {fields[4]}, "
            f"in {where}; columns 4 and 5 are onset and duration"
        )
    # Rounding makes turns that touch in the file touch in memory.
    end = round(onset + duration, 6)
    return Turn(fields[1], fields[2], onset, end, fields[7], line)


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
    if isinstance(annotations, Annotation):
        annotations = {annotations.uri or "": annotations}
    lines = []
    for uri in sorted(annotations):
        name = _field(uri, "uri", path)
        turns = sorted(
            (round(segment.start, 4), round(segment.end, 4), str(label))
            for segment, _, label in annotations[uri].itertracks(
                yield_label=True
            )
        )
        for start, end, label in turns:
            if end > start:
                lines.append(
                    f"SPEAKER {name} 1 {start:.4f} {end - start:.4f} "
                    f"<NA> <NA> {_field(label, 'label', path)} <NA> <NA>\n"
                )
    atomic_write_text(path, "".join(lines))


def _field(text: str, name: str, path: str | os.PathLike[str]) -> str:
    """A text that fits in one field of the file."""
    field = blanks_replaced(text)
    if not field:
        raise AnnotationError(
            f"expected a {name} to write, got an empty one, in {path}; "
            f"give every recording and turn its {name}"
        )
    return field
