"""TRS: the files of the editor Transcriber.

::

    <Trans audio_filename="show"> <Speakers> <Speaker id="spk1"/> </Speakers>
    <Episode> <Section type="report" startTime="0" endTime="9">
    <Turn speaker="spk1" startTime="0" endTime="9"> <Sync time="0"/> bonjour
    <Background time="6" type="music other" level="high"/>
    <Event desc="pap" type="noise" extent="begin"/> ...

Sections hold turns, which follow each other; text and marks stand inside the
turns. ``Sync`` is a point in time, ``Background`` a change of state at its own
time, ``Event`` has no time but its position in the text.

Turns do not overlap: where they are written, they are cut wherever one begins
or ends, and one element names all who speak in it.
"""

import logging
import os
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import groupby, pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

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
from explainable_seg.annotation.turns import add_turn, rounded_turns
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_path

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
Row = tuple[float, float, str]

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Order of marks at one time: what ends stands before the point in time, what
# begins after it.
END, SYNC, BACKGROUND, BEGIN = range(4)


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


class _Span(NamedTuple):
    """Time between two cuts: who speaks, and whether it was transcribed."""

    start: float
    end: float
    speakers: list[str]
    covered: bool
    nontrans: bool


class _Mark(NamedTuple):
    """An element inside a turn."""

    turn: int
    time: float
    rank: int
    tag: str
    attributes: dict[str, str]


def write_trs(
    path: str | os.PathLike[str],
    transcription: Transcription,
    encoding: str = "UTF-8",
) -> None:
    """Write a TRS file, whole or not at all.

    Reading it gives the same time of each speaker, background, event and
    ``nontrans`` section, though cut into other turns, to 0.1 ms. Levels of
    backgrounds and what the text said are not part of a transcription: every
    background is written as ``high``, and there is no text.

    Arguments
    ---------
    path : str or os.PathLike
        The file to write.
    transcription : Transcription
        The content. The time of a speaker is covered even if ``covered`` does
        not say so. Blanks in labels become ``_``.
    encoding : str
        Name of the encoding, as XML knows it. Characters that it lacks are
        written as references.

    Raises
    ------
    AnnotationError
        If a label is empty, no XML, or an unknown background, or if the
        format has no place for something: a background that outlasts the last
        turn, or an event that begins or ends outside of turns.
    """
    speech = rounded_turns(transcription.turns, path)
    backgrounds = rounded_turns(transcription.backgrounds, path)
    events = rounded_turns(transcription.events, path)
    _check_labels((*speech, *backgrounds, *events), path)
    spans = _cut(
        speech,
        [*_rows(transcription.covered), *speech],
        _rows(transcription.nontrans),
    )
    turns = [span for span in spans if span.covered]
    marks = [
        *_event_marks(events, turns, path),
        *_background_marks(backgrounds, turns, path),
    ]
    root = Element("Trans", audio_filename=transcription.uri)
    speakers = SubElement(root, "Speakers")
    for speaker in sorted({label for _, _, label in speech}):
        SubElement(speakers, "Speaker", id=speaker, name=speaker)
    _add_sections(SubElement(root, "Episode"), spans, turns, marks)
    indent(root, space="")
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n'
        '<!DOCTYPE Trans SYSTEM "trans-14.dtd">\n'
        f"{tostring(root, encoding='unicode')}\n"
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode(encoding, "xmlcharrefreplace"))


def _rows(timeline: Timeline) -> list[Row]:
    """Spans of a timeline, rounded as those of turns."""
    return [
        (round(start, 4), round(end, 4), "")
        for start, end in timeline.support()
    ]


def _check_labels(rows: Iterable[Row], path: str | os.PathLike[str]) -> None:
    """Raise if a label cannot stand in XML."""
    for _, _, label in rows:
        if NOT_XML.search(label):
            raise AnnotationError(
                f"expected labels that XML can hold, got {ascii(label)}, in "
                f"{path}; take out the control characters"
            )


def _cut(
    speech: Sequence[Row], covered: Sequence[Row], nontrans: Sequence[Row]
) -> list[_Span]:
    """Time from the first to the last edge, cut at each edge."""
    cuts = sorted({time for row in (*covered, *nontrans) for time in row[:2]})
    columns = [_holding(cuts, rows) for rows in (speech, covered, nontrans)]
    return [
        _Span(start, end, sorted(set(names)), bool(inside), bool(untold))
        for (start, end), names, inside, untold in zip(pairwise(cuts), *columns)
    ]


