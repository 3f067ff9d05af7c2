"""Archives that are odd: links, pipes, lists, names."""

import os
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tiny_student import save_student
from toy_archive import COMMAND, rows, run, sound

from explainable_seg.audio import stream
from explainable_seg.commands.segment import _table
from explainable_seg.decisions.segmentation import Segment, Segmentation
from explainable_seg.errors import ExplainableSegError, escaped, unescaped
from explainable_seg.inference.results import (
    SUMMARY_COLUMNS,
    ResultTable,
    summary_row,
)
from explainable_seg.inference.sources import Job, find_jobs

ODD_NAMES = [
    "two\nlines.wav",
    "two lines.wav",
    "tab\there.wav",
    "\x1b[31mred.wav",
    "byte\udce9.wav",
    "byte\udcea.wav",
    "byte\\xe9.wav",
    "café.wav",
    "=1+1.wav",
    "'=1+1.wav",
    "-option.wav",
    "  .wav",
    'comma, "quote".wav',
    "x" * 237 + ".wav",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Folder of the tiny student."""
    return save_student(tmp_path_factory.mktemp("model") / "student")


def names_of(*inputs: object) -> list[str]:
    """Names of what is found, without a failure."""
    jobs, failures = find_jobs([Path(str(path)) for path in inputs])
    assert failures == {}
    return [job.name.as_posix() for job in jobs]


def test_links_to_folders_are_followed_once(tmp_path):
    sound(tmp_path / "disk/deep/b.wav")
    sound(tmp_path / "archive/z/a.wav")
    (tmp_path / "archive/disk").symlink_to(tmp_path / "disk")
    (tmp_path / "archive/again").symlink_to(tmp_path / "disk")
    (tmp_path / "archive/a_link").symlink_to("z")
    (tmp_path / "archive/z/loop").symlink_to(tmp_path / "archive")
    (tmp_path / "archive/z/itself").symlink_to("itself")
    found = ["again/deep/b.wav", "z/a.wav"]
    archive = tmp_path / "archive"
    assert names_of(archive) == found
    assert names_of(f"{archive}/**/*.wav") == found
    assert names_of(f"{archive}/**") == found
    assert names_of(f"{archive}/**/**/deep/*.wav") == ["again/deep/b.wav"]
    assert names_of(archive, tmp_path / "disk", f"{archive}/**/*.wav") == found


def test_many_loops_of_links_end(tmp_path):
    for name in ("a", "b", "c"):
        sound(tmp_path / name / "x.wav")
        for other in ("a", "b", "c"):
            (tmp_path / name / f"to_{other}").symlink_to(tmp_path / other)
    began = time.monotonic()
    assert names_of(f"{tmp_path}/**/*.wav") == ["a/x.wav", "b/x.wav", "c/x.wav"]
    assert time.monotonic() - began < 30  # 3 ** 40 paths lead there


def test_a_link_to_a_file_is_a_recording(tmp_path):
    sound(tmp_path / "store/4711")
    (tmp_path / "archive").mkdir()
    for name in ("a.wav", "b.wav"):
        (tmp_path / "archive" / name).symlink_to(tmp_path / "store/4711")
    assert names_of(tmp_path / "archive") == ["a.wav", "b.wav"]


def test_pipes_and_devices_in_a_folder_are_left_alone(tmp_path, model):
    sound(tmp_path / "a.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "null.wav").symlink_to("/dev/zero")
    assert names_of(tmp_path) == names_of(f"{tmp_path}/*.wav") == ["a.wav"]
    (tmp_path / "list.txt").write_text(f"{tmp_path}/pipe.wav\n{tmp_path}/a.wav")
    jobs, failures = find_jobs([Path(f"@{tmp_path}/list.txt")])
    assert [job.name.name for job in jobs] == ["a.wav"]
    assert "pipe or a device" in failures[f"{tmp_path}/pipe.wav"]


def test_a_bad_line_of_a_list_stops_no_other(tmp_path, model, capsys):
    good = sound(tmp_path / "a.wav")
    empty = tmp_path / "empty"
    empty.mkdir()
    lines = [b"y" * 300_000, b"z" * 300, os.fsencode(empty), b"no/*.wav"]
    lines += [b"\x07bell", os.fsencode(good), b"gone\xe9.wav"]
    (tmp_path / "list.txt").write_bytes(b"\r\n".join(lines))
    arguments = (f"@{tmp_path}/list.txt", "-o", tmp_path / "out")
    for _ in range(2):
        assert run(*arguments, "--model", model) == 2
        assert [Path(name).name for name in rows(tmp_path / "out")] == ["a.wav"]
        failed = rows(tmp_path / "out", "failures")
        assert len(failed) == 6
        assert all(len(row["error"]) <= 1000 for row in failed.values())
        assert "\x07" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../b.wav", "x/../../../b.wav", "/b.wav"])
def test_nothing_is_written_outside_the_output(tmp_path, name):
    with pytest.raises(ExplainableSegError, match="leads out of it"):
        Job(Path("b.wav"), Path(name)).output(tmp_path / "out", ".rttm")


def test_names_with_dots_stay_inside(tmp_path, model, monkeypatch):
    here = tmp_path / "1/2/3"
    here.mkdir(parents=True)
    for path in ("1/a.wav", "1/2/b.wav", "1/c/d.wav"):
        sound(tmp_path / path)
    monkeypatch.chdir(here)
    Path("list.txt").write_text(
        f"../b.wav\n../../c/../a.wav\n{tmp_path}/1/c/d.wav"
    )
    before = set(tmp_path.rglob("*"))
    for k, named in enumerate(["@list.txt", "../*.wav", "../../*/../*.wav"]):
        assert run(named, "--model", model, "-o", f"../3/out{k}", "-q") == 0
        assert rows(here / f"out{k}")
    new = set(tmp_path.rglob("*")) - before
    assert all(here in path.parents for path in new)
    assert {p.name for p in new if p.suffix == ".rttm"} == {
        "a.rttm", "b.rttm", "d.rttm",
    }  # fmt: skip


def test_a_file_that_begins_like_a_list(tmp_path, model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sound(Path("@show.wav"))
    assert run("@show.wav", "--model", model, "-o", "out") == 0
    assert Path("out/@show.rttm").exists()


@pytest.mark.parametrize(
    "options", [["--model", ""], ["--model", "m", "--output", ""]]
)
def test_empty_names_are_refused(tmp_path, capsys, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    assert run(sound(tmp_path / "a.wav"), "-o", "out", *options) == 2
    assert "got an empty one" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_odd_names_have_rows_of_their_own(tmp_path, model, capsys):
    for k, name in enumerate(ODD_NAMES):
        sound(tmp_path / "in" / name, 0.5 + k / 10)
    Path(str(tmp_path) + "/in/bad\x1b]0;t\x07\udce9.mp3").write_text("no sound")
    arguments = (tmp_path / "in", "-o", tmp_path / "out", "--model", model)
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert not {"\x1b", "\x07"} & set(captured.out + captured.err)
    found = ResultTable(tmp_path / "out/summary.csv", SUMMARY_COLUMNS).rows
    assert {unescaped(name) for name in found} == set(ODD_NAMES)
    assert len({row["duration"] for row in found.values()}) == len(ODD_NAMES)
    for line in (tmp_path / "out/summary.csv").read_text().splitlines():
        assert not line.lstrip('"').startswith(tuple("=+-@"))
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.rttm")}
    assert len(before) == len(ODD_NAMES)
    assert run(*arguments) == 2
    assert (
        f"{len(ODD_NAMES)} of {len(ODD_NAMES) + 1}" in capsys.readouterr().err
    )
    after = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.rttm")}
    assert before == after


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_no_locale_changes_a_table(tmp_path, model, encoding):
    for name in ("café.wav", "cafe.wav", "音.wav", "byte\udce9.wav"):
        sound(tmp_path / "in" / name)
    (tmp_path / "in/gone é.mp3").write_text("no sound")
    command = [*COMMAND, "segment", "in", "--model", str(model), "-o", "out"]
    locale = {
        "PYTHONIOENCODING": encoding,
        "LC_ALL": "C" if encoding != "utf-8" else "C.UTF-8",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **locale}, capture_output=True
    )
    assert done.returncode == 2 and b"Traceback" not in done.stderr
    names = ["byte\\xe9.wav", "cafe.wav", "café.wav", "音.wav"]
    assert list(rows(tmp_path / "out")) == names
    assert list(rows(tmp_path / "out", "failures")) == ["gone é.mp3"]


@pytest.mark.parametrize(
    "name", [*ODD_NAMES, "\\\\x41", "a\\", "\u2028", "é\udcff"]
)
def test_escaped_names_come_back(name):
    text = escaped(name)
    assert unescaped(text) == name and text.isprintable() or "音" in name
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("how", ["-", "/dev/stdin", "file", "fifo"])
def test_standard_input(tmp_path, model, how):
    a = sound(tmp_path / "a.wav", 3.0)
    assert run(a, "--model", model, "-o", tmp_path / "named", "-q") == 0
    name = {"file": "-", "fifo": str(tmp_path / "fifo")}.get(how, how)
    for command in ("segment", "explain") if how == "-" else ("segment",):
        output = tmp_path / command
        arguments = [*COMMAND, command, name, "-o", str(output), "--model"]
        options = {} if how != "file" else {"stdin": open(a, "rb")}
        if how in ("-", "/dev/stdin"):
            options = {"input": a.read_bytes()}
        if how == "fifo":
            os.mkfifo(name)
            writer = threading.Thread(
                target=Path(name).write_bytes, args=(a.read_bytes(),)
            )
            writer.start()
        done = subprocess.run(
            [*arguments, str(model)], capture_output=True, **options
        )
        assert (done.returncode, done.stderr) == (0, b"")
        if how == "fifo":
            writer.join()
            Path(name).unlink()
    found, named = tmp_path / "segment/stdin.rttm", tmp_path / "named/a.rttm"
    assert found.read_text() == named.read_text().replace(" a ", " stdin ")
    assert list(rows(tmp_path / "segment")) == ["stdin"]
    if how == "-":
        page = (tmp_path / "explain/explanation.json").read_text()
        assert '"audio": "stdin"' in page


def test_a_pipe_into_which_nobody_writes(tmp_path, model, monkeypatch, capsys):
    monkeypatch.setattr(stream, "STALLED_SECONDS", 0.2)
    os.mkfifo(tmp_path / "fifo")
    assert run(tmp_path / "fifo", "--model", model, "-o", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: expected sound, got none for 0.2 s")


def test_recordings_of_broadcasters_are_found_in_a_folder(tmp_path):
    names = ["a.ts", "b.m2ts", "c.MTS", "d.vob", "e.wave", "f.bwf", "g.m4b"]
    for name in [*names, "notes.txt"]:
        (tmp_path / name).touch()
    assert sorted(names_of(tmp_path)) == sorted(names)


def test_standard_input_of_something_else(tmp_path, model):
    arguments = [*COMMAND, "segment", "-", "--model", str(model), "-o", "out"]

    def piped(content: bytes) -> subprocess.CompletedProcess:
        return subprocess.run(
            arguments, cwd=tmp_path, capture_output=True, input=content
        )

    one = sound(tmp_path / "a.wav", 3.0).read_bytes()
    assert piped(one).returncode == 0
    again = piped(one)
    assert again.returncode == 0 and b"1 of 1 recordings were" in again.stderr
    before = (tmp_path / "out/stdin.rttm").read_bytes()
    other = piped(sound(tmp_path / "b.wav", 2.0).read_bytes())
    assert other.returncode == 2 and b"--overwrite" in other.stderr
    assert (tmp_path / "out/stdin.rttm").read_bytes() == before
    for source in ("/dev/zero", "/dev/null"):
        with open(source) as stream:
            done = subprocess.run(
                arguments, cwd=tmp_path, capture_output=True, stdin=stream
            )
        assert done.returncode == 2 and done.stderr.count(b"\n") == 1
    empty = piped(b"")
    assert empty.returncode == 2 and empty.stderr.count(b"\n") == 1


def test_notes_and_classes_that_no_model_looks_for(tmp_path, capsys):
    """A row tells what is missing, of the sound and of the model."""
    result = Segmentation(
        "a", 4.0, [Segment(0.0, 1.0, "music")], np.zeros((199, 2)),
        classes=("speech", "music"), notes=("cut off", "track 2 of 3"),
    )  # fmt: skip
    row = summary_row("a.wav", result, {"formats": "rttm"})
    assert row["note"] == "cut off; track 2 of 3"
    cells = [row[name] for name in ("speech", "music", "noise", "overlap")]
    assert cells == ["0.000", "1.000", "", ""]
    lines = _table([row] * 50).splitlines()
    assert len(lines) == 22 and lines[20].startswith("... 31 more")
    assert lines[1].split()[:6] == ["a.wav", "0:00:04", "0.0", "s", "0", "%"]
    assert lines[-1].split()[:2] == ["all", "50"] and "50 notes" in lines[-1]
    assert lines[1].split()[-8:-6] == ["-", "-"]
