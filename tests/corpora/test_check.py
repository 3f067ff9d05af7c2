"""The validator: every problem, with file and line."""

import csv
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from explainable_seg.classes import CLASSES
from explainable_seg.commands.cli import main
from explainable_seg.corpora.check import check_manifest
from explainable_seg.corpora.manifest import COLUMNS

RATE = 8000


@pytest.fixture
def folder(tmp_path):
    """Two recordings of two seconds, everything annotated and right."""
    rows = []
    for name in ("one", "two"):
        soundfile.write(tmp_path / f"{name}.flac", np.zeros(2 * RATE), RATE)
        (tmp_path / f"{name}.rttm").write_text(
            "".join(
                f"SPEAKER {name} 1 {start} 0.5 <NA> <NA> {label} <NA> <NA>\n"
                for start, label in zip((0, 0.5, 1, 1.5), CLASSES)
            )
        )
        (tmp_path / f"{name}.uem").write_text(f"{name} 1 0 2\n")
        rows.append(row(tmp_path, name))
    write(tmp_path, rows)
    return tmp_path


def row(folder, name, **changes):
    """A row of the manifest."""
    values = {
        "ID": name,
        "duration": 2.0,
        "wav": folder / f"{name}.flac",
        "start": 0,
        "stop": 2 * RATE,
        "sample_rate": RATE,
        "recording": name,
        "rttm": folder / f"{name}.rttm",
        **{f"{c}_uem": folder / f"{name}.uem" for c in CLASSES},
    }
    return {**values, **changes}


