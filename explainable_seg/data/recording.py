"""A recording as a preparation reads it, checked, before anything is written."""

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation.classes import ClassMapping, class_spans
from explainable_seg.annotation.overlap import overlap_timeline
from explainable_seg.annotation.timelines import common_time, time_without
from explainable_seg.audio.files import AudioHeader
from explainable_seg.classes import CLASSES, KNOWN_LABELS
from explainable_seg.errors import AnnotationError, CorpusError

logger = logging.getLogger(__name__)
Entry = TypeVar("Entry")

EXCESS = 0.05  # seconds that rounding may put a turn outside its recording


@dataclass(frozen=True)
class Recording:
    """A recording: its audio, and what is known of it.

    Arguments
    ---------
    uri : str
        Its identifier.
    wav : Path
        The audio file.
    header : AudioHeader
        Rate and length of the file.
    spans : dict[str, Timeline]
        For each annotated class its time inside ``annotated``, seconds.
    annotated : dict[str, Timeline]
        For each annotated class the time in which it is annotated; a class
        that is missing here is unknown from start to end.

    Raises
    ------
    ValueError
        If a class is heard where it is not annotated: a preparation is wrong.
    """

    uri: str
    wav: Path
    header: AudioHeader
    spans: dict[str, Timeline]
    annotated: dict[str, Timeline]

    def __post_init__(self) -> None:
        """Refuse what would be written as known, but is not."""
        for name, heard in self.spans.items():
            known = self.annotated.get(name)
            if known is None or time_without(heard, known):
                raise ValueError(f"{self.uri}: {name} outside its known time")
        if set(self.annotated) != set(self.spans):
            raise ValueError(f"{self.uri}: a known class without its time")


def make_recording(
    uri: str,
    wav: Path,
    header: AudioHeader,
    spans: Mapping[str, Timeline],
    annotated: Timeline | Mapping[str, Timeline] | None = None,
) -> Recording:
    """A recording whose classes are known inside the given time only.

    Arguments
    ---------
    uri : str
        Its identifier.
    wav : Path
        The audio file.
    header : AudioHeader
        Rate and length of the file.
    spans : Mapping[str, Timeline]
        For each annotated class its time, seconds.
    annotated : Timeline or Mapping[str, Timeline], optional
        Where all of them, or each of them, are annotated; by default from the
        start of the audio to its end.

    Returns
    -------
    Recording
    """
    whole = Timeline([Segment(0.0, header.duration)], uri=uri)
    if annotated is None:
        annotated = whole
    if isinstance(annotated, Timeline):
        annotated = dict.fromkeys(spans, annotated)
    cropped = {
        name: common_time(annotated[name], whole)
        for name in CLASSES
        if name in spans
    }
    known = {name: time for name, time in cropped.items() if time}
    inside = {name: common_time(spans[name], known[name]) for name in known}
    return Recording(uri, wav, header, inside, known)


def speaker_spans(turns: Annotation, where: str) -> dict[str, Timeline]:
    """Speech and overlapped speech of turns labelled with speakers.

    Arguments
    ---------
    turns : Annotation
        Turns, whose labels are speakers.
    where : str
        The annotation file, for the message.

    Returns
    -------
    dict[str, Timeline]
        Time of ``speech`` and of ``overlap``, seconds.

    Raises
    ------
    AnnotationError
        If a label is one of our classes: such a file says what is heard, not
        who speaks, and its music would become speech.

    Example
    -------
    >>> turns = Annotation(uri="show")
    >>> turns[Segment(0.0, 2.0), 1] = "Anna"
    >>> speaker_spans(turns, "show.rttm")["speech"].duration()
    2.0
    """
    labels = {str(label).lower() for label in turns.labels()}
    classes = sorted(labels & set(KNOWN_LABELS))
    if classes:
        raise AnnotationError(
            f"expected labels that are speakers, got '{classes[0]}', in "
            f"{where}; these are annotations of classes, not of speakers"
        )
    return {
        "speech": turns.get_timeline(copy=False).support(),
        "overlap": overlap_timeline(turns),
    }


def listed_spans(
    turns: Annotation, mapping: ClassMapping, where: str
) -> dict[str, Timeline]:
    """Time of the classes that a user listed; the log counts other turns.

    Arguments
    ---------
    turns : Annotation
        Turns, whose labels are classes.
    mapping : Mapping[str, tuple[str, ...]]
        From :func:`~explainable_seg.annotation.classes.label_mapping`.
    where : str
        The annotation file, for the message.

    Returns
    -------
    dict[str, Timeline]
        As :func:`~explainable_seg.annotation.classes.class_spans`.

    Raises
    ------
    AnnotationError
        If a label is no class.
    """
    spans = class_spans(turns, mapping, where)
    for label in turns.labels():
        if not mapping[str(label).lower()]:
            logger.info(
                "%s: %d turns of '%s', which is not among the labels, are "
                "passed over",
                where,
                len(turns.label_timeline(label)),
                label,
            )
    return spans


def only_entry(
    entries: Mapping[str, Entry],
    uri: str,
    path: str | os.PathLike[str],
    what: str = "turns",
) -> Entry:
    """What a file says of its recording; it is to speak of no other.

    Lines of a misspelt uri would be lost, and their time count as silence.

    Arguments
    ---------
    entries : Mapping[str, Entry]
        For each uri of the file its entry.
    uri : str
        The recording.
    path : str or os.PathLike
        The file, for the message.
    what : str
        What entries are, for the message.

    Returns
    -------
    Entry

    Raises
    ------
    CorpusError
        If the file says nothing of the recording, or something of another.
    """
    if set(entries) != {uri}:
        others = [other for other in entries if other != uri]
        raise CorpusError(
            f"expected {what} of {uri} alone, got "
            f"{' '.join(others[:9]) or 'none'}, in {path}; correct the uri"
        )
    return entries[uri]


def clip_turns(
    annotation: Annotation, duration: float, where: str
) -> Annotation:
    """Turns cut to ``[0, duration]``.

    Arguments
    ---------
    annotation : Annotation
        Turns, whose tracks are line numbers.
    duration : float
        Duration of the recording, seconds.
    where : str
        The annotation file, for the message.

    Returns
    -------
    Annotation
        The same turns inside the recording. Up to 0.05 s of excess, which
        rounding causes, is cut off and logged.

    Raises
    ------
    AnnotationError
        If a turn reaches further out.
    """
    check_extent(annotation.itertracks(), duration, where)
    clipped = Annotation(uri=annotation.uri)
    cut = 0
    for segment, line, label in annotation.itertracks(yield_label=True):
        inside = Segment(max(0.0, segment.start), min(duration, segment.end))
        cut += inside != segment
        clipped[inside, line] = label
    if cut:
        logger.warning("%s: cut %d turns to 0 .. %.3f s", where, cut, duration)
    return clipped


def check_extent(
    tracks: Iterable[tuple[Segment, object]], duration: float, where: str
) -> None:
    """Raise if a segment reaches more than 0.05 s out of its recording.

    Arguments
    ---------
    tracks : Iterable[tuple[Segment, object]]
        Segments in seconds, each with the number of its line.
    duration : float
        Duration of the recording, seconds.
    where : str
        The annotation file, for the message.

    Raises
    ------
    AnnotationError
        If one does.
    """
    for segment, line in tracks:
        if max(-segment.start, segment.end - duration) > EXCESS:
            place = f"{where}:{line}" if isinstance(line, int) else where
            raise AnnotationError(
                f"expected times within 0 to {duration:.3f} s, got "
                f"{segment.start:.3f} to {segment.end:.3f} s, in {place}; "
                "check that audio and annotation belong together"
            )
