"""The truth of a recording, looked up in an RTTM file."""

from pathlib import Path

import pytest

from explainable_seg.errors import AnnotationError
from explainable_seg.evaluation.comparison import read_reference

LINE = "SPEAKER {} 1 {} {} <NA> <NA> {} <NA> <NA>\n"


def test_spans_are_merged_and_other_classes_unknown(tmp_path: Path) -> None:
    path = tmp_path / "truth.rttm"
    path.write_text(
        LINE.format("show", 2, 1, "mu")
        + LINE.format("show", 0, 1, "speech")
        + LINE.format("show", 2.5, 1.5, "music")
    )
    assert read_reference(path, "else.wav") == {
        "speech": [(0.0, 1.0)],
        "music": [(2.0, 4.0)],
    }


def test_a_recording_is_found_among_several(tmp_path: Path) -> None:
    path = tmp_path / "truth.rttm"
    path.write_text(
        LINE.format("one", 0, 1, "mu") + LINE.format("two_b", 0, 2, "no")
    )
    assert read_reference(path, "a/two b.wav") == {"noise": [(0.0, 2.0)]}
    with pytest.raises(AnnotationError, match="expected lines of three"):
        read_reference(path, "three.wav")


def test_an_empty_file_knows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "truth.rttm"
    path.write_text("")
    assert read_reference(path, "show.wav") == {}