def write(folder, rows):
    """Write the manifest."""
    with open(folder / "train.csv", "w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def problems(folder, **options):
    """Problems, as lines."""
    return [str(p) for p in check_manifest(folder / "train.csv", **options)]


def test_a_right_manifest_has_no_problem(folder):
    assert problems(folder) == []
    assert problems(folder, processes=2) == []


def test_all_problems_are_listed_each_with_its_line(folder):
    write(
        folder,
        [
            row(folder, "one", start="x"),
            row(folder, "two", wav=folder / "gone.wav"),
            row(folder, "one", ID="two"),
        ],
    )
    found = problems(folder)
    manifest = folder / "train.csv"
    assert [line.split(": ")[0] for line in found] == [
        f"{manifest}:2",
        f"{manifest}:4",
        f"{manifest}:3",
    ]
    assert "whole number for start" in found[0]
    assert "each ID once" in found[1]
    assert "expected an audio file, got 'No such file" in found[2]


def test_a_file_that_stops_early_is_found_by_decoding(folder):
    audio = np.random.default_rng(0).uniform(-1, 1, 2 * RATE)
    soundfile.write(folder / "two.flac", audio, RATE)
    whole = (folder / "two.flac").read_bytes()
    (folder / "two.flac").write_bytes(whole[: len(whole) // 2])
    (found,) = problems(folder)
    assert found.startswith(f"{folder}/train.csv:3: ")
    assert "decode" in found


def test_what_is_said_of_a_sound_is_a_note(folder, capsys):
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg on this machine")
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * RATE)
    soundfile.write(folder / "one.flac", noise, RATE)
    content = (folder / "one.flac").read_bytes()
    (folder / "one.flac").write_bytes(content + content)
    rows = [row(folder, "one"), row(folder, "two")]
    write(folder, rows)
    (note,) = problems(folder)
    assert "train.csv:2: note: 'more than its header counts'" in note
    assert main(["check", str(folder / "train.csv")]) == 0


def test_a_pipe_or_a_device_is_no_recording(folder):
    os.mkfifo(folder / "pipe.wav")
    places = {"one": folder / "pipe.wav", "two": "/dev/zero"}
    write(folder, [row(folder, n, wav=wav) for n, wav in places.items()])
    found = problems(folder)
    assert len(found) == 2
    assert all("got a pipe or a device" in problem for problem in found)


def test_rows_that_cannot_be_read_are_told_alone(folder):
    write(folder, [row(folder, "one", recording="../x")])
    (problem,) = problems(folder)
    assert "got '../x'" in problem


def test_a_wrong_rate_and_a_row_longer_than_its_file(folder):
    write(
        folder,
        [
            row(folder, "one", sample_rate=16000, duration=1.0),
            row(folder, "two", stop=3 * RATE, duration=3.0),
        ],
    )
    found = problems(folder)
    assert "expected a rate of 16000 Hz, got 8000" in found[0]
    assert f"expected {3 * RATE} samples, got {2 * RATE}" in found[1]


def test_rows_that_overlap(folder):
    write(
        folder,
        [
            row(folder, "one", ID="a", stop=RATE, duration=1.0),
            row(folder, "one", ID="b", start=RATE - 1, duration=1.000125),
            row(folder, "two"),
        ],
    )
    (found,) = problems(folder)
    assert "train.csv:3: expected rows that do not overlap" in found


def test_annotation_outside_the_region(folder):
    with open(folder / "one.rttm", "a") as stream:
        stream.write("SPEAKER one 1 1.9 0.2 <NA> <NA> sp <NA> <NA>\n")
    (folder / "two.uem").write_text("two 1 0 2.5\n")
    found = problems(folder)
    assert len(found) == 1 + len(CLASSES)
    assert "expected speech inside the region, got 1.900 to 2.100" in found[0]
    assert "annotated speech inside the region, got 0.000 to 2.5" in found[1]


def test_a_class_without_a_single_positive(folder):
    for name in ("one", "two"):
        path = folder / f"{name}.rttm"
        path.write_text(path.read_text().replace("music", "noise"))
    (found,) = problems(folder)
    assert "expected some music in 4.0 annotated seconds, got none" in found


def test_an_unknown_label_and_a_uem_of_another_recording(folder):
    with open(folder / "one.rttm", "a") as stream:
        stream.write("SPEAKER one 1 0 1 <NA> <NA> Anna <NA> <NA>\n")
    (folder / "two.uem").write_text("three 1 0 2\n")
    found = problems(folder)
    assert "got 'Anna', in" in found[0]
    assert "one.rttm:5" in found[0]
    assert "expected the uri two, got three" in found[1]
    (folder / "two.uem").write_text("")
    assert "expected annotated time of two, got none" in problems(folder)[1]


def test_annotation_that_training_refuses(folder):
    """Turns of another recording; two annotations of one."""
    write(
        folder,
        [
            row(folder, "one", rttm=folder / "two.rttm"),
            row(folder, "two", ID="a", stop=RATE, duration=1.0),
            row(folder, "two", ID="b", start=RATE, duration=1.0, noise_uem=""),
        ],
    )
    found = problems(folder)
    assert "train.csv:2: expected the uri one, got two" in found[0]
    assert "train.csv:3: expected one set of annotation files" in found[1]


@pytest.mark.parametrize("beside", [True, False])
def test_a_class_that_the_corpus_does_not_annotate(folder, beside):
    if beside:
        (folder / "summary.json").write_text('{"corpus": "dihard3"}')
    else:
        rows = [row(folder, n, ID=f"dihard3/{n}") for n in ("one", "two")]
        write(folder, rows)
    found = problems(folder)
    assert len(found) == 4  # music and noise of two rows
    assert all("which dihard3 does not annotate" in line for line in found)


def test_a_file_that_is_no_manifest_is_one_problem(folder):
    (folder / "train.csv").write_text("a,b\n1,2\n")
    assert len(problems(folder)) == 1


def test_nobody_who_overlaps_is_a_note(folder, capsys):
    for name in ("one", "two"):
        path = folder / f"{name}.rttm"
        path.write_text(path.read_text().replace("overlap", "speech"))
    (found,) = check_manifest(folder / "train.csv")
    assert found.is_note
    assert "train.csv: note: expected some overlap in 4.0" in str(found)
    assert main(["check", str(folder / "train.csv")]) == 0
    out = capsys.readouterr().out
    assert "note: expected some overlap" in out and "no problems in 1" in out


def test_command_lists_problems_and_exits_with_2(folder, capsys):
    assert main(["check", str(folder / "train.csv")]) == 0
    assert capsys.readouterr().out == (
        "no problems in 1 manifests (2 recordings, 0.00 hours; known: "
        "speech, music, noise, overlap)\n"
    )
    (folder / "one.flac").unlink()
    assert main(["check", str(folder / "train.csv")]) == 2
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1
    assert "train.csv:2: expected an audio file" in captured.out
    assert "1 problems in 1 manifests" in captured.err


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_path_that_the_console_cannot_print(folder, encoding):
    """Row 3.5: UnicodeEncodeError, and all other problems lost."""
    gone = folder / "caf\xe9\x1b[31m.wav"
    write(folder, [row(folder, "two", start="x"), row(folder, "one", wav=gone)])
    code = (
        "import sys; from explainable_seg.commands.cli import main; "
        "sys.exit(main(sys.argv[1:]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "check", str(folder / "train.csv")],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert ran.returncode == 2
    lines = ran.stdout.decode(encoding).splitlines()
    assert len(lines) == 2 and "Traceback" not in ran.stderr.decode()
    assert r"\x1b[31m" in lines[1] and "\x1b" not in lines[1]


def test_many_regions_and_turns_are_no_matter(folder):
    """A square of both took minutes."""
    n = 5_000
    regions = [
        row(
            folder,
            "one",
            ID=f"r{i}",
            start=3 * i,
            stop=3 * i + 3,
            duration=3 / RATE,
        )
        for i in range(n)
    ]
    write(folder, regions)
    turns = "".join(
        f"SPEAKER one 1 {i / n * 2:.5f} 0.0002 <NA> <NA> {label} <NA> <NA>\n"
        for i in range(n)
        for label in CLASSES
    )
    (folder / "one.rttm").write_text(turns)
    (folder / "one.uem").write_text("one 1 0 1.875\n")
    assert all("outside" not in line for line in problems(folder))
