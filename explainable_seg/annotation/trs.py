"""TRS: the files of the editor Transcriber, read.

::

    <Trans audio_filename="show"> <Speakers> <Speaker id="spk1"/> </Speakers>
    <Episode> <Section type="report" startTime="0" endTime="9">
    <Turn speaker="spk1" startTime="0" endTime="9"> <Sync time="0"/> bonjour
    <Background time="6" type="music other" level="high"/>
    <Event desc="pap" type="noise" extent="begin"/> ...

Sections hold turns, which follow each other; text and marks stand inside the
turns. ``Sync`` is a point in time, ``Background`` a change of state at its own
time, ``Event`` has no time but its position in the text.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation.fields import (
    SHOWN,
    composed,
    parse_seconds,
    parse_span,
    quoted,
    uri_of,
)
from explainable_seg.annotation.transcription import (
    BACKGROUND_CLASSES,
    Transcription,
    XmlElement,
    read_elements,
)
from explainable_seg.annotation.turns import add_turn
from explainable_seg.errors import AnnotationError

logger = logging.getLogger(__name__)

# The words of trans-14.dtd, where what we read depends on them.
SECTION_TYPES = ("report", "nontrans", "filler")
LEVELS = ("high", "low", "off")
EVENT_TYPES = ("noise", "lexical", "pronounce", "language", "entities")
EXTENTS = ("begin", "end", "previous", "next", "instantaneous")
# Its elements and their attributes; those of XML itself, xml:lang, are free.
ATTRIBUTES = {
    "Trans": (
        "audio_filename",
        "scribe",
        "version",
        "version_date",
        "elapsed_time",
    ),
    "Speakers": (),
    "Speaker": (
        "id",
        "name",
        "check",
        "type",
        "dialect",
        "accent",
        "scope",
    ),
    "Topics": (),
    "Topic": (
        "id",
        "desc",
    ),
    "Episode": (
        "program",
        "air_date",
    ),
    "Section": (
        "type",
        "topic",
        "startTime",
        "endTime",
    ),
    "Turn": (
        "speaker",
        "startTime",
        "endTime",
        "mode",
        "fidelity",
        "channel",
    ),
    "Sync": ("time",),
    "Background": (
        "time",
        "type",
        "level",
    ),
    "Who": ("nb",),
    "Vocal": ("desc",),
    "Event": (
        "type",
        "extent",
        "desc",
    ),
    "Comment": ("desc",),
}
OF_XML = "{http://www.w3.org/XML/1998/namespace}"
TIMES = {"startTime", "endTime", "time", "speaker"}
LISTED = 10  # words that a message lists


class _Turn(NamedTuple):
    """A Turn element: times, ids, its line, and the elements after it."""

    start: float
    end: float
    speakers: tuple[str, ...]
    line: int
    inside: list[XmlElement]


def read_trs(path: str | os.PathLike[str]) -> Transcription:
    """Read a TRS file.

    Turns may be unsorted and may leave gaps. Those of no duration are left
    out and counted; marks inside them hold nevertheless. The text is ignored.

    A background lasts until the next mark, across turns and sections, or
    until the end of the last turn; level ``off`` means none, a missing level
    means on.

    An event begins at the last ``Sync`` before its begin mark inside the
    turn, else at the start of that turn; it ends at the first ``Sync`` after
    its end mark inside the turn, else at the end of that turn. An end mark
    closes the last open begin mark with the same ``desc``. Marks without a
    partner give nothing, and are counted in the log.

    Arguments
    ---------
    path : str or os.PathLike
        The file. The recording is named after it: ``audio_filename`` is often
        that of another one.

    Returns
    -------
    Transcription
        Times in seconds. The track of a turn, background or event is the line
        of its element, or ``<line>:<label>`` where a line gives several over
        the same time.

    Raises
    ------
    AnnotationError
        If the file is no XML or no TRS, has an element or an attribute that
        may be a misspelt one of its DTD (a turn without its ``speaker`` would
        be silence), or if an element that we read lacks an attribute, has a
        bad time, an end before its start, a word that its DTD does not know,
        or a speaker that ``Speakers`` does not declare.
    """
    elements = read_elements(path, "Trans")
    _check_names(elements, path)
    uri = uri_of(path)
    turns = sorted(_read_turns(elements), key=lambda turn: turn[:2])
    covered = Timeline([Segment(*turn[:2]) for turn in turns], uri=uri)
    dropped = sum(not Segment(*turn[:2]) for turn in turns)
    if dropped:
        logger.warning("%s: dropped %d turns of no duration", path, dropped)
    end = covered.extent().end if covered else 0.0
    return Transcription(
        uri,
        _speaker_turns(turns, uri),
        _backgrounds(elements, end, uri),
        _events(turns, uri, path),
        covered.support(),
        _nontrans(elements, uri),
        dropped,
    )


def _check_names(
    elements: Iterable[XmlElement], path: str | os.PathLike[str]
) -> None:
    """Raise if a name may be a misspelt one of ours; log the other strange.

    Archives hold files with additions that say nothing to us. But an element
    with a time, an attribute that is nearly spelt as one of ours, or whose
    value is a word of one that is missing, is taken for a mistake.
    """
    optional = {
        ("Turn", "speaker"): _declared(elements),
        ("Section", "type"): SECTION_TYPES,
        ("Background", "level"): LEVELS,
        ("Event", "type"): EVENT_TYPES,
        ("Event", "extent"): EXTENTS,
    }
    strange: set[str] = set()
    for element in elements:
        if element.tag not in ATTRIBUTES:
            wrong = not TIMES.isdisjoint(element.attributes)
            _check_name(element.tag, ATTRIBUTES, wrong, strange, element)
            continue
        known = ATTRIBUTES[element.tag]
        for name, value in element.attributes.items():
            if name not in known and not name.startswith(OF_XML):
                wrong = any(
                    tag == element.tag
                    and missing not in element.attributes
                    and {*value.lower().split()} <= {*words}
                    for (tag, missing), words in optional.items()
                )
                _check_name(name, known, wrong, strange, element)
    if strange:
        logger.warning(
            "%s: passed over what TRS does not know: %s",
            path,
            " ".join(map(quoted, sorted(strange))),
        )


def _check_name(
    name: str,
    known: Collection[str],
    wrong: bool,
    strange: set[str],
    element: XmlElement,
) -> None:
    """Raise if an unknown name is a mistake; else add it to the strange."""
    if name in strange and not wrong:
        return
    lower = {word.lower() for word in known}
    close = get_close_matches(name.lower()[:SHOWN], lower)
    if wrong or close or len(strange) == LISTED:
        raise AnnotationError(
            f"expected a name among {' '.join(known) or 'none'}, got "
            f"{quoted(name)}, in {element.where}; correct it, or remove it"
        )
    strange.add(name)


def _declared(elements: Iterable[XmlElement]) -> set[str]:
    """Ids of the speakers, in lower case, as far as they have one."""
    return {
        composed(element.attributes.get("id", "")).lower()
        for element in elements
        if element.tag == "Speaker"
    }


def _read_turns(elements: Iterable[XmlElement]) -> list[_Turn]:
    """Turns in the order of the file."""
    declared: set[str] = set()
    turns: list[_Turn] = []
    for element in elements:
        if element.tag == "Speaker":
            declared.add(composed(_text(element, "id")))
        elif element.tag == "Turn":
            ids = composed(element.attributes.get("speaker", "")).split()
            # An attribute that holds a name, not an id, would be read as two
            # speakers that overlap.
            for speaker in ids:
                _check_word(speaker, declared, "speaker", element)
            speakers = tuple(dict.fromkeys(ids))
            turns.append(_Turn(*_span(element), speakers, element.line, []))
        elif turns:
            turns[-1].inside.append(element)
    return turns


def _speaker_turns(turns: Iterable[_Turn], uri: str) -> Annotation:
    """Turns with speakers, one track a speaker."""
    annotation = Annotation(uri=uri)
    for turn in turns:
        for speaker in turn.speakers:
            segment = Segment(turn.start, turn.end)
            add_turn(annotation, segment, turn.line, speaker)
    return annotation


def _backgrounds(
    elements: Iterable[XmlElement], end: float, uri: str
) -> Annotation:
    """Backgrounds that are on, each until the next mark or the end."""
    marks = sorted(
        (
            (_time(element), element)
            for element in elements
            if element.tag == "Background"
        ),
        key=lambda mark: mark[0],
    )
    following = [min(time, end) for time, _ in marks[1:]] + [end]
    annotation = Annotation(uri=uri)
    for (time, element), until in zip(marks, following):
        types = _text(element, "type").lower().split()
        for word in types:
            _check_word(word, BACKGROUND_CLASSES, "type", element)
        if _word(element, "level", LEVELS, "high") != "off":
            for word in dict.fromkeys(types):
                add_turn(annotation, Segment(time, until), element.line, word)
    return annotation


def _events(
    turns: Iterable[_Turn], uri: str, path: str | os.PathLike[str]
) -> Annotation:
    """Noise events from their begin marks to their end marks."""
    annotation = Annotation(uri=uri)
    opened: dict[str, list[tuple[float, int]]] = defaultdict(list)
    unpaired = 0
    for element, before, after in _placed_events(turns):
        extent = _word(element, "extent", EXTENTS, "instantaneous")
        kind = _word(element, "type", EVENT_TYPES, "noise")
        if kind != "noise" or extent not in ("begin", "end"):
            continue
        label = _text(element, "desc")
        if extent == "begin":
            opened[label].append((before, element.line))
        elif opened[label]:
            start, line = opened[label].pop()
            add_turn(annotation, Segment(start, after), line, label)
        else:
            unpaired += 1
    unpaired += sum(map(len, opened.values()))
    if unpaired:
        logger.warning(
            "%s: left out %d marks of events that only begin or only end",
            path,
            unpaired,
        )
    return annotation


def _placed_events(
    turns: Iterable[_Turn],
) -> Iterator[tuple[XmlElement, float, float]]:
    """Events with the times just before and just after them, seconds."""
    for turn in turns:
        before, waiting = turn.start, []
        for element in turn.inside:
            if element.tag == "Event":
                waiting.append(element)
            elif element.tag == "Sync":
                after = _time(element)
                yield from ((event, before, after) for event in waiting)
                before, waiting = after, []
        yield from ((event, before, turn.end) for event in waiting)


def _nontrans(elements: Iterable[XmlElement], uri: str) -> Timeline:
    """Sections that were not transcribed."""
    return Timeline(
        [
            Segment(*_span(element))
            for element in elements
            if element.tag == "Section"
            and _word(element, "type", SECTION_TYPES, "report") == "nontrans"
        ],
        uri=uri,
    ).support()


def _text(element: XmlElement, name: str) -> str:
    """An attribute that must be there."""
    text = element.attributes.get(name, "")
    if not text:
        raise AnnotationError(
            f"expected {element.tag} with an attribute {name}, got none, in "
            f"{element.where}; complete the element"
        )
    return text


def _time(element: XmlElement) -> float:
    """The time of a mark; the decimal comma is that of some locales."""
    text = _text(element, "time")
    return parse_seconds(text, "time", element.where, decimal_comma=True)


def _span(element: XmlElement) -> tuple[float, float]:
    """Times of a Section or Turn."""
    start, end = _text(element, "startTime"), _text(element, "endTime")
    return parse_span(start, end, element.where, decimal_comma=True)


def _word(
    element: XmlElement, name: str, known: Collection[str], default: str
) -> str:
    """An attribute that must be one of the known words, if it is there."""
    word = element.attributes.get(name, default).lower()
    _check_word(word, known, name, element)
    return word


def _check_word(
    word: str, known: Collection[str], name: str, element: XmlElement
) -> None:
    """Raise if a word of an attribute is not one of the known."""
    if word not in known:
        listed = sorted(known)[:LISTED] + ["..."] * (len(known) > LISTED)
        raise AnnotationError(
            f"expected {element.tag} with {name} among "
            f"{' '.join(listed) or 'none'}, got {quoted(word)}, in "
            f"{element.where}; correct the {name}"
        )
