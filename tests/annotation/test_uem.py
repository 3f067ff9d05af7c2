"""UEM files in and out."""

import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from pyannote.core import Segment, Timeline

from explainable_seg.annotation.rttm import read_uem, write_uem
from explainable_seg.errors import AnnotationError


def read_text(tmp_path, text):
    """What the reader makes of a text."""
    file = tmp_path / "a.uem"
    file.write_text(text)
    return read_uem(file)


def test_lines_of_a_recording_are_merged(tmp_path):
    text = ";; c\nshow.v2 1 5 9.5\nshow.v2.FLAC NA 0.5 2\nshow.v2 1 9 10\n"
    found = read_text(tmp_path, text)
    assert list(found) == ["show.v2"]
    assert found["show.v2"] == Timeline([Segment(0.5, 2), Segment(5, 10)])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a 1 5 4", "at or after 5 s, got 4"),
        ("a 1 0", "got 3"),
        ("a 1 0 1 2", "got 5"),
        ("a 1 0 1e308", "as end, got '1e308'"),
        ("a 0.0 1 1", "got 'a' and '0.0'"),
        ("1 show 0 1", "got '1' and 'show'"),
        ("# a comment", "got 3"),
        ("a 1 x 1", "as start, got 'x'"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    with pytest.raises(AnnotationError, match=message) as info:
        read_text(tmp_path, "a 1 0 1\n" + line)
    assert "a.uem:2;" in str(info.value)


def test_a_line_without_time_names_a_recording_and_is_told(tmp_path, caplog):
    found = read_text(tmp_path, "b 1 0 1\na 1 3 3\n")
    assert found["a"] == Timeline()
    assert "a.uem:2: no time from 3 to 3 s" in caplog.text


def test_accents_are_composed(tmp_path):
    assert list(read_text(tmp_path, "cafe\u0301.wav 1 0 1\n")) == ["caf\xe9"]


@settings(max_examples=30, deadline=None)
@given(
    spans=st.lists(
        st.tuples(st.integers(0, 10**7), st.integers(1, 10**5)), min_size=1
    )
)
def test_write_then_read_is_identity(spans, tmp_path_factory):
    timeline = Timeline(
        [Segment(a / 1e4, (a + n) / 1e4) for a, n in spans], uri="a b"
    )
    file = tmp_path_factory.mktemp("uem") / "a.uem"
    write_uem(file, timeline)
    found = read_uem(file)["a_b"]
    expected = timeline.support()
    assert len(found) == len(expected)
    for got, span in zip(found, expected):
        assert tuple(got) == pytest.approx(tuple(span), abs=1e-6)


def test_a_recording_without_a_name_is_refused(tmp_path):
    with pytest.raises(AnnotationError, match="expected a uri"):
        write_uem(tmp_path / "a.uem", Timeline([Segment(0, 1)]))


def test_reads_the_files_of_a_real_corpus(corpora):
    files = sorted(corpora.glob("dihard3/*/data/uem/*.uem"))
    assert files
    for file in files:
        (timeline,) = read_uem(file).values()
        assert timeline.duration() > 0
