"""One file, or a folder of many."""

import os

import pytest

from explainable_seg.annotation.fields import read_folder
from explainable_seg.annotation.rttm import read_uem
from explainable_seg.errors import AnnotationError


def test_file_and_tree_are_read_alike(tmp_path):
    one = tmp_path / "all.uem"
    one.write_text("a 1 0 1\nb 1 0 2\n")
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "x.uem").write_text("a 1 0 1\n")
    (tree / "deep" / "y.uem").write_text("b 1 0 2\n")
    (tree / ".x.uem").write_text("half a li")
    (tree / "notes.txt").write_text("other")
    assert read_folder(tree, ".uem", read_uem) == read_folder(
        one, ".uem", read_uem
    )


def test_a_recording_in_two_files_is_refused_with_both_names(tmp_path):
    for name in ("x.uem", "y.uem"):
        (tmp_path / name).write_text("a 1 0 1\n")
    with pytest.raises(AnnotationError, match=r"x\.uem and again, in .*y\.uem"):
        read_folder(tmp_path, ".uem", read_uem)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(AnnotationError, match="expected .uem files, got none"):
        read_folder(tmp_path, ".uem", read_uem)


def test_capitals_count_and_what_is_no_file_does_not(tmp_path):
    (tmp_path / "a.RTTM").write_text("")
    (tmp_path / "b.rttm").mkdir()
    os.mkfifo(tmp_path / "c.rttm")  # whoever reads it waits for ever
    assert read_folder(tmp_path, ".rttm", lambda p: {p.name: 1}) == {
        "a.RTTM": 1
    }
