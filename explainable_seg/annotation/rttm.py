"""RTTM: one line a turn, with its onset and its duration.

``SPEAKER <uri> <channel> <onset> <duration> <NA> <NA> <label> <NA> <NA>``
(NIST Rich Transcription, 2009 evaluation plan, appendix A). The uri in column
2 decides which recording a line belongs to, not the name of the file.
"""

import logging
import os
from collections import Counter
from collections.abc import Mapping

from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation.fields import (
    NUMBER,
    UNWRITTEN,
    check_channel,
    parse_duration,
    parse_span,
    quoted,
    read_fields,
    speaker_lines,
    uri_of,
    without_audio_suffix,
    writable_field,
)
from explainable_seg.annotation.turns import (
    Turn,
    annotation_of,
    annotations_of,
    rounded_turns,
    turns_by_uri,
)
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_write_text

logger = logging.getLogger(__name__)

# The other line types of the NIST format. The first group speaks of time, so
# that whoever wrote it should hear that we do not read it.
SPEAKING = frozenset("NOSCORE NO_RT_METADATA NON-SPEECH SEGMENT".split())
SILENT_TYPES = frozenset(
    "LEXEME NON-LEX FILLER EDIT SU IP CB A/P SPKR-INFO".split()
)
# What NIST's lines have in column 7, between the orthography and the name.
RTTM_SUBTYPES = frozenset(
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
            turns.append(_parse_rttm_turn(fields, line, where))
        elif fields[0] in SPEAKING | SILENT_TYPES:
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
    return annotations_of(
        path, turns, sum(others[kind] for kind in SILENT_TYPES)
    )


def _parse_rttm_turn(fields: list[str], line: int, where: str) -> Turn:
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
    shifted = len(fields) == 9 and fields[6].lower() not in RTTM_SUBTYPES
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


MDTM_SUBTYPES = ("adult_male", "adult_female", "child")
NO_VALUE = ("unknown", "NA", "na", "<NA>")  # in place of a value


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
        _parse_mdtm_turn(fields, line, f"{path}:{line}")
        for line, fields in read_fields(path)
    ]
    return annotations_of(path, turns)


def _parse_mdtm_turn(fields: list[str], line: int, where: str) -> Turn:
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
    known = {*MDTM_SUBTYPES, *NO_VALUE}
    if fields[7] in {*MDTM_SUBTYPES, "unknown"} and fields[6] not in known:
        raise AnnotationError(
            f"expected a name in column 8, got {quoted(fields[7])} after "
            f"{quoted(fields[6])}, in {where}; check the order of the columns"
        )
    if fields[5] not in NO_VALUE and not NUMBER.fullmatch(fields[5]):
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
