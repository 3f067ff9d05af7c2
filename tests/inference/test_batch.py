"""Folders in, folders out, and what fails does not stop the rest."""

import csv
import os
import threading
from pathlib import Path

import pytest
import soundfile
from tiny_student import CONFIG, make_student, tones

from explainable_seg.audio.stream import WHOLE
from explainable_seg.decisions.rules import make_rules
from explainable_seg.errors import ExplainableSegError
from explainable_seg.inference.batch import segment_files
from explainable_seg.inference.output_folder import (
    SETTINGS,
    OutputFolder,
    run_settings,
)
from explainable_seg.inference.results import FAILURE_COLUMNS, SUMMARY_COLUMNS
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.inference.sources import Job, find_jobs


@pytest.fixture(scope="module")
def segmenter() -> ExplainableSegmenter:
    """The tiny student."""
    return ExplainableSegmenter(make_student(), CONFIG)


@pytest.fixture
def archive(tmp_path) -> Path:
    """A tree of three recordings, one broken file and some others."""
    for name in ("b.wav", "2024/a.flac", "2024/may/c d.OGG"):
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tones(1.5), 16000, format=path.suffix[1:].upper())
    (tmp_path / "archive/2024/broken.mp3").write_text("no sound")
    (tmp_path / "archive/notes.txt").write_text("no sound either")
    (tmp_path / "archive/._b.wav").write_text("what macOS leaves behind")
    hidden = tmp_path / "archive/.trash/old.wav"
    hidden.parent.mkdir()
    hidden.write_text("thrown away")
    return tmp_path / "archive"


def run(
    segmenter, inputs, output, formats=("rttm",), overwrite=False, settings=None
) -> list[str]:
    """Segment; the names of what failed."""
    told: list[str] = []
    jobs, no_audio = find_jobs(inputs)
    results = OutputFolder(output, formats, settings or {}, overwrite)
    todo, refused = results.unfinished(results.named(jobs))
    for name, message in {**no_audio, **refused}.items():
        results.fail_input(name, message)
    n_failed = segment_files(segmenter, todo, results, told.append)
    rows = results.failures.rows
    assert n_failed == len(told)
    assert set(told) <= {row["error"] for row in rows.values()}
    return list(rows)


def files(folder: Path) -> list[str]:
    """All files below a folder, but the settings."""
    return sorted(
        p.relative_to(folder).as_posix()
        for p in folder.rglob("*")
        if p.is_file() and p.name != SETTINGS
    )


def table(path: Path) -> list[list[str]]:
    """Rows of a CSV file."""
    with open(path, newline="") as stream:
        return list(csv.reader(stream))


def test_folders_are_searched_and_keep_their_tree(archive):
    jobs, failures = find_jobs([archive, archive / "notes.txt"])
    assert failures == {}
    assert [job.name.as_posix() for job in jobs] == [
        "2024/a.flac",
        "2024/broken.mp3",
        "2024/may/c d.OGG",
        "b.wav",
        "notes.txt",
    ]
    assert jobs[2].path == archive / "2024/may/c d.OGG"
    assert jobs[2].output(Path("o"), ".rttm") == Path("o/2024/may/c d.rttm")
    job = Job(Path("x/show.v2.wav"), Path("show.v2.wav"))
    assert job.output(Path("o"), ".rttm") == Path("o/show.v2.rttm")


def test_a_batch_writes_what_it_can(archive, tmp_path, segmenter):
    output = tmp_path / "out"
    failed = run(segmenter, [archive], output, ("rttm", "csv", "json"))
    assert failed == ["2024/broken.mp3"]
    stems = ("2024/a", "2024/may/c d", "b")
    results = [f"{s}{e}" for s in stems for e in (".rttm", ".csv", ".json")]
    assert files(output) == sorted([*results, "failures.csv", "summary.csv"])
    assert " c_d " in (output / "2024/may/c d.rttm").read_text()
    header, *rows = table(output / "summary.csv")
    assert tuple(header) == SUMMARY_COLUMNS
    assert [row[0] for row in rows] == [
        "2024/a.flac",
        "2024/may/c d.OGG",
        "b.wav",
    ]
    assert rows[2][1:3] == ["1.500", "1.500"] and rows[2][5] == "0.000"
    header, (name, error) = table(output / "failures.csv")
    assert tuple(header) == FAILURE_COLUMNS
    assert name == "2024/broken.mp3" and str(archive / name) in error


def test_a_result_does_not_depend_on_its_company(archive, tmp_path, segmenter):
    run(segmenter, [archive], tmp_path / "all")
    run(segmenter, [archive / "b.wav"], tmp_path / "one")
    assert (tmp_path / "all/b.rttm").read_bytes() == (
        tmp_path / "one/b.rttm"
    ).read_bytes()


def test_tables_tell_of_all_runs_into_a_folder(archive, tmp_path, segmenter):
    output = tmp_path / "out"
    run(segmenter, [archive / "2024"], output)
    soundfile.write(archive / "broken.wav", tones(1.0), 16000)
    broken = archive / "2024/broken.mp3"
    broken.unlink()
    soundfile.write(broken, tones(1.0), 16000)
    assert run(segmenter, [archive / "b.wav", broken], output) == []
    assert not (output / "failures.csv").exists()
    names = [row[0] for row in table(output / "summary.csv")]
    assert names == ["file", "a.flac", "b.wav", "broken.mp3", "may/c d.OGG"]


