"""An archive as it is: interrupted, damaged, named in many ways."""

import csv
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from damaged_archive import COMMAND, damaged, interrupt, tree
from tiny_student import save_student, tones

from explainable_seg.audio.stream import Excerpt
from explainable_seg.commands.cli import main
from explainable_seg.corpora.manifest import Region, write_manifest
from explainable_seg.inference.batch import prefetched, read_ahead
from explainable_seg.inference.sources import find_jobs


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Folder of the tiny student."""
    return save_student(tmp_path_factory.mktemp("model") / "student")


def run(*arguments: object) -> int:
    """The command in this process."""
    return main([str(argument) for argument in arguments])


def test_killed_and_interrupted_runs_continue_to_the_same_end(model, tmp_path):
    archive, output = tmp_path / "archive", tmp_path / "out"
    archive.mkdir()
    for n in range(30):
        soundfile.write(archive / f"{n:02}.flac", tones(15.0 + n / 7), 16000)
    (archive / "broken.mp3").write_text("no sound")
    arguments = ["segment", archive, "--model", model, "--format", "rttm,json"]
    arguments += ["--device", "cpu"]
    assert run(*arguments, "--output", tmp_path / "whole") == 2
    command = [str(COMMAND), *map(str, arguments), "--output", str(output)]
    summary = output / "summary.csv"
    assert interrupt(command, summary, signal.SIGKILL, 3) == -signal.SIGKILL
    n_done = summary.read_bytes().count(b"\n") - 1
    assert 3 <= n_done < 30
    assert interrupt(command, summary, signal.SIGINT, n_done + 3) == 130
    assert n_done + 3 <= summary.read_bytes().count(b"\n") - 1 < 30
    assert run(*arguments, "--output", output) == 2
    assert tree(output) == tree(tmp_path / "whole")


def damaged_files(folder: Path, n_files: int, seed: int) -> None:
    """Damaged copies of a short sound in several formats."""
    rng = np.random.default_rng(seed)
    originals = []
    for extension in ("wav", "flac", "ogg", "mp3", "aiff"):
        path = folder / f"original.{extension}"
        soundfile.write(path, tones(0.5), 16000)
        originals.append(path.read_bytes())
        path.unlink()
    names = ("wav", "flac", "ogg", "mp3", "aiff")
    for n in range(n_files):
        content = damaged(originals[n % len(names)], rng)
        (folder / f"{n:03}.{names[n % len(names)]}").write_bytes(content)


def test_200_damaged_files_are_errors_or_results(
    model, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("PATH", "")  # without ffmpeg, and the same everywhere
    archive, output = tmp_path / "archive", tmp_path / "out"
    archive.mkdir()
    damaged_files(archive, 200, seed=3)
    soundfile.write(archive / "good.wav", tones(1.0), 16000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    arguments = ("segment", archive, "--model", model, "--output", output)
    assert run(*arguments) == 2
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 200 * 1024
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert all(line.startswith("error: ") for line in lines)
    with open(output / "failures.csv", newline="") as stream:
        failed = [row["file"] for row in csv.DictReader(stream)]
    assert len(lines) == len(failed) + 1
    done = [path.stem for path in output.glob("*.rttm")]
    assert len(done) + len(failed) == 201 and "good" in done
    assert 20 < len(failed) < 180  # the damages are of both kinds


def test_patterns_lists_and_folders_name_the_same(tmp_path, monkeypatch):
    for name in ("a/1.wav", "a/b/2.MP4", "a/b/notes.txt", "c/3.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    listed = tmp_path / "list.txt"
    listed.write_text("a/1.wav\n\na/b/2.MP4\nc/*.wav\n")
    monkeypatch.chdir(tmp_path)

    def names(*inputs: str) -> list[str]:
        jobs, failures = find_jobs([Path(name) for name in inputs])
        assert failures == {}
        return [job.name.as_posix() for job in jobs]

    assert names("a", "c/3.wav") == ["1.wav", "b/2.MP4", "3.wav"]
    assert names("a/**/*.wav", "?/*.wav") == ["a/1.wav", "c/3.wav"]
    assert names("@list.txt") == ["a/1.wav", "a/b/2.MP4", "c/3.wav"]
    jobs, _ = find_jobs([Path("@list.txt")], Excerpt(channel=2))
    assert {job.excerpt for job in jobs} == {Excerpt(channel=2)}


@pytest.mark.parametrize(
    "name, words",
    [
        ("*.flac", "expected a pattern that files match"),
        ("@missing.txt", "expected a list of recordings, got 'No such file"),
        ("@empty.txt", "expected a path a line, got none"),
        ("missing.csv", "missing.csv"),
        ("folder", "expected audio or video files"),
    ],
)
def test_inputs_without_recordings(tmp_path, monkeypatch, name, words):
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.txt").write_text("\n")
    monkeypatch.chdir(tmp_path)
    jobs, failures = find_jobs([Path(name)])
    assert jobs == [] and words in failures[name]


def test_regions_of_a_manifest(model, tmp_path):
    soundfile.write(tmp_path / "a show.wav", tones(6.0, 8000), 8000)
    regions = [
        Region(
            id=f"show/{k}",
            duration=2.0,
            wav="$data_root/a show.wav",
            start=8000 * start,
            stop=8000 * (start + 2),
            sample_rate=8000,
            recording="a_show",
            rttm=None,
            uems=dict.fromkeys(("speech", "music", "noise", "overlap")),
        )
        for k, start in enumerate((0, 3))
    ]
    write_manifest(tmp_path / "test.csv", regions)
    arguments = ["segment", tmp_path / "test.csv", "--data-root", tmp_path]
    arguments += ["--model", model, "--output", tmp_path / "out"]
    assert run(*arguments) == 0
    (line,) = (
        line
        for line in (tmp_path / "out/show_1.rttm").read_text().splitlines()
        if "speech" in line
    )
    assert line.split()[1:5] == ["a_show", "1", "3.0000", "2.0000"]
    assert (tmp_path / "out/show_0.rttm").exists()
    assert run(*arguments, "--start", 1) == 2


def test_what_is_decoded_ahead_keeps_its_order_and_its_errors():
    def source(n: int):
        for k in range(100):
            if n == 3 and k == 50:
                raise ValueError("broken")
            yield n, k

    found = []
    streams = prefetched((lambda n=n: source(n) for n in range(9)), workers=3)
    for n, stream in enumerate(streams):
        if n == 3:
            with pytest.raises(ValueError, match="broken"):
                list(stream)
        elif n == 5:  # given up in the middle
            found.append(next(iter(stream)))
        else:
            found += stream
    assert found == [
        (n, k) for n in range(9) for k in range(1 if n == 5 else 100) if n != 3
    ]


@pytest.mark.skipif(os.name != "posix", reason="counts of open files")
def test_files_are_closed(model, tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    for n in range(5):
        soundfile.write(archive / f"{n}.wav", tones(0.2), 16000)
    before = len(os.listdir("/dev/fd"))
    arguments = ("segment", archive, "--model", model)
    assert run(*arguments, "--output", tmp_path / "out") == 0
    assert len(os.listdir("/dev/fd")) <= before


def test_reading_ahead_gives_all_and_raises_where_the_source_does() -> None:
    def source() -> Iterator[int]:
        yield from range(40)
        raise ValueError("broken")

    seen = []
    with pytest.raises(ValueError, match="broken"):
        for item in read_ahead(source):
            seen.append(item)
    assert seen == list(range(40))