def _holding(cuts: Sequence[float], rows: Sequence[Row]) -> list[list[str]]:
    """Labels that hold between each two neighbouring cuts."""
    holding: list[list[str]] = [[] for _ in cuts[1:]]
    for start, end, label in rows:
        for index in range(bisect_left(cuts, start), bisect_left(cuts, end)):
            holding[index].append(label)
    return holding


def _event_marks(
    events: Iterable[Row], turns: Sequence[_Span], path: str | os.PathLike[str]
) -> Iterator[_Mark]:
    """Begin and end of each event, and the points in time that these need."""
    starts = [turn.start for turn in turns]
    for begin, end, label in events:
        first = bisect_right(starts, begin) - 1
        last = bisect_left(starts, end) - 1
        if first < 0 or turns[first].end <= begin or turns[last].end < end:
            raise AnnotationError(
                f"expected events that begin and end inside turns, got "
                f"'{label}' from {begin:.4f} to {end:.4f} s, in {path}; "
                "cover that time"
            )
        event = {"desc": label, "type": "noise"}
        yield _Mark(first, begin, BEGIN, "Event", {**event, "extent": "begin"})
        yield _Mark(last, end, END, "Event", {**event, "extent": "end"})
        for turn, time in ((first, begin), (last, end)):
            if turns[turn].start < time < turns[turn].end:
                yield _sync(turn, time)


def _sync(turn: int, time: float) -> _Mark:
    """A point in time."""
    return _Mark(turn, time, SYNC, "Sync", {"time": f"{time:.4f}"})


def _background_marks(
    backgrounds: Sequence[Row],
    turns: Sequence[_Span],
    path: str | os.PathLike[str],
) -> Iterator[_Mark]:
    """Each change of what is in the background."""
    starts = [turn.start for turn in turns]
    last = turns[-1].end if turns else float("-inf")
    for start, end, label in backgrounds:
        if label not in BACKGROUND_CLASSES or end > last:
            raise AnnotationError(
                f"expected backgrounds among {' '.join(BACKGROUND_CLASSES)} "
                f"that end with the last turn, got '{label}' from {start:.4f} "
                f"to {end:.4f} s, in {path}; correct the backgrounds"
            )
    cuts = sorted({time for row in backgrounds for time in row[:2]})
    for time, labels in zip(cuts, [*_holding(cuts, backgrounds), []]):
        yield _Mark(
            max(0, bisect_right(starts, time) - 1),
            time,
            BACKGROUND,
            "Background",
            {
                "time": f"{time:.4f}",
                "type": " ".join(sorted(set(labels))) or "other",
                "level": "high" if labels else "off",
            },
        )


def _add_sections(
    episode: Element,
    spans: Iterable[_Span],
    turns: Sequence[_Span],
    marks: Sequence[_Mark],
) -> None:
    """Sections, turns and marks; a gap between turns ends the section."""
    inside = groupby(
        sorted(
            (*marks, *(_sync(i, turn.start) for i, turn in enumerate(turns))),
            key=lambda mark: mark[:3],
        ),
        key=lambda mark: mark.turn,
    )
    for kind, group in groupby(
        spans, key=lambda span: (span.covered or span.nontrans, span.nontrans)
    ):
        if not kind[0]:
            continue
        members = list(group)
        section = SubElement(
            episode,
            "Section",
            type="nontrans" if kind[1] else "report",
            startTime=f"{members[0].start:.4f}",
            endTime=f"{members[-1].end:.4f}",
        )
        for span in members:
            if span.covered:
                _add_turn(section, span, next(inside)[1])


def _add_turn(section: Element, span: _Span, marks: Iterable[_Mark]) -> None:
    """One turn with its marks."""
    turn = SubElement(section, "Turn")
    if span.speakers:
        turn.set("speaker", " ".join(span.speakers))
    turn.set("startTime", f"{span.start:.4f}")
    turn.set("endTime", f"{span.end:.4f}")
    for mark in marks:
        SubElement(turn, mark.tag, mark.attributes)