def test_a_missing_file_and_an_empty_folder_are_failures(
    archive, tmp_path, segmenter
):
    (tmp_path / "empty").mkdir()
    inputs = [tmp_path / "no.wav", tmp_path / "empty", archive / "b.wav"]
    failed = run(segmenter, inputs, tmp_path / "out")
    assert sorted(failed) == [str(tmp_path / "empty"), "no.wav"]
    assert (tmp_path / "out/b.rttm").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_closed_folder_is_a_failure(archive, tmp_path, segmenter):
    (archive / "2024/may").chmod(0)
    failed = run(segmenter, [archive], tmp_path / "out")
    (archive / "2024/may").chmod(0o755)
    assert sorted(failed) == [str(archive / "2024/may"), "2024/broken.mp3"]
    assert (tmp_path / "out/b.rttm").exists()


def test_only_failures_leave_no_result(tmp_path, segmenter):
    run(segmenter, [tmp_path / "no.wav"], tmp_path / "out")
    assert files(tmp_path / "out") == ["failures.csv"]


class Interrupted:
    """Segments, until the third file."""

    def __init__(self, segmenter: ExplainableSegmenter):
        self.segmenter, self.config = segmenter, segmenter.config
        self.n_files = 0

    def segment_blocks(self, *arguments):
        self.n_files += 1
        if self.n_files == 3:
            raise KeyboardInterrupt
        return self.segmenter.segment_blocks(*arguments)


def test_an_interrupted_run_leaves_whole_files_and_a_summary(
    archive, tmp_path, segmenter
):
    output = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(segmenter), [archive], output)
    assert files(output) == ["2024/a.rttm", "failures.csv", "summary.csv"]
    assert len(table(output / "summary.csv")) == 2
    names = [thread.name for thread in threading.enumerate()]
    assert not any(name.startswith("decoder") for name in names)


def tree(folder: Path) -> dict[str, bytes]:
    """Content of all files below a folder."""
    found = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


def test_an_interrupted_run_is_continued(archive, tmp_path, segmenter):
    run(segmenter, [archive], tmp_path / "whole", ("rttm", "json"))
    output = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(segmenter), [archive], output, ("rttm", "json"))
    done = output / "2024/a.rttm"
    before = done.stat().st_mtime_ns
    run(segmenter, [archive], output, ("rttm", "json"))
    assert tree(output) == tree(tmp_path / "whole")
    assert done.stat().st_mtime_ns == before


def test_a_row_that_was_cut_off_is_done_again(archive, tmp_path, segmenter):
    run(segmenter, [archive], tmp_path / "out")
    expected = tree(tmp_path / "out")
    summary = tmp_path / "out/summary.csv"
    summary.write_bytes(summary.read_bytes()[:-3])
    (tmp_path / "out/b.rttm").write_text("half")
    run(segmenter, [archive], tmp_path / "out")
    assert tree(tmp_path / "out") == expected


def test_another_format_is_added(archive, tmp_path, segmenter):
    run(segmenter, [archive / "b.wav"], tmp_path / "out")
    (tmp_path / "out/b.rttm").write_text("edited")
    run(segmenter, [archive / "b.wav"], tmp_path / "out", ("rttm", "csv"))
    assert files(tmp_path / "out") == ["b.csv", "b.rttm", "summary.csv"]
    assert (tmp_path / "out/b.rttm").read_text() == "edited"
    run(segmenter, [archive / "b.wav"], tmp_path / "out", overwrite=True)
    assert (tmp_path / "out/b.rttm").read_text() != "edited"


def test_results_of_other_settings_do_not_mix(archive, tmp_path, segmenter):
    def again(model: str, overwrite: bool = False):
        settings = {"model": model}
        inputs, output = [archive / "b.wav"], tmp_path / "out"
        return run(segmenter, inputs, output, ("rttm",), overwrite, settings)

    again("a")
    again("a")
    with pytest.raises(ExplainableSegError, match="expected the model of the"):
        again("b")
    again("b", overwrite=True)
    with pytest.raises(ExplainableSegError, match="expected the model of the"):
        again("a")


def test_settings_are_all_that_results_depend_on(segmenter):
    rules = make_rules(segmenter.config)
    settings = run_settings(segmenter.config, rules, WHOLE)
    for change in ({"level": -20.0}, {"step": 0.5}, {"context": 3}):
        other = run_settings({**segmenter.config, **change}, rules, WHOLE)
        assert other["model"] != settings["model"]


def test_a_file_that_is_named_twice_is_one(archive):
    (archive.parent / "link").symlink_to(archive)
    for inputs in (
        [archive / "b.wav", archive / "b.wav"],
        [archive / "b.wav", archive / "2024/../b.wav"],
        [archive, archive / "2024/a.flac"],
        [archive / "2024/a.flac", archive],
        [archive.parent / "link", archive],
    ):
        jobs, failures = find_jobs(inputs)
        names = sorted(job.name.as_posix() for job in jobs)
        every = ["2024/a.flac", "2024/broken.mp3", "2024/may/c d.OGG", "b.wav"]
        assert names == (every if len(names) > 1 else ["b.wav"])
        assert failures == {}


