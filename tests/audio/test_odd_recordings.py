"""Recordings as people have them: right, or one line, or a note."""

import os
from pathlib import Path

import pytest
from odd_recordings import NOTED, REFUSED, RIGHT, TOLD, Odd, catalogue
from odd_sounds import listen

ALL = catalogue()
AS_EXPECTED = {TOLD: {RIGHT, f"{RIGHT}, {NOTED}", NOTED, REFUSED}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the recordings are made, each once."""
    return tmp_path_factory.mktemp("odd")


def made(odd: Odd, folder: Path) -> Path:
    """A recording that lies in a folder."""
    if not odd.can_be_made:
        pytest.skip(f"made with {', '.join(odd.tools)}")
    path = folder / odd.name
    if not os.path.lexists(path):
        odd.make(path)
    return path


def test_names_differ_and_all_kinds_are_there():
    names = [odd.name for odd in ALL]
    assert len(set(names)) == len(names) > 300
    assert {odd.outcome for odd in ALL} > {RIGHT, REFUSED, TOLD}


@pytest.mark.skipif(os.name != "posix", reason="names as of Unix")
@pytest.mark.parametrize("odd", ALL, ids=lambda odd: odd.name)
def test_as_it_is_with_ffmpeg_and_without(odd, folder, monkeypatch):
    path = made(odd, folder)
    heard = listen(path, odd.truth)
    assert heard.outcome in AS_EXPECTED.get(odd.outcome, {odd.outcome}), heard
    assert heard.seconds >= odd.least or heard.outcome == REFUSED, heard
    monkeypatch.setenv("PATH", "")
    heard = listen(path, odd.truth)
    assert heard.outcome in AS_EXPECTED.get(odd.bare, {odd.bare}), heard
