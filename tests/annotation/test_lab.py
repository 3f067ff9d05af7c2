"""Lab files in and out."""

import logging

import pytest
from annotation.rows import TURNS, annotate, ticks
from hypothesis import given, settings

from explainable_seg.annotation.rttm import read_lab, write_lab
from explainable_seg.errors import AnnotationError


def read_text(tmp_path, text, duration=None):
    """What the reader makes of a text."""
    file = tmp_path / "late show.lab"
    file.write_text(text)
    return read_lab(file, duration)


def test_three_and_four_fields(tmp_path):
    found = read_text(tmp_path, "3.21 4.69 speech\n\n5 6.5\tsn 0.75\n")
    assert found.uri == "late_show"
    assert ticks(found) == [(32100, 46900, "speech"), (50000, 65000, "sn")]
    assert [track for _, track in found.itertracks()] == [1, 3]


def test_turns_of_no_duration_are_counted(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        assert not read_text(tmp_path, "3 3 speech\n")
    assert "1 turns of no duration" in caplog.text


def test_an_empty_file_has_no_turns(tmp_path):
    found = read_text(tmp_path, "")
    assert found.uri == "late_show" and not found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2", "got 2"),
        ("1 2 two words here", "got 5"),
        ("1 2 background music", "as score, got 'music'"),
        ("2 1 speech", "at or after 2 s, got 1"),
        ("x 1 speech", "as start, got 'x'"),
        ("0 1,5 speech", "as end, got '1,5'"),
        ("32100000 46900000 speech", "got 46900000, .* time unit?"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    with pytest.raises(AnnotationError, match=message) as info:
        read_text(tmp_path, "0 1 speech\n" + line, duration=10.0)
    assert "late show.lab:2;" in str(info.value)


def test_the_unit_is_checked_against_the_duration_only(tmp_path):
    text = "0 100 speech\n"
    assert read_text(tmp_path, text, duration=10.0)
    assert read_text(tmp_path, text)
    with pytest.raises(AnnotationError, match="time unit?"):
        read_text(tmp_path, text, duration=9.9)


@settings(max_examples=50, deadline=None)
@given(rows=TURNS)
def test_write_then_read_is_identity_to_a_tenth_of_a_millisecond(
    rows, tmp_path_factory
):
    file = tmp_path_factory.mktemp("lab") / "show.lab"
    write_lab(file, annotate(rows))
    assert ticks(read_lab(file)) == sorted(rows)
