"""RTTM files in and out."""

import logging

import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from pyannote.core import Annotation, Segment

from explainable_seg.annotation.rttm import (
    SILENT_TYPES,
    SPEAKING,
    read_rttm,
    write_rttm,
)
from explainable_seg.errors import AnnotationError

TEN = "SPEAKER show 1 12.340 5.200 <NA> <NA> sp <NA> <NA>\n"
NINE = "SPEAKER session3 1 17.250 4.100 <NA> <NA> spk7 <NA>\n"


def turns(annotation):
    """Sorted (start, end, label)."""
    return sorted(
        (segment.start, segment.end, label)
        for segment, _, label in annotation.itertracks(yield_label=True)
    )


def read_text(tmp_path, text):
    """What the reader makes of a text."""
    file = tmp_path / "a.rttm"
    file.write_text(text)
    return read_rttm(file)


def test_nine_and_ten_fields_and_several_recordings(tmp_path):
    found = read_text(tmp_path, TEN + NINE)
    assert list(found) == ["show", "session3"]
    assert found["show"].uri == "show"
    assert turns(found["show"]) == [(12.34, 17.54, "sp")]
    assert turns(found["session3"]) == [(17.25, 21.35, "spk7")]


def test_labels_stay_text(tmp_path):
    names = ["NA", "nan", "None", "17", "007", "N/A"]
    text = "".join(
        f"SPEAKER a 1 {i} 1 <NA> <NA> {name} <NA> <NA>\n"
        for i, name in enumerate(names)
    )
    found = read_text(tmp_path, text)["a"]
    assert [label for _, _, label in turns(found)] == names


def test_other_lines_are_skipped_and_counted(tmp_path, caplog):
    text = (
        ";; comment\n\nSPKR-INFO a 1 <NA> <NA> <NA> unknown b <NA>\n"
        + TEN
        + "SPEAKER show 1 20.0 0.0 <NA> <NA> sp <NA> <NA>\n"
    )
    with caplog.at_level(logging.INFO):
        assert list(read_text(tmp_path, text)) == ["show"]
    assert "skipped 1 lines" in caplog.text
    assert "1 turns of no duration, the first in line 5" in caplog.text


def test_lines_that_say_what_is_not_annotated_are_told(tmp_path, caplog):
    found = read_text(
        tmp_path, "NOSCORE show 1 3 4 <NA> <NA> <NA> <NA>\n" + TEN
    )
    assert len(found["show"]) == 1
    assert "left out 1 lines of type NOSCORE; say in a UEM" in caplog.text


@pytest.mark.parametrize("kind", sorted(SPEAKING | SILENT_TYPES))
def test_the_types_of_the_standard_hold_no_turn(tmp_path, kind):
    assert read_text(tmp_path, f"{kind} a 1 0 1 w lex b <NA> <NA>\n") == {}


def test_accents_are_composed(tmp_path):
    found = read_text(tmp_path, TEN.replace("show", "cafe\u0301"))
    assert list(found) == ["caf\xe9"]


def test_onsets_before_zero_are_kept(tmp_path):
    found = read_text(tmp_path, TEN.replace("12.340 5.200", "-0.01 5.20"))
    assert turns(found["show"]) == [(-0.01, 5.19, "sp")]


def test_track_is_the_line_number_and_duplicates_stay(tmp_path):
    found = read_text(tmp_path, "; head\n" + TEN + TEN)["show"]
    assert [track for _, track in found.itertracks()] == [2, 3]


