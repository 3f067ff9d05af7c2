"""Lines, fields and numbers."""

import pytest

from explainable_seg.annotation.fields import (
    parse_duration,
    parse_seconds,
    parse_span,
    read_fields,
    uri_of,
    without_audio_suffix,
)
from explainable_seg.errors import AnnotationError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0.0), ("12.", 12.0), (".5", 0.5), ("-0.01", -0.01), ("1e2", 100.0)],
)
def test_plain_numbers(text, seconds):
    assert parse_seconds(text, "onset", "f:1") == seconds


@pytest.mark.parametrize(
    "text", ["12,5", "nan", "inf", "1_0", "1e999", "", "<NA>", "٣"]
)
def test_other_numbers_are_refused_with_their_place(text):
    with pytest.raises(AnnotationError, match="as onset, got .* in f:1;"):
        parse_seconds(text, "onset", "f:1")


@pytest.mark.parametrize(
    ("text", "seconds"), [("12,5", 12.5), (",5", 0.5), ("-0,01", -0.01)]
)
def test_decimal_commas_where_they_are_allowed(text, seconds):
    assert parse_seconds(text, "time", "f:1", decimal_comma=True) == seconds
    with pytest.raises(AnnotationError):
        parse_seconds(text, "time", "f:1")


@pytest.mark.parametrize("text", ["1,234,5", "1,234.5", "1.234,5", ",", "1;5"])
def test_commas_that_are_not_decimal_are_refused(text):
    with pytest.raises(AnnotationError, match=f"as time, got '{text}'"):
        parse_seconds(text, "time", "f:1", decimal_comma=True)


def test_spans_may_be_empty_but_not_reversed():
    assert parse_span("-0.01", "2", "f:1") == (-0.01, 2.0)
    assert parse_span("2", "2", "f:1") == (2.0, 2.0)
    with pytest.raises(AnnotationError, match="at or after 2 s, got 1, in f:1"):
        parse_span("2", "1", "f:1")


def test_durations_are_finite_and_not_negative():
    assert parse_duration("-0.01", "0", "f:1") == (-0.01, -0.01)
    for onset, duration in (("1", "-0.5"), ("1", "-0.01"), ("1", "1e308")):
        with pytest.raises(AnnotationError, match=f"got '{duration}', in f:1"):
            parse_duration(onset, duration, "f:1")


@pytest.mark.parametrize("text", ["1e308", "-0.06", "-1e308", "100000001"])
def test_times_of_no_recording_are_refused(text):
    with pytest.raises(
        AnnotationError, match="from 0 to 100000000 as end, got"
    ):
        parse_seconds(text, "end", "f:1")


def test_a_message_quotes_a_field_short_and_printable():
    with pytest.raises(AnnotationError) as info:
        parse_seconds("\x1b[31m" + "9" * 100_000, "end", "f:1")
    assert len(str(info.value)) < 200
    assert str(info.value).isprintable()


def test_only_audio_suffixes_are_dropped():
    names = ["show.v2", "show.v2.FLAC", ".wav"]
    assert [without_audio_suffix(name) for name in names] == [
        "show.v2",
        "show.v2",
        ".wav",
    ]


def test_comments_and_empty_lines_are_passed_over(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes("\ufeff;; head\r\n\r\n a\tb  c\r\n; end".encode())
    assert list(read_fields(file)) == [(3, ["a", "b", "c"])]


def test_files_that_cannot_be_read_are_one_line(tmp_path):
    binary = tmp_path / "sound.rttm"
    binary.write_bytes(b"RIFF\xff\xfe\x00")
    for path in (binary, tmp_path / "missing.rttm", tmp_path):
        with pytest.raises(AnnotationError, match="expected") as info:
            list(read_fields(path))
        assert str(path) in str(info.value)
        assert "\n" not in str(info.value)


def test_uri_keeps_dots_and_replaces_blanks():
    assert uri_of("a/late  night.v2.flac") == "late_night.v2"
