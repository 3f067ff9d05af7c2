"""Lines, fields and numbers."""

import pytest

from explainable_seg.annotation.fields import parse_seconds, read_fields, uri_of
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
