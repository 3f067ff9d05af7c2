"""Labelled spans, between the lines of a file and the objects of pyannote."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pyannote.core import Annotation, Segment

from explainable_seg.annotation.fields import writable_field
from explainable_seg.annotation.rttm_text import rounded_rows

logger = logging.getLogger(__name__)


class Turn(NamedTuple):
    """One line: times in seconds, label as text, line (or running) number."""

    uri: str
    channel: str
    start: float
    end: float
    label: str
    line: int


def add_turn(
    annotation: Annotation, segment: Segment, line: int, label: str
) -> None:
    """Add a turn whose track is its line number.

    One line may give two turns over the same time, such as two speakers of
    one element; the tracks of the others are ``<line>:<label>``.

    Arguments
    ---------
    annotation : Annotation
        Where to add it.
    segment : Segment
        Its time.
    line : int
        Its line.
    label : str
        Its label.

    Example
    -------
    >>> annotation = Annotation()
    >>> add_turn(annotation, Segment(0, 1), 7, "Anna")
    >>> add_turn(annotation, Segment(0, 1), 7, "Ben")
    >>> [track for _, track in annotation.itertracks()]
    [7, '7:Ben']
    """
    taken = annotation.has_track(segment, line)
    annotation[segment, f"{line}:{label}" if taken else line] = label


def annotations_of(
    path: str | os.PathLike[str], turns: Iterable[Turn], skipped: int = 0
) -> dict[str, Annotation]:
    """Turns of a file by recording.

    Arguments
    ---------
    path : str or os.PathLike
        The file, for the log.
    turns : Iterable[Turn]
        Its turns. Those of no duration are left out, and counted in the log.
    skipped : int
        Lines that hold no turn, for the log.

    Returns
    -------
    dict[str, Annotation]
        For each uri, in order of appearance, its turns in seconds; the track
        of a turn is its line number.
    """
    annotations: dict[str, Annotation] = {}
    channels: dict[str, set[str]] = {}
    empty: list[int] = []
    for turn in turns:
        segment = Segment(turn.start, turn.end)
        if not segment:
            empty.append(turn.line)
            continue
        annotation = annotations.setdefault(turn.uri, Annotation(uri=turn.uri))
        add_turn(annotation, segment, turn.line, turn.label)
        channels.setdefault(turn.uri, set()).add(turn.channel)
    for uri, found in channels.items():
        if len(found) > 1:
            logger.warning(
                "%s: channels %s of %s are read as one recording",
                path,
                " ".join(sorted(found)),
                uri,
            )
    if empty:
        logger.warning(
            "%s: left out %d turns of no duration, the first in line %d",
            path,
            len(empty),
            empty[0],
        )
    if skipped:
        logger.info("%s: skipped %d lines that hold no turn", path, skipped)
    return annotations


def annotation_of(
    path: str | os.PathLike[str],
    uri: str,
    rows: Iterable[tuple[float, float, str, int]],
) -> Annotation:
    """Labelled spans of a file that speaks of one recording.

    Arguments
    ---------
    path : str or os.PathLike
        The file, for the log.
    uri : str
        The recording.
    rows : Iterable[tuple[float, float, str, int]]
        Start and end in seconds, label, and line number.

    Returns
    -------
    Annotation
        The spans, possibly none; the track of a span is its line number.
    """
    turns = (Turn(uri, "1", *row) for row in rows)
    return annotations_of(path, turns).get(uri, Annotation(uri=uri))


def rounded_turns(
    annotation: Annotation, path: str | os.PathLike[str]
) -> list[tuple[float, float, str]]:
    """Turns as they are to be written: :func:`.rttm_text.rounded_rows`.

    Arguments
    ---------
    annotation : Annotation
        The turns.
    path : str or os.PathLike
        The file to write, for the message.

    Returns
    -------
    list[tuple[float, float, str]]
        Start and end in seconds, and the label, its blanks replaced.

    Raises
    ------
    AnnotationError
        If a label is empty.
    """
    return rounded_rows(
        (
            (segment.start, segment.end, str(label))
            for segment, _, label in annotation.itertracks(yield_label=True)
        ),
        path,
    )


def turns_by_uri(
    annotations: Annotation | Mapping[str, Annotation],
    path: str | os.PathLike[str],
) -> Iterator[tuple[str, list[tuple[float, float, str]]]]:
    """Recordings and turns as they are to be written, sorted.

    Arguments
    ---------
    annotations : Annotation or Mapping[str, Annotation]
        One recording, with its ``uri``, or several by uri.
    path : str or os.PathLike
        The file to write, for the message.

    Yields
    ------
    tuple[str, list[tuple[float, float, str]]]
        The uri, its blanks replaced, and :func:`rounded_turns`.

    Raises
    ------
    AnnotationError
        If a uri or a label is empty.
    """
    if isinstance(annotations, Annotation):
        annotations = {annotations.uri or "": annotations}
    for uri in sorted(annotations):
        yield (
            writable_field(uri, "uri", path),
            rounded_turns(annotations[uri], path),
        )
