"""Whole files or no file."""

import json
import os

import pytest

from explainable_seg.errors import ExplainableSegError
from explainable_seg.files import (
    atomic_path,
    atomic_write_json,
    atomic_write_text,
)


def test_writes_the_text_and_creates_folders(tmp_path):
    target = tmp_path / "new" / "deep" / "note.txt"
    atomic_write_text(target, "dos\r\nunix\ncafé\n")
    assert target.read_bytes() == "dos\r\nunix\ncafé\n".encode()


def test_temporary_file_is_hidden_beside_the_target(tmp_path):
    with atomic_path(tmp_path / "sound.wav") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".wav"
        assert temporary.name.startswith(".")
        temporary.write_bytes(b"x")
    assert os.listdir(tmp_path) == ["sound.wav"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, error):
    target = tmp_path / "note.txt"
    target.write_text("old")
    with pytest.raises(error):
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise error
    assert os.listdir(tmp_path) == ["note.txt"]
    assert target.read_text() == "old"


def test_old_file_is_whole_until_the_new_one_is(tmp_path):
    target = tmp_path / "note.txt"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


def test_target_below_a_file_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExplainableSegError, match="expected a folder") as info:
        atomic_write_text(tmp_path / "file" / "note.txt", "")
    assert "\n" not in str(info.value)


def test_target_that_is_a_folder_is_one_clear_line(tmp_path):
    with pytest.raises(ExplainableSegError, match="got a folder"):
        atomic_write_text(tmp_path, "")


def test_a_file_is_as_readable_as_any_other(tmp_path):
    (tmp_path / "other").touch()
    with atomic_path(tmp_path / "mine") as temporary:
        temporary.touch(mode=0o600)
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_json_is_what_was_given_in_the_style_asked_for(tmp_path):
    value = {"macro_f1": 0.5, "classes": {"café": None}}
    atomic_write_json(tmp_path / "a.json", value)
    atomic_write_json(tmp_path / "b.json", value, indent=1, ensure_ascii=False)
    text = (tmp_path / "b.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "a.json").read_bytes()) == value
    assert text == (
        '{\n "macro_f1": 0.5,\n "classes": {\n  "café": null\n }\n}\n'
    )


def test_json_of_what_is_not_known_leaves_the_old_file(tmp_path):
    atomic_write_json(tmp_path / "a.json", [1.0])
    with pytest.raises(ValueError):
        atomic_write_json(tmp_path / "a.json", [float("nan")])
    assert json.loads((tmp_path / "a.json").read_text()) == [1.0]
