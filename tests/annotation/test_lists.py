"""Lists of recordings."""

import pytest
from annotation.rows import NAMES
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.annotation.fields import read_list, write_list
from explainable_seg.errors import CorpusError


def test_line_ends_blanks_and_a_missing_last_newline(tmp_path):
    file = tmp_path / "train.lst"
    file.write_bytes("\ufeffshow 1\r\n\r\n  b.wav\t\nc".encode())
    assert read_list(file) == ["show 1", "b.wav", "c"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\na\n", "got a again"),
        (b"\n \n", "got an empty list"),
        (b"\xff\xfea\x00", "no readable text file"),
    ],
)
def test_a_bad_list_is_refused(tmp_path, content, message):
    file = tmp_path / "train.lst"
    file.write_bytes(content)
    with pytest.raises(CorpusError, match=message) as info:
        read_list(file)
    assert "train.lst;" in str(info.value)


def test_a_missing_list_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="no readable text file"):
        read_list(tmp_path / "train.lst")


@settings(max_examples=30, deadline=None)
@given(names=st.lists(NAMES, min_size=1, unique=True))
def test_write_then_read_is_identity(names, tmp_path_factory):
    file = tmp_path_factory.mktemp("lists") / "train.lst"
    write_list(file, names)
    assert read_list(file) == names


@pytest.mark.parametrize(
    "names", [[], ["a", "a"], ["a\nb"], ["a\rb"], [" a"], ["a", ""]]
)
def test_names_that_would_not_come_back_are_refused(tmp_path, names):
    with pytest.raises(CorpusError):
        write_list(tmp_path / "train.lst", names)
    assert not list(tmp_path.iterdir())
