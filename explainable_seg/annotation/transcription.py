"""What a transcription of a broadcast says, whatever file it came from.

A transcription marks speaker turns, acoustic backgrounds and events, and the
parts that nobody transcribed. From these follow the times of our classes, and
the times in which each class is annotated at all.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser
from pyannote.core import Annotation, Timeline

from explainable_seg.annotation.fields import unreadable
from explainable_seg.annotation.turns import (
    OVERLAP_FLOOR,
    ClassMapping,
    class_spans,
    common_time,
    overlap_timeline,
    time_without,
)
from explainable_seg.classes import CLASSES
from explainable_seg.errors import AnnotationError

logger = logging.getLogger(__name__)


# Voices in the background are no noise; what they are instead, see below.
BACKGROUND_CLASSES: ClassMapping = {
    "music": ("music",),
    "speech": (),
    "shh": ("noise",),
    "other": ("noise",),
}

# Menu of the editor Transcriber. The first group are sounds of the speaker
# (breath, cough, laughter...), which belong to his turn; the second are marks
# of the transcriber.
SPEAKER_EVENTS = tuple("r i e n pf bb tx bg rire sif".split())
TECHNICAL_EVENTS = tuple("pi pif nontrans".split())
MUSIC_EVENTS = tuple("jingle musique indicatif".split())
NOISE_EVENTS = tuple("ch b conv pap mic shh top".split())
EVENT_CLASSES: ClassMapping = {
    **dict.fromkeys((*SPEAKER_EVENTS, *TECHNICAL_EVENTS), ()),
    **dict.fromkeys(MUSIC_EVENTS, ("music",)),
    **dict.fromkeys(NOISE_EVENTS, ("noise",)),
}


@dataclass(frozen=True)
class Transcription:
    """Turns, backgrounds and events of one recording, times in seconds.

    Arguments
    ---------
    uri : str
        The recording.
    turns : Annotation
        Speaker turns, labelled with the ids of the speakers, which unlike
        their names are unique; who speak together each have the whole turn.
    backgrounds : Annotation
        Backgrounds, labelled ``music``, ``speech``, ``shh`` or ``other``; one
        track for each that is on.
    events : Annotation
        Noise events that have a begin and an end, labelled with what they
        are.
    covered : Timeline
        The time inside turns, with or without speakers.
    nontrans : Timeline
        The sections that were not transcribed, such as advertisements.
    dropped : int
        Turns of no duration that the file held and this object does not.
    """

    uri: str
    turns: Annotation
    backgrounds: Annotation
    events: Annotation
    covered: Timeline
    nontrans: Timeline
    dropped: int = 0


def transcription_spans(
    transcription: Transcription,
    with_background: bool,
    floor: float = OVERLAP_FLOOR,
    where: str | None = None,
) -> tuple[dict[str, Timeline], dict[str, Timeline]]:
    """Time of each class, and the time in which it is annotated.

    ========  ============================  ==================================
    class     where                         annotated inside turns, without
    ========  ============================  ==================================
    speech    a speaker or more             ``nontrans``; background speech
                                            where no turn has a speaker
    overlap   two speakers or more          as speech
    music     background ``music``, events  ``nontrans``
              such as ``jingle``
    noise     background ``shh``,           ``nontrans``; technical events,
              ``other``, events such as     such as ``pi`` (unintelligible)
              ``pap`` (paper)
    ========  ============================  ==================================

    Arguments
    ---------
    transcription : Transcription
        The transcription.
    with_background : bool
        Whether its annotators marked backgrounds and events with care. If
        not, music and noise are unknown, and events are not looked at.
    floor : float
        Overlaps shorter than this are dropped, seconds.
    where : str
        The file, for the message; by default the uri.

    Returns
    -------
    tuple[dict[str, Timeline], dict[str, Timeline]]
        For each class, in our order, its time, and the time in which it is
        annotated; seconds, sorted and disjoint, the former inside the latter.
        A class that is unknown everywhere is in neither dictionary.

    Raises
    ------
    AnnotationError
        If a background or, with backgrounds, an event is none of the known.

    Example
    -------
    >>> from pyannote.core import Segment
    >>> turns = Annotation(uri="show")
    >>> turns[Segment(0, 4), 1] = "Anna"
    >>> transcription = Transcription(
    ...     "show",
    ...     turns=turns,
    ...     backgrounds=Annotation(uri="show"),
    ...     events=Annotation(uri="show"),
    ...     covered=Timeline([Segment(0, 10)], uri="show"),
    ...     nontrans=Timeline([Segment(3, 6)], uri="show"),
    ... )
    >>> spans, annotated = transcription_spans(transcription, False)
    >>> spans["speech"]
    <Timeline(uri=show, segments=[<Segment(0, 3)>])>
    >>> annotated["overlap"]
    <Timeline(uri=show, segments=[<Segment(0, 3)>, <Segment(6, 10)>])>
    """
    where = where or transcription.uri
    backgrounds = class_spans(
        transcription.backgrounds, BACKGROUND_CLASSES, where
    )
    known = time_without(transcription.covered, transcription.nontrans)
    speech = transcription.turns.get_timeline().support()
    voices = _labelled(transcription.backgrounds, ("speech",))
    told = time_without(known, time_without(voices, speech))
    spans = {
        "speech": speech,
        "overlap": overlap_timeline(transcription.turns, floor),
    }
    annotated = {"speech": told, "overlap": told}
    if with_background:
        events = class_spans(transcription.events, EVENT_CLASSES, where)
        technical = _labelled(transcription.events, TECHNICAL_EVENTS)
        for name in ("music", "noise"):
            spans[name] = backgrounds[name].union(events[name])
        annotated["music"] = known
        annotated["noise"] = time_without(known, technical)
    names = [name for name in CLASSES if name in spans]
    return (
        {name: common_time(spans[name], annotated[name]) for name in names},
        {name: annotated[name] for name in names},
    )


def _labelled(annotation: Annotation, labels: tuple[str, ...]) -> Timeline:
    """Time of some labels."""
    return Timeline(
        [
            segment
            for segment, _, label in annotation.itertracks(yield_label=True)
            if label.lower() in labels
        ],
        uri=annotation.uri,
    )


# None: what the file declares. UTF-8 comes before cp1252, which takes nearly
# every byte for a letter, UTF-8's too.
ENCODINGS = (None, "utf-8", "cp1252")


class XmlElement(NamedTuple):
    """An opening tag: its name, its attributes, and its line, from 1.

    Each run of blanks in the value of an attribute is one blank.
    """

    tag: str
    attributes: dict[str, str]
    line: int
    where: str  # file and line, for messages


class _OpeningTags:
    """Target of the parser that keeps opening tags, in one flat list.

    Nothing is nested, so no depth of elements can exhaust the stack.
    """

    def __init__(
        self, path: str | os.PathLike[str], encoding: str | None
    ) -> None:
        self.path = path
        self.elements: list[XmlElement] = []
        self.parser = XMLParser(target=self, encoding=encoding)
        # Not those that a DTD gives by default, to each element once more: a
        # few lines can make gigabytes.
        self.parser.parser.specified_attributes = True

    @property
    def line(self) -> int:
        """Where the parser stands."""
        return self.parser.parser.CurrentLineNumber

    @property
    def where(self) -> str:
        """The same with the file, for messages."""
        return f"{self.path}:{self.line}"

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Called by the parser for each opening tag."""
        values = {
            name: " ".join(value.split()) for name, value in attributes.items()
        }
        self.elements.append(XmlElement(tag, values, self.line, self.where))


