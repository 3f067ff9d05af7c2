"""TRS files out: reading them gives the same content."""

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import (
    example,
    given,
    settings,
    strategies as st,
)
from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation.transcription import (
    EVENT_CLASSES,
    Transcription,
)
from explainable_seg.annotation.trs import read_trs, write_trs
from explainable_seg.errors import AnnotationError


def timeline(spans):
    """Spans in tenths of a millisecond."""
    return Timeline(
        [Segment(start / 1e4, end / 1e4) for start, end in spans], uri="show"
    )


def annotate(rows):
    """An annotation of (start, end, label), in tenths of a millisecond."""
    annotation = Annotation(uri="show")
    for track, (start, end, label) in enumerate(rows):
        annotation[Segment(start / 1e4, end / 1e4), track] = label
    return annotation


def transcribe(turns=(), backgrounds=(), events=(), covered=(), nontrans=()):
    """A transcription in tenths of a millisecond."""
    return Transcription(
        "show",
        annotate(turns),
        annotate(backgrounds),
        annotate(events),
        timeline(covered),
        timeline(nontrans),
    )


def content(transcription):
    """For each label its time, and the timelines, in tenths of a ms."""

    def ticks(spans):
        return [(round(s * 1e4), round(e * 1e4)) for s, e in spans.support()]

    parts = (
        transcription.turns,
        transcription.backgrounds,
        transcription.events,
    )
    return [
        {label: ticks(part.label_timeline(label)) for label in part.labels()}
        for part in parts
    ] + [ticks(transcription.covered), ticks(transcription.nontrans)]


def written_and_read(folder, transcription, encoding="UTF-8"):
    """What a reader makes of what the writer wrote."""
    path = folder / f"{transcription.uri}.trs"
    write_trs(path, transcription, encoding)
    return read_trs(path)


def rows(labels, start=0):
    """Strategy of labelled spans inside 0 .. 600 000."""
    return st.lists(
        st.tuples(
            st.integers(start, 500_000),
            st.integers(1, 100_000),
            st.sampled_from(labels),
        ).map(lambda row: (row[0], row[0] + row[1], row[2])),
        max_size=6,
    )


SPANS = st.lists(
    st.tuples(st.integers(0, 500_000), st.integers(1, 100_000)).map(
        lambda span: (span[0], sum(span))
    ),
    max_size=3,
)


@settings(max_examples=100, deadline=None)
@given(
    turns=rows(["spk1", "spk2", "17", "Zoë#1"]),
    backgrounds=rows(["music", "speech", "shh", "other"]),
    events=rows(sorted(EVENT_CLASSES)),
    nontrans=SPANS,
)
@example(
    turns=[(0, 10, "a"), (5, 20, "b"), (5, 10, "a")],
    backgrounds=[(5, 20, "music"), (5, 8, "music"), (8, 9, "shh")],
    events=[(0, 600_000, "b"), (3, 7, "b"), (7, 8, "b")],
    nontrans=[(20, 30), (40, 50)],
)
def test_write_then_read_is_identity_where_all_is_covered(
    turns, backgrounds, events, nontrans, tmp_path_factory
):
    expected = transcribe(turns, backgrounds, events, [(0, 600_000)], nontrans)
    folder = tmp_path_factory.mktemp("trs")
    found = written_and_read(folder, expected)
    assert content(found) == content(expected)
    assert found.dropped == 0


@settings(max_examples=100, deadline=None)
@given(
    turns=rows(["a", "b"]),
    backgrounds=rows(["music"]),
    covered=SPANS,
    nontrans=SPANS,
)
def test_gaps_are_kept(turns, backgrounds, covered, nontrans, tmp_path_factory):
    covered = [*covered, (590_000, 600_000)]
    expected = transcribe(turns, backgrounds, (), covered, nontrans)
    folder = tmp_path_factory.mktemp("trs")
    found = written_and_read(folder, expected)
    expected.covered.update(expected.turns.get_timeline())
    assert content(found) == content(expected)


def test_reading_then_writing_keeps_a_real_file(corpora, tmp_path):
    files = sorted(corpora.glob("allies/*/*.trs"))
    assert files
    for file in files:
        transcription = read_trs(file)
        again = written_and_read(tmp_path, transcription)
        assert content(again) == content(transcription)


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "US-ASCII"])
def test_encodings(tmp_path, encoding, caplog):
    expected = transcribe([(0, 10, "Zoë-Łucja")], covered=[(0, 10)])
    found = written_and_read(tmp_path, expected, encoding)
    assert found.turns.labels() == ["Zoë-Łucja"]
    assert not caplog.text
    head = (tmp_path / "show.trs").read_bytes().splitlines()[:2]
    assert head[0].decode() == f'<?xml version="1.0" encoding="{encoding}"?>'
    assert head[1] == b'<!DOCTYPE Trans SYSTEM "trans-14.dtd">'


def test_elements_are_nested_as_the_dtd_asks(tmp_path):
    expected = transcribe(
        [(0, 20_000, "a"), (10_000, 20_000, "b")],
        [(5_000, 30_000, "shh")],
        [(2_000, 12_000, "pap")],
        [(0, 30_000)],
        [(20_000, 30_000)],
    )
    write_trs(tmp_path / "show.trs", expected)
    root = ElementTree.parse(tmp_path / "show.trs").getroot()
    assert [child.tag for child in root] == ["Speakers", "Episode"]
    first, last = root.findall("Episode/Section")
    assert (first.get("type"), last.get("type")) == ("report", "nontrans")
    one, both = first
    assert (one.get("speaker"), both.get("speaker")) == ("a", "a b")
    assert [mark.tag for mark in one] == [
        "Sync",
        "Sync",
        "Event",
        "Background",
    ]
    assert [mark.get("time") for mark in one.iter("Sync")] == [
        "0.0000",
        "0.2000",
    ]
    assert [mark.tag for mark in both] == ["Sync", "Event", "Sync"]


@pytest.mark.parametrize(
    ("transcription", "message"),
    [
        (
            transcribe(backgrounds=[(0, 5, "musik")], covered=[(0, 9)]),
            "music speech shh other .* got 'musik'",
        ),
        (
            transcribe(backgrounds=[(0, 10, "music")], covered=[(0, 9)]),
            "that end with the last turn, got 'music'",
        ),
        (transcribe(backgrounds=[(0, 5, "music")]), "end with the last turn"),
        (transcribe(events=[(0, 5, "b")]), "inside turns, got 'b'"),
        (
            transcribe(events=[(2, 5, "b")], covered=[(0, 2), (4, 9)]),
            "inside turns, got 'b'",
        ),
        (
            transcribe(events=[(1, 3, "b")], covered=[(0, 2), (4, 9)]),
            "inside turns, got 'b'",
        ),
        (transcribe([(0, 5, "a\x00b")]), r"XML can hold, got 'a\\x00b'"),
        (transcribe([(0, 5, " ")]), "expected a label to write"),
    ],
)
def test_what_the_format_has_no_place_for_is_refused(
    tmp_path, transcription, message
):
    with pytest.raises(AnnotationError, match=message):
        write_trs(tmp_path / "show.trs", transcription)
    assert not list(tmp_path.iterdir())


def test_an_empty_transcription(tmp_path):
    found = written_and_read(tmp_path, transcribe())
    assert content(found) == content(transcribe())