def test_two_channels_of_one_recording_are_logged(tmp_path, caplog):
    read_text(tmp_path, TEN + TEN.replace("show 1", "show 2"))
    assert "channels 1 2 of show" in caplog.text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SPEAKER a 1 0,5 1 <NA> <NA> sp <NA> <NA>", "onset, got '0,5'"),
        ("SPEAKER a 1 0 nan <NA> <NA> sp <NA> <NA>", "duration, got 'nan'"),
        ("SPEAKER a 1 9 -1 <NA> <NA> sp <NA> <NA>", "got '-1'"),
        ("SPEAKER a 1 9 -0.01 <NA> <NA> sp <NA> <NA>", "got '-0.01'"),
        ("SPEAKER a 1 -1 9 <NA> <NA> sp <NA> <NA>", "as onset, got '-1'"),
        ("SPEAKER a 1 1e308 1 <NA> <NA> sp <NA> <NA>", "got '1e308'"),
        ("SPEAKER a 1 0 inf <NA> <NA> sp <NA> <NA>", "got 'inf'"),
        ("SPEAKER a 1 0 1e308 <NA> <NA> sp <NA> <NA>", "got '1e308'"),
        ("SPEAKR a 1 0 1 <NA> <NA> sp <NA> <NA>", "got 'SPEAKR'"),
        ("speaker a 1 0 1 <NA> <NA> sp <NA> <NA>", "got 'speaker'"),
        ("# SPEAKER a 1 0 1 <NA> <NA> sp <NA> <NA>", "got '#'"),
        ("\ufeffSPEAKER a 1 0 1 <NA> <NA> sp <NA>", r"character '\\ufeff'"),
        ("SPEAKER a 1 0 1 <NA> <NA> sp\0 <NA> <NA>", r"character '\\x00'"),
        ("SPEAKER 1 show 0 1 <NA> <NA> sp <NA> <NA>", "got '1' and 'show'"),
        ("SPEAKER a 0.0 1 1 <NA> <NA> sp <NA> <NA>", "got 'a' and '0.0'"),
        ("SPEAKER a 1 0 1 <NA> <NA> <NA> sp <NA>", "column 8, got '<NA>'"),
        # Column 6 is missing, so that 0.9, the confidence, is in column 8.
        ("SPEAKER a 1 0 1 <NA> Anna 0.9 <NA>", "got '0.9' after 'Anna'"),
        ("SPEAKER a 1 0 1 <NA> <NA> sp", "got 8"),
        ("SPEAKER a 1 0 1 <NA> <NA> two words <NA> <NA>", "got 11"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    with pytest.raises(AnnotationError, match=message) as info:
        read_text(tmp_path, TEN + line)
    assert "a.rttm:2; " in str(info.value)
    assert "\n" not in str(info.value)


def test_a_file_of_another_format_is_refused(tmp_path):
    with pytest.raises(AnnotationError, match="start with SPEAKER"):
        read_text(tmp_path, "start,end,label\n0,1,speech\n")
    assert read_text(tmp_path, "") == {}


TURNS = st.lists(
    st.tuples(
        st.integers(0, 10**8),
        st.integers(1, 10**6),
        st.sampled_from(["speech", "17", "NA", "Zoë"]),
    ),
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(recordings=st.dictionaries(st.sampled_from("abc"), TURNS))
def test_write_then_read_is_identity_to_a_tenth_of_a_millisecond(
    recordings, tmp_path_factory
):
    annotations = {}
    for uri, rows in recordings.items():
        annotations[uri] = Annotation(uri=uri)
        for track, (start, length, label) in enumerate(rows):
            span = Segment(start / 1e4, (start + length) / 1e4)
            annotations[uri][span, track] = label
    file = tmp_path_factory.mktemp("rttm") / "a.rttm"
    write_rttm(file, annotations)
    found = read_rttm(file)
    assert set(found) == {uri for uri, rows in recordings.items() if rows}
    for uri, annotation in found.items():
        for got, expected in zip(
            turns(annotation), turns(annotations[uri]), strict=True
        ):
            assert got[:2] == pytest.approx(expected[:2], abs=1e-6)
            assert got[2] == expected[2]


def test_touching_spans_of_the_frame_grid_still_touch(tmp_path):
    annotation = Annotation(uri="late night")
    annotation[Segment(0.0425, 0.0625), 1] = "speech"
    annotation[Segment(0.0625, 1.3025), 2] = "speech"
    write_rttm(tmp_path / "a.rttm", annotation)
    lines = (tmp_path / "a.rttm").read_text().splitlines()
    assert lines[0] == (
        "SPEAKER late_night 1 0.0425 0.0200 <NA> <NA> speech <NA> <NA>"
    )
    found = read_rttm(tmp_path / "a.rttm")["late_night"]
    assert len(found.get_timeline().support()) == 1


def test_output_is_sorted_and_the_same_bytes(tmp_path):
    annotation = Annotation(uri="b")
    annotation[Segment(5, 6), 1] = "music"
    annotation[Segment(1, 2), 2] = "speech"
    annotation[Segment(1, 2), 3] = "music"
    both = {"b": annotation, "a": annotation}
    write_rttm(tmp_path / "1.rttm", both)
    write_rttm(tmp_path / "2.rttm", dict(reversed(both.items())))
    text = (tmp_path / "1.rttm").read_text()
    assert text == (tmp_path / "2.rttm").read_text()
    keys = [(f[1], f[3], f[7]) for f in map(str.split, text.splitlines())]
    assert keys == sorted(keys)
    assert len(keys) == 6


def test_a_recording_without_a_name_is_refused(tmp_path):
    annotation = Annotation()
    annotation[Segment(0, 1)] = "speech"
    with pytest.raises(AnnotationError, match="expected a uri"):
        write_rttm(tmp_path / "a.rttm", annotation)
    assert not list(tmp_path.iterdir())


def test_agrees_with_the_reader_of_pyannote_database(corpora):
    util = pytest.importorskip("pyannote.database.util")
    folder = corpora / "realbroadcast" / "rttms_segmentation" / "AragonRadio"
    for file in sorted(folder.glob("*.rttm")):
        ours, theirs = read_rttm(file), util.load_rttm(file)
        assert set(ours) == set(theirs)
        for uri in ours:
            for got, expected in zip(
                turns(ours[uri]), turns(theirs[uri]), strict=True
            ):
                assert got == pytest.approx(expected, abs=1e-6)
