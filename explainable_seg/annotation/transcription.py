"""What a transcription of a broadcast says, whatever file it came from.

A transcription marks speaker turns, acoustic backgrounds and events, and the
parts that nobody transcribed. From these follow the times of our classes, and
the times in which each class is annotated at all.
"""

from dataclasses import dataclass

from pyannote.core import Annotation, Timeline

from explainable_seg.annotation.classes import ClassMapping, class_spans
from explainable_seg.annotation.overlap import OVERLAP_FLOOR, overlap_timeline
from explainable_seg.annotation.timelines import common_time, time_without
from explainable_seg.classes import CLASSES

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
