"""Steps that all preparations share."""

import numpy as np
import pytest
import soundfile
from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.data.preparation import (
    Recording,
    check_classes,
    check_disjoint,
    clip_turns,
    match_files,
    read_header,
    read_list,
)
from explainable_seg.errors import AnnotationError, AudioError, CorpusError


def test_list_without_final_newline_and_with_blank_lines(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\r\n\r\n two \r\nthree")
    assert read_list(tmp_path / "a.txt") == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("a\nb\na\n", "got a again"), ("\n", "an empty list")],
)
def test_bad_lists(tmp_path, text, message):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(CorpusError, match=message):
        read_list(tmp_path / "a.txt")


def test_missing_list(tmp_path):
    with pytest.raises(CorpusError, match="a list of names"):
        read_list(tmp_path / "a.txt")


def test_a_recording_in_two_parts_is_refused():
    check_disjoint({"train": ["a"], "test": ["b"]})
    with pytest.raises(CorpusError, match="'a' in train and test"):
        check_disjoint({"train": ["a"], "test": ["b", "a"]})


def test_all_missing_and_ambiguous_files_are_listed(tmp_path):
    for name in ("a.wav", "b.wav", "b.flac"):
        (tmp_path / name).touch()
    suffixes = (".wav", ".flac")
    assert match_files(["a"], tmp_path, suffixes) == {"a": tmp_path / "a.wav"}
    with pytest.raises(CorpusError, match="got b: 2, c: 0, in"):
        match_files(["a", "b", "c"], tmp_path, suffixes)


def test_header_of_any_rate_and_channels(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((441, 2)), 44100)
    assert read_header(tmp_path / "a.wav") == (44100, 441)


def test_bad_audio_is_one_line(tmp_path):
    (tmp_path / "text.wav").write_text("hello")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    soundfile.write(tmp_path / "slow.wav", np.zeros(400), 4000)
    for name in ("text.wav", "empty.wav", "slow.wav", "missing.wav"):
        with pytest.raises(AudioError, match=name) as info:
            read_header(tmp_path / name)
        assert "\n" not in str(info.value)


def turns(*rows):
    """Turns whose tracks are line numbers."""
    annotation = Annotation(uri="show")
    for line, (start, end) in enumerate(rows, start=1):
        annotation[Segment(start, end), line] = "sp"
    return annotation


def test_rounding_beyond_the_recording_is_cut_and_logged(caplog):
    clipped = clip_turns(turns((-0.01, 1), (2, 3.05)), 3.0, "show.rttm")
    assert clipped.get_timeline() == Timeline([Segment(0, 1), Segment(2, 3)])
    assert "cut 2 turns" in caplog.text


@pytest.mark.parametrize("row", [(-0.06, 1), (2, 3.06), (5, 6)])
def test_turns_far_beyond_the_recording_are_refused(row):
    with pytest.raises(AnnotationError, match=r"show\.rttm:2; check"):
        clip_turns(turns((0, 1), row), 3.0, "show.rttm")


def recording(tmp_path, **seconds):
    """A recording with some seconds of each class."""
    spans = {name: Timeline([Segment(0, end)]) for name, end in seconds.items()}
    return Recording("show", tmp_path / "show.wav", 16000, 160000, spans)


def test_a_class_that_is_nowhere_was_not_annotated(tmp_path, caplog):
    some = recording(tmp_path, speech=2, noise=1)
    none = recording(tmp_path, speech=2, noise=0)
    check_classes({"train": [some], "dev": [none, some]})
    assert not caplog.records
    check_classes({"train": [some], "dev": [none]})
    assert "no noise in dev" in caplog.text
    with pytest.raises(CorpusError, match="some noise, got none in train dev"):
        check_classes({"train": [none], "dev": [none]})
