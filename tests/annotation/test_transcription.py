"""From a transcription to our classes, and to where these are known."""

import pytest
from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation.transcription import (
    EVENT_CLASSES,
    Transcription,
    transcription_spans,
)
from explainable_seg.errors import AnnotationError


def annotate(*rows):
    """An annotation of (start, end, label)."""
    annotation = Annotation(uri="show")
    for line, (start, end, label) in enumerate(rows, start=1):
        annotation[Segment(start, end), line] = label
    return annotation


def transcribe(turns=(), backgrounds=(), events=(), covered=(), nontrans=()):
    """A transcription, covered from 0 to 10 s if nothing else is said."""
    return Transcription(
        "show",
        annotate(*turns),
        annotate(*backgrounds),
        annotate(*events),
        Timeline([Segment(*span) for span in covered or [(0, 10)]]),
        Timeline([Segment(*span) for span in nontrans]),
    )


def spans_of(timeline):
    """Pairs of seconds."""
    return [(span.start, span.end) for span in timeline]


def test_speech_and_overlap_are_that_of_the_turns():
    spans, annotated = transcription_spans(
        transcribe([(0, 3, "a"), (2, 5, "b"), (5, 6, "a")]), False
    )
    assert list(spans) == list(annotated) == ["speech", "overlap"]
    assert spans_of(spans["speech"]) == [(0, 6)]
    assert spans_of(spans["overlap"]) == [(2, 3)]
    assert spans_of(annotated["speech"]) == [(0, 10)]


def test_the_floor_of_overlaps_can_be_chosen():
    turns = transcribe([(0, 2, "a"), (1.97, 4, "b")])
    assert not transcription_spans(turns, False)[0]["overlap"]
    lower = transcription_spans(turns, False, floor=0.0)[0]["overlap"]
    assert spans_of(lower) == [(1.97, 2)]


def test_without_backgrounds_music_and_noise_are_unknown():
    found = transcribe(backgrounds=[(0, 2, "music")], events=[(0, 1, "zz")])
    spans, annotated = transcription_spans(found, False)
    assert "music" not in spans and "noise" not in annotated


def test_all_four_in_our_order_with_backgrounds():
    found = transcribe(
        turns=[(0, 4, "a"), (3, 4, "b")],
        backgrounds=[(1, 3, "music"), (2, 4, "other"), (5, 6, "shh")],
        events=[(4, 5, "Pap"), (7, 8, "jingle"), (8, 9, "rire")],
    )
    spans, annotated = transcription_spans(found, True)
    names = ["speech", "music", "noise", "overlap"]
    assert list(spans) == list(annotated) == names
    assert spans_of(spans["music"]) == [(1, 3), (7, 8)]
    assert spans_of(spans["noise"]) == [(2, 6)]
    assert spans_of(spans["overlap"]) == [(3, 4)]
    assert all(spans_of(annotated[name]) == [(0, 10)] for name in names)


def test_gaps_and_untranscribed_sections_are_unknown_for_all():
    found = transcribe(
        turns=[(0, 4, "a"), (6, 9, "b")],
        backgrounds=[(1, 9, "music"), (1, 9, "shh")],
        covered=[(0, 4), (5, 10)],
        nontrans=[(3, 7)],
    )
    spans, annotated = transcription_spans(found, True)
    for name in spans:
        assert spans_of(annotated[name]) == [(0, 3), (7, 10)]
    assert spans_of(spans["speech"]) == [(0, 3), (7, 9)]
    assert spans_of(spans["music"]) == [(1, 3), (7, 9)]


def test_background_speech_is_unknown_where_nobody_has_a_turn():
    found = transcribe([(0, 4, "a")], backgrounds=[(3, 6, "speech")])
    spans, annotated = transcription_spans(found, True)
    for name in ("speech", "overlap"):
        assert spans_of(annotated[name]) == [(0, 4), (6, 10)]
    assert spans_of(annotated["noise"]) == [(0, 10)]
    assert spans_of(spans["speech"]) == [(0, 4)]
    assert not spans["noise"]


@pytest.mark.parametrize("desc", ["pi", "pif", "nontrans"])
def test_noise_is_unknown_in_technical_events(desc):
    found = transcribe(backgrounds=[(0, 5, "shh")], events=[(2, 3, desc)])
    spans, annotated = transcription_spans(found, True)
    assert spans_of(annotated["noise"]) == [(0, 2), (3, 10)]
    assert spans_of(spans["noise"]) == [(0, 2), (3, 5)]
    assert spans_of(annotated["music"]) == [(0, 10)]


def test_an_unknown_event_is_named_with_the_known():
    found = transcribe(events=[(0, 1, "pap"), (2, 3, "bang")])
    with pytest.raises(AnnotationError, match="got 'bang'") as info:
        transcription_spans(found, True, where="show.trs")
    assert " ".join(EVENT_CLASSES) in str(info.value)
    assert "in show.trs:2;" in str(info.value)


def test_no_turns_no_time():
    found = transcribe(covered=[(0, 0)])
    spans, annotated = transcription_spans(found, True)
    assert not any(spans.values()) and not any(annotated.values())


def test_nothing_is_expected_of_classes_that_never_occur():
    spans, annotated = transcription_spans(transcribe(), True)
    assert not any(spans.values())
    assert all(annotated.values())
