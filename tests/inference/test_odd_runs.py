"""Runs that are odd: changed, interrupted, two at once, without room."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny_student import CONFIG, make_student, save_student, tones
from toy_archive import COMMAND, rows, run, sound, tree

from explainable_seg.errors import DiskFullError, ExplainableSegError
from explainable_seg.files import atomic_path
from explainable_seg.inference import results as locks
from explainable_seg.inference.batch import Progress, segment_files
from explainable_seg.inference.output_folder import OutputFolder
from explainable_seg.inference.results import locked_folder
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.inference.sources import Share, find_jobs


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Folder of the tiny student."""
    return save_student(tmp_path_factory.mktemp("model") / "student")


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


def kill_again_and_again(arguments: list[str], summary: Path) -> list[int]:
    """Rows of the summary after each of 40 runs, of which none ends.

    One run is killed some milliseconds after it has written a row, the next
    one somewhere on its way there.
    """
    script = (
        "import os, sys, threading, time\n"
        "from tqdm import tqdm\n"
        "from explainable_seg.commands.cli import main\n"
        # By default all that are forked share one, which one that is killed
        # would hold for ever.
        "tqdm.set_lock(threading.RLock())\n"
        # All code is loaded by a run before: that takes most of a run's time.
        "first = sorted(os.listdir(sys.argv[3]))[0]\n"
        "warm = [os.path.join(sys.argv[3], first), *sys.argv[4:-1]]\n"
        "main(['segment', *warm, sys.argv[-1] + '_warm', '-q'])\n"
        "def lines():\n"
        "    found = os.path.exists(sys.argv[1])\n"
        "    return open(sys.argv[1], 'rb').read().count(b'\\n') if found else 0\n"
        "for k in range(20):\n"
        "    for part in (None, k / 20):\n"
        "        began, before, child = time.monotonic(), lines(), os.fork()\n"
        "        if not child:\n"
        "            os._exit(main(sys.argv[2:]))\n"
        "        if part is None:\n"
        "            while lines() <= before:\n"
        "                assert time.monotonic() < began + 60\n"
        "                time.sleep(0.001)\n"
        "            taken = time.monotonic() - began\n"
        "            time.sleep(0.003 * k)\n"
        "        else:\n"
        "            time.sleep(taken * part)\n"
        "        os.kill(child, 9)\n"
        "        assert os.waitpid(child, 0)[1] == 9, 'it had ended'\n"
        "        print(lines())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(summary), *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return list(map(int, done.stdout.split()))


def test_kill_9_at_20_moments_twice_in_a_row(tmp_path, model):
    for n in range(90):
        sound(tmp_path / f"in/{n:03}.wav", 4.0 + n / 50)
    (tmp_path / "in/broken.mp3").write_text("no sound")
    arguments = [str(tmp_path / "in"), "--model", str(model)]
    arguments += ["--format", "rttm,json", "--device", "cpu", "-o"]
    assert run(*arguments, tmp_path / "whole") == 2
    output = tmp_path / "out"
    arguments.append(str(output))
    counts = kill_again_and_again(
        ["segment", *arguments], output / "summary.csv"
    )
    assert len(set(counts)) >= 20 and counts == sorted(counts)
    assert run(*arguments) == 2
    assert tree(output) == tree(tmp_path / "whole")


@contextmanager
def at_work(folder: Path, share: str = "") -> Iterator[subprocess.Popen]:
    """Another process that holds an output folder."""
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from explainable_seg.inference.results import locked_folder\n"
        "from explainable_seg.inference.sources import Share\n"
        "share = Share(*map(int, sys.argv[2].split('/'))) if sys.argv[2] else None\n"
        "with locked_folder(Path(sys.argv[1]), share):\n"
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
    monkeypatch.setattr(locks, "LOCK_PATIENCE", 0.2)
    with at_work(tmp_path / "out", theirs):
        if free:
            with locked_folder(tmp_path / "out", ours):
                pass
        else:
            with pytest.raises(ExplainableSegError, match="--share K/N"):
                with locked_folder(tmp_path / "out", ours):
                    pass
    # It was killed: nothing is in the way, and nothing stays.
    with locked_folder(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path / "out") == []


def test_a_second_run_is_told(tmp_path, model, capsys, monkeypatch):
    monkeypatch.setattr(locks, "LOCK_PATIENCE", 0.2)
    with at_work(tmp_path / "out"):
        arguments = (sound(tmp_path / "a.wav"), "--model", model)
        assert run(*arguments, "-o", tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "expected no other run in the output folder" in line


def test_a_folder_that_cannot_be_locked_is_used(tmp_path, monkeypatch):
    def refuse(self: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locks.FileLock, "acquire", refuse)
    with locked_folder(tmp_path / "out"):
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
        # What starts the tests may ignore it (nohup does).
        preexec_fn=lambda: signal.signal(sign, signal.SIG_DFL),
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
    with pytest.raises(DiskFullError, match="No space left on device"):
        with atomic_path(tmp_path / "a.wav"):
            raise RuntimeError("Error in writing")


def test_what_was_emptied_is_made_again(tmp_path, model):
    sound(tmp_path / "a.wav", 3.0)
    common = (tmp_path / "a.wav", "-o", tmp_path / "out", "--model", model)
    low = ("--threshold", "speech=0")
    assert run(*common, *low) == 0
    whole = (tmp_path / "out/a.rttm").read_bytes()
    (tmp_path / "out/a.rttm").write_bytes(b"")
    assert whole and run(*common, *low) == 0
    assert (tmp_path / "out/a.rttm").read_bytes() == whole


def test_settings_that_differ_are_named(tmp_path, model, capsys):
    sound(tmp_path / "a.wav", 3.0)
    common = (tmp_path / "a.wav", "-o", tmp_path / "out", "--model", model)
    assert run(*common, "--min-on", "speech=0.5") == 0
    assert run(*common, "--min-on", "speech=0.25") == 2
    told = capsys.readouterr().err
    assert "got decisions.min_on.speech=0.25 for 0.5" in told


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"settings": {}}'])
def test_settings_that_cannot_be_read(tmp_path, model, capsys, damage):
    sound(tmp_path / "a.wav", 3.0)
    common = (tmp_path / "a.wav", "-o", tmp_path / "out", "--model", model)
    assert run(*common) == 0
    (tmp_path / "out/.explainable-seg.json").write_text(damage)
    assert run(*common) == 2
    told = capsys.readouterr().err
    assert "got none that can be read" in told and "--overwrite" in told
    assert run(*common, "--overwrite") == 0
    assert run(*common) == 0
