"""Archives that are odd: links, pipes, names, changes, other runs at work."""

import csv
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_student import CONFIG, make_student, save_student, tones

from explainable_seg.cli import main
from explainable_seg.commands.segment import _table
from explainable_seg.errors import DiskFullError, ExplainableSegError
from explainable_seg.files import atomic_path, escaped, unescaped
from explainable_seg.inference import locks
from explainable_seg.inference.batch import Progress, segment_files
from explainable_seg.inference.locks import locked
from explainable_seg.inference.output_folder import OutputFolder
from explainable_seg.inference.segmentation import Segment, Segmentation
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.inference.sources import Job, Share, find_jobs
from explainable_seg.inference.tables import SUMMARY_COLUMNS, Table, summary_row

COMMAND = [sys.executable, "-m", "explainable_seg"]
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


@pytest.fixture(scope="module")
def segmenter() -> ExplainableSegmenter:
    """The tiny student."""
    return ExplainableSegmenter(make_student(), CONFIG)


def run(*arguments: object) -> int:
    """The command in this process."""
    return main(["segment", *map(str, arguments)])


def sound(path: Path, seconds: float = 0.5) -> Path:
    """A recording."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as stream:  # its name need not be UTF-8
        soundfile.write(stream, tones(seconds), 16000, format="WAV")
    return path


def rows(folder: Path, name: str = "summary") -> dict[str, dict[str, str]]:
    """Rows of a table by their file; none without one."""
    path = folder / f"{name}.csv"
    if not path.exists():
        return {}
    with open(path, newline="", encoding="utf-8") as stream:
        return {row["file"]: row for row in csv.DictReader(stream)}


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
    found = Table(tmp_path / "out/summary.csv", SUMMARY_COLUMNS).rows
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


def test_a_changed_recording_is_done_again(tmp_path, model):
    archive, output = tmp_path / "in", tmp_path / "out"
    whole = sound(archive / "a.wav", 3.0).read_bytes()
    sound(archive / "b.wav")
    (archive / "a.wav").write_bytes(whole[:40_000])
    arguments = (archive, "--model", model, "-o", output, "-q")
    run(*arguments)
    half = rows(output)["a.wav"]["duration"]
    (archive / "a.wav").write_bytes(whole)
    other = (output / "b.rttm").stat().st_mtime_ns
    assert run(*arguments) == 0
    assert (half, rows(output)["a.wav"]["duration"]) == ("1.249", "3.000")
    assert (output / "b.rttm").stat().st_mtime_ns == other


def test_a_part_that_is_overwritten_is_not_taken_for_the_rest(
    tmp_path, model, capsys
):
    a, b = sound(tmp_path / "a.wav", 3.0), sound(tmp_path / "b.wav", 3.0)
    common = ("-o", tmp_path / "out", "--model", model)
    high = ("--threshold", "speech=1")
    assert run(a, b, *common, "--format", "rttm,json") == 0
    assert run(a, *common, *high, "--overwrite") == 0
    found = rows(tmp_path / "out")
    assert found["a.wav"]["settings"] != found["b.wav"]["settings"]
    assert (found["a.wav"]["speech"], found["b.wav"]["speech"]) == (
        "0.000",
        "3.000",
    )
    # No file of the old result stays beside the new one.
    assert (
        '"speech"'
        not in (tmp_path / "out/a.json").read_text().split('"segments"')[1]
    )
    capsys.readouterr()
    assert run(a, b, *common) == 2
    assert (
        "expected the decisions of the earlier run" in capsys.readouterr().err
    )
    assert run(a, b, *common, *high) == 0
    assert "1 of 2 recordings were finished" in capsys.readouterr().err
    found = rows(tmp_path / "out")
    assert found["b.wav"]["speech"] == "0.000"
    assert found["a.wav"]["settings"] == found["b.wav"]["settings"]
    whole = (a, b, "-o", tmp_path / "whole", "--model", model, *high)
    assert run(*whole, "--format", "rttm,json") == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def tree(folder: Path) -> dict[str, bytes]:
    """Content of all files below a folder."""
    found = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


@pytest.mark.parametrize("share", [(), ("--share", "1/1")])
def test_a_failure_is_not_beside_an_old_result(tmp_path, model, share):
    a, output = sound(tmp_path / "in/a.wav"), tmp_path / "out"
    common = (tmp_path / "in", "--model", model, "-o", output)
    assert run(*common, "--format", "rttm,json") == 0
    a.write_text("no sound")
    assert run(*common, "--overwrite", *share) == 2
    assert run(*common) == 2
    assert set(tree(output)) == {".explainable-seg.json", "failures.csv"}
    sound(a)
    assert run(*common, *share) == 0
    assert run(*common) == 0
    assert set(tree(output)) == {
        ".explainable-seg.json",
        "a.rttm",
        "summary.csv",
    }


def test_a_result_that_cannot_be_written_is_a_failure(tmp_path, model):
    for name in ("a.wav", "b.wav", "n" * 250 + ".wav"):
        sound(tmp_path / "in" / name)
    (tmp_path / "out/a.rttm").mkdir(parents=True)
    arguments = (tmp_path / "in", "--model", model, "-o", tmp_path / "out")
    for _ in range(2):
        assert run(*arguments, "--format", "json,rttm,textgrid") == 2
        assert list(rows(tmp_path / "out")) == ["b.wav"]
        failed = rows(tmp_path / "out", "failures")
        assert set(failed) == {"a.wav", "n" * 250 + ".wav"}
        assert not (tmp_path / "out/a.json").exists()


class Failing(ExplainableSegmenter):
    """Has no memory for the second recording, and a defect for the third."""

    n_files = 0

    def segment_blocks(self, *arguments):
        self.n_files += 1
        if self.n_files == 2:
            raise MemoryError
        if self.n_files == 3:
            raise ZeroDivisionError("by zero")
        return super().segment_blocks(*arguments)


def test_what_nobody_foresaw_stops_no_other(tmp_path):
    for n in range(4):
        sound(tmp_path / f"in/{n}.wav")
    jobs, _ = find_jobs([tmp_path / "in"])
    output = OutputFolder(tmp_path / "out", ["rttm"], {})
    failing = Failing(make_student(), CONFIG)
    told: list[str] = []
    assert segment_files(failing, jobs, output, told.append) == 2
    assert list(rows(tmp_path / "out")) == ["0.wav", "3.wav"]
    assert (
        "--batch-size" in told[0] and "ZeroDivisionError 'by zero'" in told[1]
    )


def test_half_rows_are_healed(tmp_path, model):
    for n in range(4):
        sound(tmp_path / f"in/{n}.wav")
    arguments = (
        tmp_path / "in",
        "--model",
        model,
        "-o",
        tmp_path / "out",
        "-q",
    )
    assert run(*arguments) == 0
    expected, summary = tree(tmp_path / "out"), tmp_path / "out/summary.csv"
    content = summary.read_bytes()
    header, *lines = content.splitlines(keepends=True)
    damages = [content[:-n] for n in range(1, len(lines[-1]) + 1, 7)]
    damages += [
        header
        + lines[0][:9]
        + b"".join(lines[1:]),  # written behind a half one
        header + lines[0] + b"\0" * 64 + b"\n" + lines[1],
        header + b'"' + lines[0] + lines[1],
        header + b"\xff" * 200_000 + b"\n" + lines[1],
        header,
    ]
    for damage in damages:
        summary.write_bytes(damage)
        assert run(*arguments) == 0
        assert tree(tmp_path / "out") == expected


def test_kill_9_at_20_moments_twice_in_a_row(tmp_path, model):
    for n in range(12):
        sound(tmp_path / f"in/{n:02}.wav", 20.0 + n)
    (tmp_path / "in/broken.mp3").write_text("no sound")
    options = ["in", "--model", str(model), "--format", "rttm,json"]
    command = [*COMMAND, "segment", *options, "--device", "cpu"]
    whole = subprocess.run(
        [*command, "-o", "whole"], cwd=tmp_path, capture_output=True
    )
    assert whole.returncode == 2
    script = (
        "import os, sys, threading, time\n"
        "from explainable_seg.cli import main\n"
        "import explainable_seg.inference.batch, explainable_seg.inference.locks\n"
        "import explainable_seg.inference.segmenter\n"
        "for moment in map(float, sys.argv[1].split(',')):\n"
        "    child = os.fork()\n"
        "    if child:\n"
        "        time.sleep(moment)\n"
        "        os.kill(child, 9)\n"
        "        os.waitpid(child, 0)\n"
        "        continue\n"
        "    os._exit(main(sys.argv[2:]))\n"
    )
    # Starting up takes most of a run's time: the model's code is loaded once.
    moments = [0.02 + 0.06 * k for k in range(20)]
    pairs = ",".join(f"{moment},{moment / 2}" for moment in moments)
    subprocess.run(
        [sys.executable, "-c", script, pairs, *command[3:], "-o", "out"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    last = subprocess.run(
        [*command, "-o", "out"], cwd=tmp_path, capture_output=True, text=True
    )
    assert last.returncode == 2, last.stderr
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


@contextmanager
def at_work(folder: Path, share: str = "") -> Iterator[subprocess.Popen]:
    """Another process that holds an output folder."""
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from explainable_seg.inference.locks import locked\n"
        "from explainable_seg.inference.sources import Share\n"
        "share = Share(*map(int, sys.argv[2].split('/'))) if sys.argv[2] else None\n"
        "with locked(Path(sys.argv[1]), share):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder), share],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stdout.readline() == b"held\n"
        yield process
        process.kill()


@pytest.mark.parametrize(
    "theirs, ours, free",
    [
        ("", None, False),
        ("", Share(1, 2), False),
        ("1/2", None, False),
        ("1/2", Share(1, 2), False),
        ("1/2", Share(2, 2), True),
    ],
)
def test_a_folder_in_use_is_locked(tmp_path, monkeypatch, theirs, ours, free):
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    with at_work(tmp_path / "out", theirs):
        if free:
            with locked(tmp_path / "out", ours):
                pass
        else:
            with pytest.raises(ExplainableSegError, match="--share K/N"):
                with locked(tmp_path / "out", ours):
                    pass
    # It was killed: nothing is in the way, and nothing stays.
    with locked(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path / "out") == []


def test_a_second_run_is_told(tmp_path, model, capsys, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    with at_work(tmp_path / "out"):
        arguments = (sound(tmp_path / "a.wav"), "--model", model)
        assert run(*arguments, "-o", tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "expected no other run in the output folder" in line


def test_a_folder_that_cannot_be_locked_is_used(tmp_path, monkeypatch):
    def refuse(self: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locks.FileLock, "acquire", refuse)
    with locked(tmp_path / "out"):
        (tmp_path / "out/a").write_text("")


def test_leftovers_of_killed_runs_are_removed(tmp_path, model):
    a, output = sound(tmp_path / "a.wav"), tmp_path / "out"
    assert run(a, "--model", model, "-o", output) == 0
    expected = tree(output)
    with atomic_path(output / "sub/x.rttm") as temporary:
        temporary.touch()
        name = temporary.name
    (output / "sub/x.rttm").unlink()
    (output / "sub" / name).write_text("half")
    (output / ".mine.rttm").write_text("not ours")
    assert run(a, "--model", model, "-o", output) == 0
    assert tree(output) == {**expected, ".mine.rttm": b"not ours"}


@pytest.mark.parametrize(
    "sign, code, word",
    [
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "terminated"),
        (signal.SIGINT, 130, "interrupted"),
    ],
)
def test_signals_end_a_run_with_its_tables(tmp_path, model, sign, code, word):
    for n in range(40):
        sound(tmp_path / f"in/{n:02}.wav", 20.0)
    (tmp_path / "in/0.mp3").write_text("no sound")
    arguments = ["in", "--model", str(model), "-o", "out", "--device", "cpu"]
    with subprocess.Popen(
        [*COMMAND, "segment", *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        summary = tmp_path / "out/summary.csv"
        while not summary.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(sign)
        _, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert told.splitlines()[-1] == f"error: {word}"
    assert 0 < len(rows(tmp_path / "out")) < 40
    assert list(rows(tmp_path / "out", "failures")) == ["0.mp3"]


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


def test_a_disk_that_is_full_stops_with_one_line(tmp_path, model):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)],
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        for n in range(30):
            sound(tmp_path / f"in/{n:02}.wav", 20.0)
        for arguments in (
            ["segment", "in", "--format", "json"],
            ["explain", "in/00.wav"],
            ["export"],
        ):
            output = str(disk / arguments[0])
            done = subprocess.run(
                [*COMMAND, *arguments, "-o", output, "--model", str(model)],
                cwd=tmp_path,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 2
            (line,) = done.stderr.splitlines()
            assert "room" in line and str(disk) in line
            for folder, _, names in os.walk(output):
                assert not any(
                    ".explainable-seg." in n for n in names if n[-5:] != ".json"
                )
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_line_a_minute_where_there_is_no_bar():
    said: list[str] = []

    class Stream:
        duration = 4.0

    with Progress(2, said.append, every=0.0) as progress:
        blocks = [tones(1.0)] * 4
        assert len(list(progress.watch(iter(blocks), Stream()))) == 4
        progress.finish()
    assert said[0].startswith("12 %: 0/2 files, 0.0 h")
    assert said[-1].startswith("50 %: 1/2 files")
    with Progress(2, None, every=0.0) as progress:
        progress.finish()


def test_a_library_that_hides_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("explainable_seg.files.free_bytes", lambda folder: 0)
    with pytest.raises(DiskFullError, match="got a full disk"):
        with atomic_path(tmp_path / "a.wav"):
            raise RuntimeError("Error in writing")
    assert resource.RLIM_INFINITY  # the file system's own error is no mask
    with pytest.raises(PermissionError):
        with atomic_path(tmp_path / "a.wav"):
            raise PermissionError(13, "Permission denied")


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
