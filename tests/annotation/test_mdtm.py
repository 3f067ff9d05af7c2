"""MDTM files in and out."""

import logging

import pytest
from annotation.rows import NAMES, TURNS, annotate, ticks
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.annotation.rttm import read_mdtm, write_mdtm
from explainable_seg.errors import AnnotationError

LINE = "show_01 1 12.500 4.250 speaker NA adult_female Some_Name\n"


def read_text(tmp_path, text):
    """What the reader makes of a text."""
    file = tmp_path / "a.mdtm"
    file.write_text(text)
    return read_mdtm(file)


def test_lines_and_comments(tmp_path):
    text = f";; head\n; more\n{LINE}show_02 1 0 1.5 speaker na child 17\n"
    found = read_text(tmp_path, text)
    assert list(found) == ["show_01", "show_02"]
    assert ticks(found["show_01"]) == [(125000, 167500, "Some_Name")]
    assert ticks(found["show_02"]) == [(0, 15000, "17")]
    assert [track for _, track in found["show_01"].itertracks()] == [3]


def test_turns_of_no_duration_are_counted(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        assert read_text(tmp_path, LINE.replace("4.250", "0")) == {}
    assert "1 turns of no duration" in caplog.text


def test_two_channels_of_one_recording_are_logged(tmp_path, caplog):
    read_text(tmp_path, LINE + LINE.replace("01 1 ", "01 2 "))
    assert "channels 1 2 of show_01" in caplog.text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("show 1 0 1 speaker NA unknown", "got 7"),
        ("show 1 0 1 speaker NA unknown two words", "got 9"),
        ("show 1 0 1 music NA unknown jingle", "type speaker, got 'music'"),
        ("show 1 0 -1 speaker NA unknown a", "as duration, got '-1'"),
        ("show 1 1e308 1.7e308 speaker NA unknown a", "got '1e308'"),
        ("show 1 0 1 Speaker NA unknown a", "type speaker, got 'Speaker'"),
        ("show 1 0 1 speaker Anna unknown NA", "as confidence, got 'Anna'"),
        ("show 1 0 1 speaker NA Anna child", "got 'child' after 'Anna'"),
        ("1 show 0 1 speaker NA unknown a", "got '1' and 'show'"),
        ("show 1 0,5 1 speaker NA unknown a", "as onset, got '0,5'"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    with pytest.raises(AnnotationError, match=message) as info:
        read_text(tmp_path, LINE + line)
    assert "a.mdtm:2;" in str(info.value)


@settings(max_examples=50, deadline=None)
@given(
    recordings=st.dictionaries(
        NAMES.filter(lambda name: not name.startswith(";")), TURNS, max_size=3
    )
)
def test_write_then_read_is_identity_to_a_tenth_of_a_millisecond(
    recordings, tmp_path_factory
):
    file = tmp_path_factory.mktemp("mdtm") / "a.mdtm"
    write_mdtm(
        file, {uri: annotate(rows, uri) for uri, rows in recordings.items()}
    )
    found = read_mdtm(file)
    assert {uri: ticks(turns) for uri, turns in found.items()} == {
        uri: sorted(rows) for uri, rows in recordings.items() if rows
    }


@pytest.mark.parametrize("uri", [";show", "", None])
def test_a_recording_that_would_be_lost_is_refused(tmp_path, uri):
    with pytest.raises(AnnotationError, match="expected a uri"):
        write_mdtm(tmp_path / "a.mdtm", annotate([(0, 1, "a")], uri))
    assert not list(tmp_path.iterdir())