def read_elements(path: str | os.PathLike[str], root: str) -> list[XmlElement]:
    """Elements of an XML file, in the order of their opening tags.

    The file is read as bytes, so that its XML declaration decides the
    encoding. If it cannot be parsed so, as the declaration is wrong in many
    archives, UTF-8 and then cp1252 are tried, and the log says which was
    used. A ``DOCTYPE`` may name an external DTD, which is not fetched, and
    defaults of attributes, which are not filled in.

    Arguments
    ---------
    path : str or os.PathLike
        The file.
    root : str
        Name that its outermost element must have.

    Returns
    -------
    list[XmlElement]
        Names, attributes and lines.

    Raises
    ------
    AnnotationError
        If the file cannot be read, is no well-formed XML, has another
        outermost element, or declares an entity: a few lines of these can
        expand to gigabytes, or name files of the reader's.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None
    elements = _parse_any(content, path)
    if elements[0].tag != root:
        raise AnnotationError(
            f"expected an outermost element {root}, got {elements[0].tag}, "
            f"in {elements[0].where}; check the format of the file"
        )
    return elements


def _parse_any(
    content: bytes, path: str | os.PathLike[str]
) -> list[XmlElement]:
    """Elements, in the first encoding in which the file can be parsed."""
    failures = []
    for encoding in ENCODINGS:
        tags = _OpeningTags(path, encoding)
        try:
            tags.parser.feed(content)
            tags.parser.close()
        except DefusedXmlException:
            raise AnnotationError(
                f"expected XML without entities, got a declaration of one, "
                f"in {tags.where}; remove it"
            ) from None
        # Codecs that Python does not know, or that are no character sets,
        # give the latter two.
        except (ParseError, LookupError, ValueError) as error:
            failures.append(f"got '{error}', in {tags.where}")
        else:
            if encoding is not None:
                logger.warning(
                    "%s: read as %s, not as its XML declaration says",
                    path,
                    encoding,
                )
            return tags.elements
    raise AnnotationError(
        f"expected well-formed XML, {failures[0]}; correct the file, or copy "
        "it again"
    )
