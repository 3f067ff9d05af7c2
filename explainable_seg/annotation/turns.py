"""Labelled spans, between the lines of a file and the objects of pyannote."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import NamedTuple

from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation.fields import (
    quoted,
    rounded_rows,
    writable_field,
)
from explainable_seg.classes import CLASSES, KNOWN_LABELS, parse_class
from explainable_seg.errors import AnnotationError

logger = logging.getLogger(__name__)


def common_time(first: Timeline, second: Timeline) -> Timeline:
    """Time that is in both of two timelines.

    Arguments
    ---------
    first : Timeline
        Segments in any order, which may overlap; seconds.
    second : Timeline
        Likewise.

    Returns
    -------
    Timeline
        Sorted and disjoint segments, with the uri of the first.

    Example
    -------
    >>> heard = Timeline([Segment(0, 4), Segment(6, 9)])
    >>> common_time(heard, Timeline([Segment(3, 7)]))
    <Timeline(uri=None, segments=[<Segment(3, 4)>, <Segment(6, 7)>])>
    """
    ours, theirs = list(first.support()), list(second.support())
    return Timeline(_common(ours, theirs), uri=first.uri)


def time_without(timeline: Timeline, removed: Timeline) -> Timeline:
    """Time that is in a timeline and not in another.

    Arguments
    ---------
    timeline : Timeline
        Segments in any order, which may overlap; seconds.
    removed : Timeline
        Likewise.

    Returns
    -------
    Timeline
        Sorted and disjoint segments, with the uri of the first timeline.

    Example
    -------
    >>> whole = Timeline([Segment(0, 9)])
    >>> time_without(whole, Timeline([Segment(3, 7)]))
    <Timeline(uri=None, segments=[<Segment(0, 3)>, <Segment(7, 9)>])>
    """
    edges = [-inf]
    for segment in removed.support():
        edges += segment.start, segment.end
    edges.append(inf)
    left = [Segment(*pair) for pair in zip(edges[::2], edges[1::2])]
    return Timeline(_common(list(timeline.support()), left), uri=timeline.uri)


def _common(
    first: Sequence[Segment], second: Sequence[Segment]
) -> list[Segment]:
    """Intersections of two lists of sorted and disjoint segments."""
    found: list[Segment] = []
    i = j = 0
    while i < len(first) and j < len(second):
        both = first[i] & second[j]
        if both:
            found.append(both)
        if first[i].end < second[j].end:
            i += 1
        else:
            j += 1
    return found


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


# Annotators' rounding makes turns that touch overlap by up to 20 ms; in the
# Aragon Radio references most overlaps are of that kind.
OVERLAP_FLOOR = 0.05  # seconds


def overlap_timeline(
    turns: Annotation, floor: float = OVERLAP_FLOOR
) -> Timeline:
    """Time in which at least two different speakers are active.

    The turns of each speaker are merged first: a speaker does not overlap
    with himself.

    Arguments
    ---------
    turns : Annotation
        Turns labelled with their speakers.
    floor : float
        Overlaps shorter than this are dropped, seconds.

    Returns
    -------
    Timeline
        Sorted and disjoint spans in seconds.

    Example
    -------
    >>> turns = Annotation(uri="show")
    >>> turns[Segment(0, 3), 1] = "Anna"
    >>> turns[Segment(2, 4), 2] = "Ben"
    >>> turns[Segment(3.98, 5), 3] = "Anna"
    >>> overlap_timeline(turns)
    <Timeline(uri=show, segments=[<Segment(2, 3)>])>
    """
    # Annotation.support() takes time that grows with the square of speakers.
    speakers: dict[str, list[Segment]] = {}
    for segment, _, label in turns.itertracks(yield_label=True):
        speakers.setdefault(str(label), []).append(segment)
    edges = [
        edge
        for segments in speakers.values()
        for segment in Timeline(segments).support()
        for edge in ((segment.start, 1), (segment.end, -1))
    ]
    active, start, spans = 0, 0.0, []
    # At equal times ends sort before starts: turns that touch do not overlap.
    for time, step in sorted(edges):
        if step > 0 and active == 1:
            start = time
        elif step < 0 and active == 2:
            spans.append(Segment(start, time))
        active += step
    # A duration like 2.05 - 2 comes out a hair short of 0.05.
    return Timeline(
        [
            span
            for span in Timeline(spans).support()
            if round(span.duration, 6) >= floor
        ],
        uri=turns.uri,
    )


class Vote(NamedTuple):
    """Outcome of a vote, in seconds.

    ``majority``: more than half of the annotators say yes; ``tied``: exactly
    half of them; ``disagreement``: some say yes and some say no, whoever
    wins.
    """

    majority: Timeline
    tied: Timeline
    disagreement: Timeline


def vote(opinions: Sequence[Timeline]) -> Vote:
    """What most annotators say, moment by moment.

    Arguments
    ---------
    opinions : Sequence[Timeline]
        For each annotator the time in which the class is heard.

    Returns
    -------
    Vote

    Example
    -------
    >>> says = [[(0.0, 2.0)], [(1.0, 3.0)], [(1.0, 4.0)]]
    >>> opinions = [Timeline([Segment(*s) for s in one]) for one in says]
    >>> outcome = vote(opinions)
    >>> outcome.majority, outcome.disagreement.duration()
    (<Timeline(uri=None, segments=[<Segment(1, 3)>])>, 3.0)
    """
    edges = sorted(
        edge
        for opinion in opinions
        for start, end in opinion.support()
        for edge in ((start, 1), (end, -1))
    )
    majority, tied, disagreement = [], [], []
    yes, half = 0, len(opinions) / 2
    for (time, step), (following, _) in zip(edges, [*edges[1:], (0.0, 0)]):
        yes += step
        span = Segment(time, following)
        if yes > half:
            majority.append(span)
        if yes == half:
            tied.append(span)
        if 0 < yes < len(opinions):
            disagreement.append(span)
    return Vote(
        *(Timeline(s).support() for s in (majority, tied, disagreement))
    )


ClassMapping = Mapping[str, tuple[str, ...]]
"""For each label, in lower case, the classes that it stands for."""

CLASS_LABELS: dict[str, tuple[str, ...]] = {
    label: (name,) for label, name in KNOWN_LABELS.items()
}
"""Both spellings of each of our own classes."""


def label_mapping(labels: str | Sequence[str]) -> ClassMapping:
    """Both spellings of each class, of which a corpus annotates some.

    The labels of the others are known, and stand for none: their lines are
    passed over, and the classes stay unknown.

    Arguments
    ---------
    labels : str or Sequence[str]
        Classes, in either spelling, as a sequence or separated by commas.

    Returns
    -------
    ClassMapping

    Raises
    ------
    AnnotationError
        If one is no class of ours.

    Example
    -------
    >>> label_mapping("sp,ov")["overlap"], label_mapping("sp,ov")["mu"]
    (('overlap',), ())
    """
    if isinstance(labels, str):
        labels = [label.strip() for label in labels.split(",")]
    chosen = {parse_class(label, "the labels") for label in labels}
    return {
        label: classes if classes[0] in chosen else ()
        for label, classes in CLASS_LABELS.items()
    }


def class_spans(
    annotation: Annotation, mapping: ClassMapping, where: str
) -> dict[str, Timeline]:
    """Time of each class, merged.

    Arguments
    ---------
    annotation : Annotation
        Labelled turns, as :func:`~explainable_seg.annotation.rttm.read_rttm`
        gives them.
    mapping : Mapping[str, tuple[str, ...]]
        For each label of the corpus, in lower case, the classes that it
        stands for; an empty tuple for a label that is none of ours.
    where : str
        The file, for the message.

    Returns
    -------
    dict[str, Timeline]
        For each class that the mapping can give, in our order, its time in
        seconds, sorted and disjoint; empty if the class never occurs. A class
        that the mapping cannot give is unknown, hence not in the dictionary.

    Raises
    ------
    AnnotationError
        If a label is not in the mapping. No label is guessed: a stray
        ``no-music`` must not become speech.

    Example
    -------
    >>> from pyannote.core import Segment
    >>> turns = Annotation(uri="show")
    >>> turns[Segment(0, 2), 1] = "sm"
    >>> turns[Segment(2, 3), 2] = "sp"
    >>> scheme = {"sp": ("speech",), "sm": ("speech", "music")}
    >>> class_spans(turns, scheme, "show.rttm")["speech"]
    <Timeline(uri=show, segments=[<Segment(0, 3)>])>
    """
    found = {name for names in mapping.values() for name in names}
    spans = {c: Timeline(uri=annotation.uri) for c in CLASSES if c in found}
    for segment, track, label in annotation.itertracks(yield_label=True):
        key = str(label).lower()
        if key not in mapping:
            line = f":{track}" if isinstance(track, int) else ""
            raise AnnotationError(
                f"expected a label among {' '.join(mapping)}, got {quoted(str(label))}, "
                f"in {where}{line}; correct the label or choose other labels"
            )
        for name in mapping[key]:
            spans[name].add(segment)
    return {name: timeline.support() for name, timeline in spans.items()}


def class_annotation(
    spans: Mapping[str, Timeline], uri: str | None
) -> Annotation:
    """One annotation whose labels are the classes: the normalised form.

    Arguments
    ---------
    spans : Mapping[str, Timeline]
        Time of each class.
    uri : str
        The recording.

    Returns
    -------
    Annotation
        One track a span, labelled with the class.

    Example
    -------
    >>> from pyannote.core import Segment
    >>> spans = {"music": Timeline([Segment(1, 2)])}
    >>> class_annotation(spans, "show").labels()
    ['music']
    """
    annotation = Annotation(uri=uri)
    for name, timeline in spans.items():
        for segment in timeline:
            annotation[segment, name] = name
    return annotation
