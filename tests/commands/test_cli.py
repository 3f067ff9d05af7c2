"""The command line: what it writes, and how it fails."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_student import save_student, tones

from explainable_seg.annotation.rttm import read_rttm, write_uem
from explainable_seg.classes import CLASSES
from explainable_seg.commands.cli import main
from explainable_seg.corpora.manifest import Region, write_manifest
from explainable_seg.pages.drawing import format_peak

COMMAND = Path(sys.executable).with_name("explainable-seg")


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> str:
    """Folder of the tiny student."""
    return str(save_student(tmp_path_factory.mktemp("model") / "student"))


@pytest.fixture
def show(tmp_path) -> Path:
    """A recording in which speech and music are found, and nothing else."""
    path = tmp_path / "the show.wav"
    soundfile.write(path, tones(4.0), 16000)
    return path


def run(*arguments: object) -> int:
    """The command in this process."""
    return main([str(argument) for argument in arguments])


def fails(capsys, *arguments: object) -> str:
    """The one line that the command fails with."""
    capsys.readouterr()
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("\n") and captured.err.count("\n") == 1
    assert captured.err.startswith("error: ")
    return captured.err


def files(folder: Path) -> list[str]:
    """All files below a folder."""
    found = (p for p in folder.rglob("*") if p.is_file())
    names = {p.relative_to(folder).as_posix() for p in found}
    return sorted(names - {".explainable-seg.json"})


def process(*arguments: object) -> subprocess.CompletedProcess:
    """The installed command as a second process."""
    return subprocess.run(
        [str(COMMAND), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_installed_command(model, show, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "b.mp3", tones(2.0, 44100), 44100)
    output = tmp_path / "out"
    done = process(
        "segment",
        *(show, tmp_path / "text.wav", tmp_path / "b.mp3"),
        *("--output", output, "--model", model, "--format", "rttm,json"),
    )
    assert done.returncode == 2
    header, one, two, total, where = done.stdout.splitlines()
    assert header.split() == ["recording", "length", *CLASSES, "note"]
    assert one.startswith("the show.wav  0:00:04  4.0 s 100 %")
    assert two.startswith("b.mp3 ") and total.startswith("all 2 ")
    assert str(output) in where and "failures.csv" in where
    first, last = done.stderr.splitlines()
    assert str(tmp_path / "text.wav") in first and "ffmpeg" in first
    assert last == "error: 1 of 3 inputs failed"
    assert files(output) == [
        "b.json",
        "b.rttm",
        "failures.csv",
        "summary.csv",
        "the show.json",
        "the show.rttm",
    ]


def test_the_installed_command_explains(model, show, tmp_path):
    done = process(
        *("explain", show, "--output", tmp_path / "why", "--model", model)
    )
    assert (done.returncode, done.stderr) == (0, "")
    speech, music, page = done.stdout.splitlines()
    assert speech.startswith("speech: 4.0 s found from 0.0 to 4.0 s; ")
    assert music.startswith("music: 2.2 s") and "at 1.3 kHz" in music
    assert page == f"open {tmp_path / 'why/report.html'}"
    assert (tmp_path / "why/report.html").exists()


@pytest.mark.parametrize(
    "command", ["", "segment", "explain", "evaluate", "tune", "export"]
)
def test_help_is_quick_and_has_an_example(command):
    code = (
        "import sys; from explainable_seg.commands.cli import main; "
        "code = main(sys.argv[1:]); assert 'torch' not in sys.modules; "
        "sys.exit(code)"
    )
    arguments = [a for a in (command, "--help") if a]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stderr == ""
    assert not command or f"explainable-seg {command}" in done.stdout


def test_an_engine_that_is_not_installed(
    model, show, tmp_path, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not there
    arguments = ("--output", tmp_path / "out", "--model", model)
    message = fails(capsys, "segment", show, *arguments, "--engine", "ray")
    assert "pip install 'explainable-seg[ray]'" in message
    assert files(tmp_path / "out") == []


def test_segment_writes_results_and_summary(model, show, tmp_path, capsys):
    output = tmp_path / "out"
    formats = "rttm,csv,json"
    arguments = ("--output", output, "--model", model, "--format", formats)
    assert run("segment", show, *arguments, "-q") == 0
    assert capsys.readouterr() == ("", "")
    (annotation,) = read_rttm(output / "the show.rttm").values()
    assert annotation.uri == "the_show"
    assert sorted(annotation.labels()) == ["music", "speech"]
    (row,) = csv.DictReader((output / "summary.csv").open())
    assert row["file"] == "the show.wav" and row["duration"] == "4.000"
    content = json.loads((output / "the show.json").read_text())
    for label in CLASSES:
        seconds = sum(
            s["end"] - s["start"]
            for s in content["segments"]
            if s["label"] == label
        )
        assert abs(float(row[label]) - seconds) < 1e-3
    assert "failures.csv" not in files(output)


def test_decisions_excerpts_and_every_format(model, show, tmp_path, capsys):
    output = tmp_path / "out"
    names = "rttm,csv,json,audacity,textgrid,eaf,vtt"
    arguments = ["segment", show, "--output", output, "--model", model]
    arguments += ["--format", names, "--channel", 1, "--start", 0.5]
    arguments += ["--threshold", "speech=1", "--threshold", "no=0"]
    arguments += ["--max-on", 1.0, "--derived", "noise_over_music"]
    assert run(*arguments, "--end", 3.5) == 0
    extensions = "TextGrid csv eaf json rttm txt vtt".split()
    expected = sorted(["summary.csv", *(f"the show.{e}" for e in extensions)])
    assert files(output) == expected
    content = json.loads((output / "the show.json").read_text())
    assert content["start"] == 0.5 and content["duration"] == 3.0
    labels = {segment["label"] for segment in content["segments"]}
    assert labels == {"music", "noise", "noise_over_music"}
    noise = [s for s in content["segments"] if s["label"] == "noise"]
    assert [(s["start"], s["end"]) for s in noise] == [
        (0.5, 1.5),
        (1.5, 2.5),
        (2.5, 3.5),
    ]
    other = fails(capsys, *arguments, "--end", 3.0)
    assert "expected the excerpt of the earlier run" in other


@pytest.mark.parametrize(
    "options, words",
    [
        (["--threshold", "speech"], "such as speech=0.4, got 'speech'"),
        (["--threshold", "singing=1"], "got 'singing', in the option"),
        (["--threshold", "2"], "0 to 1 for thresholds"),
        (["--operating-point", "recall"], "which this model lacks"),
        (["--derived", "speech"], "join two of"),
        (["--start", 2, "--end", 1], "end after the start"),
        (["--channel", 0], "0 is not in the range"),
        (["--precision", "fp8"], "'fp8' is not one of"),
    ],
)
def test_options_that_cannot_be(model, show, tmp_path, capsys, options, words):
    common = ("segment", show, "--output", tmp_path / "o", "--model", model)
    assert words in fails(capsys, *common, *options)
    assert not (tmp_path / "o").exists()


def test_what_is_finished_is_skipped(model, show, tmp_path, capsys):
    output = tmp_path / "out"
    arguments = ("segment", show, "--output", output, "--model", model)
    assert run(*arguments) == 0
    (output / "the show.rttm").write_text("mine")
    assert run(*arguments) == 0
    assert "1 of 1 recordings were finished before" in capsys.readouterr().err
    assert (output / "the show.rttm").read_text() == "mine"


def test_segment_refuses_to_replace(model, show, tmp_path, capsys):
    output = tmp_path / "out"
    arguments = ("segment", show, "--output", output, "--model", model)
    output.mkdir()
    (output / "the show.rttm").write_text("mine")
    assert "--overwrite" in fails(capsys, *arguments)
    assert (output / "the show.rttm").read_text() == "mine"
    assert run(*arguments, "--overwrite") == 0
    assert (output / "the show.rttm").read_text() != "mine"


@pytest.mark.parametrize(
    "name",
    [
        "missing.wav",
        "empty.wav",
        "header.wav",
        "text.wav",
        "short.wav",
        "nan.wav",
    ],
)
def test_segment_of_a_bad_file(model, tmp_path, capsys, name):
    sound = tones(1.0)
    path = tmp_path / name
    if name == "short.wav":
        soundfile.write(path, sound[:399], 16000)
    elif name == "nan.wav":
        sound[100] = np.nan
        soundfile.write(path, sound, 16000, "FLOAT")
    elif name == "header.wav":
        soundfile.write(path, sound, 16000)
        path.write_bytes(path.read_bytes()[:44])
    elif name != "missing.wav":
        path.write_text("no sound" if name == "text.wav" else "")
    output = tmp_path / "out"
    line = fails(capsys, "segment", path, "--output", output, "--model", model)
    assert str(path) in line and ";" in line
    assert files(output) == ["failures.csv"]
    (row,) = csv.DictReader((output / "failures.csv").open())
    assert row["file"] == name and f"error: {row['error']}\n" == line


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "README.md"]
)
def test_a_model_with_a_missing_file(tmp_path, show, capsys, name):
    folder = save_student(tmp_path / "student")
    (folder / name).unlink()
    output = tmp_path / "out"
    for command in ("segment", "explain"):
        line = fails(
            capsys, command, show, "--output", output, "--model", folder
        )
        assert str(folder / name) in line
    assert not output.exists()


def test_the_model_of_the_package_is_used_where_none_is_named(show, tmp_path):
    assert run("segment", show, "--output", tmp_path / "out") == 0
    assert run("explain", show, "--output", tmp_path, "--class", "music") == 0
    written = json.loads((tmp_path / "explanation.json").read_text())
    assert len(written["explanations"][0]["atoms"]) == 160


def test_segment_of_what_cannot_be(model, show, tmp_path, capsys):
    output = tmp_path / "out"
    common = ("segment", show, "--output", output, "--model", model)
    assert "got 'mp4'" in fails(capsys, *common, "--format", "rttm,mp4")
    assert "'tpu'" in fails(capsys, *common, "--device", "tpu")
    assert "--frmat" in fails(capsys, *common, "--frmat", "csv")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    assert not output.exists()
    options = ("--output", tmp_path / "file", "--model", model)
    assert "choose another" in fails(capsys, "segment", show, *options)
    options = ("--output", output, "--model", model)
    line = fails(capsys, "segment", tmp_path / "empty", *options)
    assert "expected audio or video files" in line


def test_explain_writes_each_class_found(model, show, tmp_path, capsys):
    output = tmp_path / "why"
    assert run("explain", show, "-o", output, "--model", model, "-q") == 0
    assert capsys.readouterr() == ("", "")
    assert files(output) == [
        "explanation.json",
        "explanation_music.png",
        "explanation_music.wav",
        "explanation_speech.png",
        "explanation_speech.wav",
        "report.html",
    ]
    content = json.loads((output / "explanation.json").read_text())
    assert (content["audio"], content["model"]) == (str(show), model)
    for entry in content["explanations"]:
        total = sum(atom["relevance"] for atom in entry["atoms"])
        assert abs(entry["bias"] + total - entry["logit_mean"]) < 1e-4


def test_explain_names_frequencies_as_its_page_does(
    model, show, tmp_path, capsys
):
    options = ("--model", model, "--class", "noise", "--start", 0, "--end", 3)
    assert run("explain", show, "-o", tmp_path / "why", *options) == 0
    (line, _) = capsys.readouterr().out.splitlines()
    words = re.search(r"patterns, (.+)", line)[1]
    content = json.loads((tmp_path / "why/explanation.json").read_text())
    atoms = content["explanations"][0]["atoms"]
    chosen = [atom for atom in atoms if atom["selected"]]
    chosen.sort(key=lambda atom: -atom["relevance"])
    names = [format_peak(a["peak_hz"]).replace("\xa0", " ") for a in chosen]
    assert chosen and all(name in words for name in names[:3])
    assert not re.search(r"\b0 Hz", words)


def test_explain_where_no_pattern_weighs(model, tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", np.zeros(64000), 16000)
    options = ("--model", model, "--class", "noise", "--start", 0, "--end", 3)
    assert (
        run("explain", tmp_path / "a.wav", "-o", tmp_path / "why", *options)
        == 0
    )
    (line, _) = capsys.readouterr().out.splitlines()
    assert re.search(r"none of \d+ patterns$|\d+ of \d+ patterns, ", line)


def test_prototypes_and_export_say_where_they_wrote(
    model, show, tmp_path, capsys
):
    assert run("export", "--model", model, "-o", tmp_path / "copy") == 0
    assert str(tmp_path / "copy") in capsys.readouterr().out
    (tmp_path / "a.rttm").write_text(
        "SPEAKER a 1 0.5 1.0 <NA> <NA> music <NA> <NA>\n"
    )
    (tmp_path / "a.uem").write_text("a 1 0.0 4.0\n")
    uems = dict.fromkeys(CLASSES, str(tmp_path / "a.uem"))
    region = Region(
        id="a",
        duration=4.0,
        wav=str(show),
        start=0,
        stop=64000,
        sample_rate=16000,
        recording="a",
        rttm=str(tmp_path / "a.rttm"),
        uems=uems,
    )
    write_manifest(tmp_path / "test.csv", [region])
    output = tmp_path / "prototypes"
    options = ("--model", model, "-o", output)
    assert run("prototypes", tmp_path / "test.csv", *options) == 0
    assert f"written to {output}: prototypes.json" in capsys.readouterr().out


def test_explain_shows_a_reference(model, show, tmp_path, capsys):
    output, truth = tmp_path / "why", tmp_path / "truth.rttm"
    truth.write_text("SPEAKER show 1 0.5 1.0 <NA> <NA> mu <NA> <NA>\n")
    options = ("--output", output, "--model", model, "--reference", truth)
    assert run("explain", show, *options) == 0
    page = (output / "report.html").read_text()
    assert "Reference of music: 1 segments" in page
    assert page.count("no reference") == 3
    truth.write_text("SPEAKER show 1 0.5\n")
    assert f"{truth}:1" in fails(capsys, "explain", show, *options)


@pytest.mark.parametrize(
    "options",
    [
        ["--class", "music", "noise"],
        ["--class", "mu,no"],
        ["--class", "music", "--class", "no", "--class", "music"],
    ],
)
def test_explain_classes_on_a_span(model, show, tmp_path, options):
    output = tmp_path / "why"
    common = ("--output", output, "--model", model)
    assert (
        run("explain", *options, show, *common, "--start", 0.5, "--end", 1) == 0
    )
    content = json.loads((output / "explanation.json").read_text())
    assert [
        (e["class"], e["start"], e["end"]) for e in content["explanations"]
    ] == [("music", 0.5, 1.0), ("noise", 0.5, 1.0)]


def test_explain_of_what_cannot_be(model, show, tmp_path, capsys):
    output = tmp_path / "why"
    common = ("explain", show, "--output", output, "--model", model)
    for options, words in [
        (["--class", "singing"], "got 'singing', in the option --class"),
        (["--start", 2, "--end", 1], "expected an end after the start"),
        (["--start", 9], "expected a span"),
        (["--start", "soon"], "'soon' is not a valid float"),
        (["--class", "music", "overlap"], "expected overlap to be found"),
    ]:
        assert words in fails(capsys, *common, *options)
    missing = tmp_path / "missing.wav"
    common = ("explain", missing, "--output", output, "--model", model)
    assert str(missing) in fails(capsys, *common)
    odd = tmp_path / "two  blanks\nand lines.wav"
    common = ("explain", odd, "--output", output, "--model", model)
    assert "two  blanks and lines.wav;" in fails(capsys, *common)
    assert not output.exists()


def line(uri: str, start: float, end: float, label: str) -> str:
    """A line of an RTTM file."""
    return (
        f"SPEAKER {uri} 1 {start} {end - start} <NA> <NA> {label} <NA> <NA>\n"
    )


@pytest.fixture
def scored(tmp_path) -> Path:
    """Reference and hypothesis of a recording of 10 s."""
    for name, text in {
        "reference": line("a", 0, 4, "mu") + line("a", 0, 10, "speech"),
        "hypothesis": line("a", 1, 3, "music") + line("a", 0, 10, "noise"),
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.rttm").write_text(text)
    return tmp_path


def test_evaluate_writes_scores_and_a_table(scored, capsys):
    output = scored / "scores.json"
    pair = ("--reference", scored / "reference", "--hypothesis")
    common = ("evaluate", *pair, scored / "hypothesis", "--output", output)
    assert run(*common) == 0
    table = capsys.readouterr().out
    scores = json.loads(output.read_text())["classes"]
    assert scores["music"]["precision"] == 1.0
    assert scores["music"]["recall"] == 0.5
    assert abs(scores["music"]["f1"] - 2 / 3) < 1e-9
    assert scores["overlap"]["f1"] is None
    assert all(name in table for name in CLASSES) and "0.667" in table
    assert run(*common, "--classes", "music", "sp") == 0
    assert (
        list(json.loads(output.read_text())["classes"])
        == ["speech", "music"][::-1]
    )


def test_evaluate_inside_a_manifest(scored):
    from pyannote.core import Segment, Timeline

    uem = scored / "music.uem"
    write_uem(uem, {"a": Timeline([Segment(0, 2)], uri="a")})
    region = Region(
        id="a_0",
        duration=10.0,
        wav="$data_root/a.wav",
        start=0,
        stop=160000,
        sample_rate=16000,
        recording="a",
        rttm=str(scored / "reference/a.rttm"),
        uems={**dict.fromkeys(CLASSES), "music": str(uem)},
    )
    write_manifest(scored / "test.csv", [region])
    output = scored / "scores.json"
    pair = ("--reference", scored / "reference", "--hypothesis")
    common = ("evaluate", *pair, scored / "hypothesis", "--output", output)
    root = ("--data-root", scored)
    assert run(*common, "--manifest", scored / "test.csv", *root) == 0
    scores = json.loads(output.read_text())["classes"]
    assert scores["music"]["reference_seconds"] == 2.0
    assert scores["speech"]["f1"] is None


def test_evaluate_of_what_cannot_be(scored, capsys):
    output = scored / "scores.json"
    (scored / "none").mkdir()
    pair = ("evaluate", "--reference", scored / "reference", "--hypothesis")
    for hypothesis, words in [("none", "none"), ("missing", "missing")]:
        found = (scored / hypothesis, "--output", output)
        assert words in fails(capsys, *pair, *found)
    bad = scored / "bad.rttm"
    bad.write_text(line("a", 5, 3, "music"))
    assert f"{bad}:1" in fails(capsys, *pair, bad, "--output", output)
    bad.write_text(line("a", 0, 3, "singing"))
    assert "singing" in fails(capsys, *pair, bad, "--output", output)
    good = (scored / "hypothesis", "--output", output)
    assert "'xx'" in fails(capsys, *pair, *good, "--classes", "xx")
    assert not output.exists()
    assert "Missing option" in fails(capsys, *pair, *good[:1])
    assert "Missing command" in fails(capsys)
