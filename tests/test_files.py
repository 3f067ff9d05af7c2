"""Whole files or no file."""

import errno
import json
import os
import shutil
import subprocess
import sys

import pytest

from explainable_seg.errors import DiskFullError, ExplainableSegError
from explainable_seg.files import (
    atomic_path,
    atomic_write_json,
    atomic_write_text,
    writing_errors,
)

# A disk of 64 KB in a namespace of its own: full for real, and for us alone.
SMALL_DISK = ["unshare", "-rm", "sh", "-c"]
MOUNT = 'mount -t tmpfs -o size=64k none "$0" && exec "$@"'


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


def on_a_small_disk(folder, code):
    """Standard output of Python code that runs where 64 KB fill the disk."""
    command = [*SMALL_DISK, MOUNT, str(folder), sys.executable, "-c", code]
    if not shutil.which("unshare"):
        pytest.skip("no name spaces here")
    ran = subprocess.run(
        command, capture_output=True, text=True, cwd=folder.parent
    )
    if "unshare" in ran.stderr or "mount" in ran.stderr:
        pytest.skip("no name spaces here")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


WRITERS = {
    "plain": "path.write_bytes(b'x' * 200000)",
    # Of torch, safetensors and libsndfile none says ENOSPC with an errno.
    "torch": "import torch; torch.save(torch.zeros(50000), path)",
    "safetensors": "import torch; from safetensors.torch import save_file; "
    "save_file({'a': torch.zeros(50000)}, path)",
    "sound": "import soundfile, numpy; "
    "soundfile.write(path, numpy.zeros(200000), 16000, format='WAV')",
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path, writer):
    folder = tmp_path / "disk"
    folder.mkdir()
    said = on_a_small_disk(
        folder,
        f"""
import os
from explainable_seg.errors import DiskFullError
from explainable_seg.files import atomic_path
open("{folder}/note", "w").write("old")
try:
    with atomic_path("{folder}/note") as path:
        {WRITERS[writer]}
except DiskFullError as error:
    print(error)
print(os.listdir("{folder}"), open("{folder}/note").read())
""",
    )
    assert said.splitlines() == [
        "expected room to write note, got 'No space left on device', in "
        f"{folder}; free some, or choose another output folder",
        "['note'] old",
    ]


def test_a_full_device_is_told_by_the_error_alone(tmp_path):
    with pytest.raises(DiskFullError, match="expected room to write note"):
        with atomic_path(tmp_path / "note"):
            with open("/dev/full", "w") as stream:
                stream.write("x")


def test_on_a_full_disk_other_reasons_of_the_system_stay(tmp_path, monkeypatch):
    monkeypatch.setattr("explainable_seg.files.free_bytes", lambda folder: 0)
    with pytest.raises(PermissionError):
        with atomic_path(tmp_path / "note"):
            raise PermissionError(13, "Permission denied")
    with pytest.raises(DiskFullError):  # a library that gives no number
        with atomic_path(tmp_path / "note"):
            raise OSError("could not write")


@pytest.mark.parametrize("n_bytes", [240, 250, 255])
def test_a_name_is_as_long_as_the_file_system_takes(tmp_path, n_bytes):
    target = tmp_path / ("é" * ((n_bytes - 4) // 2) + ".txt")
    atomic_write_text(target, "whole")
    assert target.read_text() == "whole"
    assert len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize("deeper", ["", "/note.txt"])
def test_a_name_that_is_too_long_is_one_line(tmp_path, deeper):
    with pytest.raises(ExplainableSegError, match="shorten it") as info:
        atomic_write_text(f"{tmp_path}/{'x' * 300}{deeper}", "")
    assert "\n" not in str(info.value)
    assert not isinstance(info.value, DiskFullError)


def test_errors_of_what_is_read_stay_what_they_are(tmp_path):
    for source in ("missing", "y" * 300 + "/z"):
        with pytest.raises(OSError):
            with writing_errors(tmp_path / "out" / "note"):
                open(tmp_path / source)


def test_a_read_only_disk_is_one_line(tmp_path):
    with pytest.raises(ExplainableSegError, match="another output folder"):
        with writing_errors(tmp_path / "note"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
