"""A recording: what is known of it, and what does not fit it."""

from pathlib import Path

import pytest
from hypothesis import (
    given,
    strategies as st,
)
from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.audio.sound_files import AudioHeader
from explainable_seg.corpora.recording import (
    Recording,
    clip_turns,
    make_recording,
    speaker_spans,
)
from explainable_seg.errors import AnnotationError

HEADER = AudioHeader(8000, 80000)
SPANS = st.lists(
    st.tuples(st.integers(-30, 120), st.integers(1, 60)), max_size=8
).map(lambda rows: [Segment(a / 10, (a + n) / 10) for a, n in rows])


def turns(*rows, labels=("sp",)):
    """Turns whose tracks are line numbers."""
    annotation = Annotation(uri="show")
    for line, (start, end) in enumerate(rows, start=1):
        label = labels[(line - 1) % len(labels)]
        annotation[Segment(start, end), line] = label
    return annotation


def test_rounding_beyond_the_recording_is_cut_and_logged(caplog):
    clipped = clip_turns(turns((-0.01, 1), (2, 3.05)), 3.0, "show.rttm")
    assert clipped.get_timeline() == Timeline([Segment(0, 1), Segment(2, 3)])
    assert "cut 2 turns" in caplog.text


@pytest.mark.parametrize("row", [(-0.06, 1), (2, 3.06), (5, 6)])
def test_turns_far_beyond_the_recording_are_refused(row):
    """Row "all audio": end at most 0.05 s after the end."""
    with pytest.raises(AnnotationError, match=r"show\.rttm:2; check"):
        clip_turns(turns((0, 1), row), 3.0, "show.rttm")


@given(heard=SPANS, known=SPANS)
def test_nothing_is_heard_where_nothing_is_known(heard, known):
    """Row "any": unknown classes carry the mask, not zeros."""
    recording = make_recording(
        "show",
        Path("show.wav"),
        HEADER,
        {"music": Timeline(heard)},
        Timeline(known),
    )
    for step in range(100):
        moment = step / 10 + 0.05
        inside = any(a < moment < b for a, b in known)
        sounding = inside and any(a < moment < b for a, b in heard)
        for spans, expected in (
            (recording.annotated, inside),
            (recording.spans, sounding),
        ):
            found = spans.get("music", Timeline())
            assert any(a < moment < b for a, b in found) == expected
    for timeline in (*recording.spans.values(), *recording.annotated.values()):
        assert all(0 <= a < b <= 10 for a, b in timeline)
        assert timeline == timeline.support()


@pytest.mark.parametrize(
    ("spans", "annotated"),
    [
        ({"music": (0, 2)}, {}),
        ({"music": (0, 2)}, {"music": (1, 9)}),
        ({"music": (0, 2)}, {"speech": (0, 9), "music": (0, 9)}),
        ({}, {"speech": (0, 9)}),
    ],
)
def test_what_would_be_zero_instead_of_unknown_is_refused(spans, annotated):
    """Row "any": unknown classes carry the mask: assert before writing."""
    spans, annotated = (
        {name: Timeline([Segment(*span)]) for name, span in which.items()}
        for which in (spans, annotated)
    )
    with pytest.raises(ValueError, match="show: "):
        Recording("show", Path("show.wav"), HEADER, spans, annotated)


def test_classes_may_be_known_at_different_times():
    whole, half = Timeline([Segment(0, 10)]), Timeline([Segment(0, 5)])
    recording = make_recording(
        "show",
        Path("show.wav"),
        HEADER,
        {"speech": whole, "noise": whole, "music": Timeline()},
        {"speech": whole, "noise": half, "music": half},
    )
    assert list(recording.spans) == ["speech", "music", "noise"]
    assert recording.spans["noise"] == recording.annotated["noise"] == half
    assert not recording.spans["music"]
    whole_known = make_recording(
        "show", Path("show.wav"), HEADER, {"noise": half}
    )
    assert whole_known.annotated["noise"] == whole


def test_speakers_give_speech_and_overlap_above_rounding():
    rows = ((0, 3), (2.96, 5), (4, 6), (4.9, 5.5))
    annotation = turns(*rows, labels=("A", "B"))
    spans = speaker_spans(annotation, "show.rttm")
    assert spans["speech"] == Timeline([Segment(0, 6)])
    # B 2.96 to 5 and 4.9 to 5.5, A 0 to 3 and 4 to 6: 40 ms are rounding.
    assert spans["overlap"] == Timeline([Segment(4, 5.5)])


@pytest.mark.parametrize("label", ["sp", "MU", "Noise", "overlap"])
def test_a_class_is_no_speaker(label):
    annotation = turns((0, 1), (1, 2), labels=("A", label))
    with pytest.raises(AnnotationError, match=label.lower()) as info:
        speaker_spans(annotation, "show.rttm")
    assert "show.rttm" in str(info.value) and "\n" not in str(info.value)
