"""TRS: the files of the editor Transcriber, written.

Turns of a TRS follow each other and do not overlap, so turns are cut wherever
one begins or ends, and one element names all who speak in it.
"""

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pyannote.core import Timeline

from explainable_seg.annotation.transcription import (
    BACKGROUND_CLASSES,
    Transcription,
)
from explainable_seg.annotation.turns import rounded_turns
from explainable_seg.errors import AnnotationError
from explainable_seg.files import atomic_path

Row = tuple[float, float, str]

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Order of marks at one time: what ends stands before the point in time, what
# begins after it.
END, SYNC, BACKGROUND, BEGIN = range(4)


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
