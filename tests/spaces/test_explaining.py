"""What a visitor of the Space gets: a page, or one line without our folders."""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
from tiny_student import tones

SCRIPT = Path(__file__).parents[2] / "docs/spaces/explaining.py"


@pytest.fixture(scope="module")
def space():
    """The module beside the page."""
    spec = importlib.util.spec_from_file_location("explaining", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def refused(space, path, **options):
    """What a visitor is told."""
    with pytest.raises(space.Refused) as raised:
        space.explain_upload(str(path), **options)
    text = str(raised.value)
    assert "\n" not in text and "Traceback" not in text
    assert str(path.parent) not in text and "/" not in text.strip("/")
    return text


def test_an_upload_becomes_a_page_without_our_folders(space, tmp_path):
    folder = tmp_path / "secret place"
    folder.mkdir()
    soundfile.write(folder / "show.wav", tones(3.0), 16000)
    page = space.explain_upload(str(folder / "show.wav"))
    assert "show.wav" in page and "secret" not in page


def test_what_is_no_sound_is_one_line(space, tmp_path):
    folder = tmp_path / "secret place"
    folder.mkdir()
    (folder / "text.wav").write_text("no sound")
    assert "text.wav" in refused(space, folder / "text.wav")
    assert "gone.wav" in refused(space, folder / "gone.wav")


def test_too_long_a_recording_is_one_line(space, tmp_path):
    path = tmp_path / "long.flac"
    soundfile.write(path, tones(1.0)[:8000].repeat(1205), 16000)
    assert "at most 10 minutes" in refused(space, path)


def test_a_request_ends_in_time_with_all_that_it_started(space, tmp_path):
    path = tmp_path / "pipe.wav"
    os.mkfifo(path)  # nobody will ever write to it
    start = time.monotonic()
    text = refused(space, path, patience=1.0)
    assert "longer" in text or "pipe.wav" in text
    assert time.monotonic() - start < 20
    running = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True
    ).stdout
    assert str(path) not in running


def test_of_a_path_the_name_is_left(space):
    told = "expected a, got b/c, in /home/me/x y/a.wav:3 and '/srv/m.json'; d"
    assert space.without_folders(told) == (
        "expected a, got b/c, in a.wav:3 and 'm.json'; d"
    )


def test_what_says_nothing_is_told_all_the_same(space):
    assert "another recording" in space._error_of("Killed\n")
    assert space._error_of("note\nerror: last, in x\n") == "last, in x"
    assert sys.executable not in space._error_of("Traceback\n  File x\n")
