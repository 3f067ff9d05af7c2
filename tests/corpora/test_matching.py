"""Which file belongs to which recording."""

import pytest

from explainable_seg.corpora.recording import (
    check_apart,
    find_files,
    match_files,
    without_zeros,
)
from explainable_seg.errors import CorpusError


@pytest.fixture
def folder(tmp_path):
    """A tree of empty files."""
    for name in (
        "b/a.wav",
        "b/.hidden/x.wav",
        "b/._a.wav",
        "c.FLAC",
        "d.txt",
        "d.wav",
        "e/d.flac",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "folder.wav").mkdir()
    return tmp_path


def test_files_are_found_at_all_depths_but_not_hidden_ones(folder):
    found = find_files(folder, (".wav", ".flac"))
    names = [str(path.relative_to(folder)) for path in found]
    assert names == ["b/a.wav", "c.FLAC", "d.wav", "e/d.flac"]


def test_a_hidden_folder_above_does_not_hide_its_files(folder):
    inside = folder / "b" / ".hidden"
    assert find_files(inside, [".wav"]) == [inside / "x.wav"]


def test_a_folder_that_is_not_there_is_refused(folder):
    with pytest.raises(CorpusError, match="a folder.*nowhere"):
        find_files(folder / "nowhere", [".wav"])


def test_each_name_gets_its_file(folder):
    files = find_files(folder, (".wav", ".flac"))
    assert match_files(["c", "a"], files, "audio", folder) == {
        "c": folder / "c.FLAC",
        "a": folder / "b/a.wav",
    }


def test_all_missing_and_ambiguous_names_are_listed(folder):
    """Row "any": each listed uri has exactly one audio and annotation."""
    files = find_files(folder, (".wav", ".flac"))
    with pytest.raises(CorpusError) as info:
        match_files(["x", "a", "d", "y"], files, "audio", folder)
    message = str(info.value)
    assert f"d: {folder / 'd.wav'} and {folder / 'e/d.flac'}" in message
    assert "x: none" in message and "y: none" in message
    assert "a: " not in message and "\n" not in message
    names = [f"n{number:03d}" for number in range(30)]
    with pytest.raises(CorpusError, match="n019: none and 10 more, in") as info:
        match_files(names, files, "audio", folder)
    assert "n020" not in str(info.value)


def test_a_key_makes_names_and_stems_alike(folder):
    (folder / "session01.wav").touch()
    files = find_files(folder, [".wav"])
    found = match_files(["session1"], files, "audio", folder, without_zeros)
    assert found == {"session1": folder / "session01.wav"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("session01", "session1"),
        ("session10", "session10"),
        ("s00x0", "s0x0"),
        ("20080101_10-00-05", "20080101_10-0-5"),
        ("007", "7"),
        ("a1001", "a1001"),
    ],
)
def test_leading_zeros_do_not_count(name, expected):
    assert without_zeros(name) == expected
    assert without_zeros(expected) == expected


def test_output_and_data_stay_apart(tmp_path, monkeypatch):
    data = tmp_path / "data"
    check_apart(data, tmp_path / "data2")
    check_apart(data, tmp_path)
    (tmp_path / "link").symlink_to(data)
    monkeypatch.chdir(tmp_path)
    for inside in (data, data / "a" / "b", "data/a", tmp_path / "link" / "a"):
        with pytest.raises(CorpusError, match="outside the data folder"):
            check_apart(data, inside)