def test_names_that_differ_in_their_extension(archive, tmp_path, segmenter):
    soundfile.write(archive / "b.mp3", tones(1.0), 16000)
    soundfile.write(archive / "b.wav.flac", tones(1.0), 16000)
    both = tmp_path / "both"
    run(segmenter, [archive], both)
    results = ["2024/a.rttm", "2024/may/c d.rttm", "b.mp3.rttm", "b.wav.rttm"]
    results.append("b.wav.flac.rttm")
    tables = ["failures.csv", "summary.csv"]
    assert files(both) == sorted([*results, *tables])
    # One after the other, in any order, and again: the same files.
    for k, order in enumerate(([0, 1, 2], [2, 1, 0], [1, 0, 2])):
        output = tmp_path / f"out{k}"
        named = [archive / f"b.{e}" for e in ("wav", "mp3", "wav.flac")]
        for place in order:
            run(segmenter, [named[place]], output)
        run(segmenter, [archive], output)
        assert tree(output) == tree(both)


def test_names_that_differ_in_their_folder(archive, tmp_path, segmenter):
    other = tmp_path / "other"
    other.mkdir()
    soundfile.write(other / "b.wav", tones(1.0), 16000)
    inputs = [archive / "b.wav", other / "b.wav"]
    assert run(segmenter, inputs, tmp_path / "out") == []
    results = ["archive/b.rttm", "other/b.rttm", "summary.csv"]
    assert files(tmp_path / "out") == results
    run(segmenter, inputs[::-1], tmp_path / "again")
    assert tree(tmp_path / "again") == tree(tmp_path / "out")


def test_another_recording_of_a_finished_name(archive, tmp_path, segmenter):
    other, output = tmp_path / "other", tmp_path / "out"
    other.mkdir()
    soundfile.write(other / "b.wav", tones(1.0), 16000)
    run(segmenter, [archive / "b.wav"], output)
    before = tree(output)
    failed = run(segmenter, [other / "b.wav", archive / "2024/a.flac"], output)
    assert failed == [str(other / "b.wav")]
    assert (output / "b.rttm").read_bytes() == before["b.rttm"]
    assert (output / "a.rttm").exists()
    assert run(segmenter, [other / "b.wav"], output, overwrite=True) == []


@pytest.mark.parametrize("name", ["summary", "failures", "summary.1-of-2"])
def test_a_recording_named_like_a_table(tmp_path, segmenter, name):
    sound = tmp_path / f"{name}.wav"
    soundfile.write(sound, tones(1.0), 16000)
    run(segmenter, [sound], tmp_path / "out", ("rttm", "csv"))
    results = [f"{name}.wav.csv", f"{name}.wav.rttm", "summary.csv"]
    assert files(tmp_path / "out") == sorted(results)
    bare = sound.rename(tmp_path / name)
    failed = run(segmenter, [bare], tmp_path / "out", ("rttm", "csv"))
    assert failed == [str(bare)]
    assert table(tmp_path / "out/summary.csv")[1][0] == f"{name}.wav"


def test_what_exists_is_refused(archive, tmp_path, segmenter):
    (tmp_path / "b.json").write_text("mine")
    with pytest.raises(ExplainableSegError, match="b.json; use --overwrite"):
        run(segmenter, [archive / "b.wav"], tmp_path, ("rttm", "json"))
    assert not (tmp_path / "b.rttm").exists()
    run(segmenter, [archive / "b.wav"], tmp_path)
    assert (tmp_path / "b.json").read_text() == "mine"
    run(segmenter, [archive / "b.wav"], tmp_path, ("json",), overwrite=True)
    assert (tmp_path / "b.json").read_text() != "mine"


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "file,errors\n"])
def test_a_table_that_is_not_ours_is_left_alone(
    archive, tmp_path, segmenter, content
):
    (tmp_path / "failures.csv").write_text(content)
    with pytest.raises(ExplainableSegError, match="failures.csv; remove it"):
        run(segmenter, [archive / "b.wav"], tmp_path)
    assert (tmp_path / "failures.csv").read_text() == content
    assert not (tmp_path / "b.rttm").exists()


def test_names_that_are_not_utf8(tmp_path, segmenter):
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in/a.wav", tones(1.0), 16000)
    (tmp_path / "in/a.wav").rename(str(tmp_path) + "/in/b\udce9.wav")
    Path(str(tmp_path) + "/in/bad\udce9.wav").write_text("no sound")
    failed = run(segmenter, [tmp_path / "in"], tmp_path / "out")
    assert failed == [r"bad\xe9.wav"]
    run(segmenter, [tmp_path / "in"], tmp_path / "out")
    assert [row[0] for row in table(tmp_path / "out/summary.csv")] == [
        "file",
        r"b\xe9.wav",
    ]
    assert Path(str(tmp_path) + "/out/b\udce9.rttm").exists()
