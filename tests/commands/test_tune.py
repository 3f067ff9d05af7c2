"""The command that tunes a model: what it saves, and how it fails."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_student import CONFIG, make_student, tones

from explainable_seg.commands.cli import main
from explainable_seg.corpora.manifest import Region, write_manifest
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.models.pretrained import save_pretrained

SECONDS = 8.0
SHOWS = 4


def on_spans():
    """Where the tones of the tiny student sound."""
    period = 1 / 0.7
    starts = np.arange(0, SECONDS, period)
    return [(s, min(s + period / 2, SECONDS)) for s in starts]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Recordings, their truth, and a model that misses all music."""
    folder = tmp_path_factory.mktemp("archive")
    (folder / "audio").mkdir()
    (folder / "rttm").mkdir()
    for i in range(SHOWS):
        name = f"show {i}"
        soundfile.write(folder / f"audio/{name}.wav", tones(SECONDS), 16000)
        (folder / f"rttm/{name}.rttm").write_text(
            "".join(
                f"SPEAKER show_{i} 1 {a:.4f} {b - a:.4f} <NA> <NA> music "
                "<NA> <NA>\n"
                for a, b in on_spans()
            )
        )
    soundfile.write(folder / "audio/not annotated.wav", tones(1.0), 16000)
    thresholds = {**CONFIG["thresholds"], "music": 0.999}
    config = {**CONFIG, "thresholds": thresholds}
    save_pretrained(folder / "model", make_student(), config, "# Tiny\n")
    return folder


def run(*arguments):
    """The command in this process."""
    return main(["tune", *map(str, arguments)])


def inputs(archive):
    return [
        *("--audio", archive / "audio", "--reference", archive / "rttm"),
        *("--model", archive / "model"),
    ]


def fails(capsys, *arguments):
    """The one line that the command fails with."""
    capsys.readouterr()
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err


def test_the_installed_command_tunes(archive, tmp_path):
    command = Path(sys.executable).with_name("explainable-seg")
    scores = tmp_path / "scores.json"
    done = subprocess.run(
        [command, "tune", *inputs(archive), "-o", tmp_path / "tuned"]
        + ["--scores", scores],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    head, speech, music, *_ = done.stdout.splitlines()
    assert head.split()[:3] == ["class", "annotated", "s"]
    assert "kept" in speech and "0.999 -> " in music
    assert "speech keeps its rules: annotated nowhere" in done.stdout
    assert "music is tuned, each of 4 recordings left out" in done.stdout
    assert f"1 of 4 classes tuned; written to {tmp_path}" in done.stdout
    measured = json.loads(scores.read_text())
    assert measured["recordings"] == SHOWS
    one = measured["classes"]["music"]
    assert one["f1_before"] < 0.1 < 0.8 < one["f1_after"]

    tuned = ExplainableSegmenter.from_pretrained(tmp_path / "tuned", "cpu")
    before = ExplainableSegmenter.from_pretrained(archive / "model", "cpu")
    assert tuned.config["tuning"] == measured
    assert tuned.card.startswith("# Tiny\n\n## Tuned\n")
    show = archive / "audio/show 1.wav"
    after = one["after"]
    asked = {
        "thresholds": {"music": after["threshold"]},
        "min_on": {"music": after["min_on"]},
        "min_off": {"music": after["min_off"]},
    }
    expected = before.segment(show, **asked).segments
    assert tuned.segment(show).segments == expected
    assert before.segment(show).spans("music") == []


def test_the_same_twice_and_of_a_manifest(archive, tmp_path):
    texts = set()
    for name in ("one", "two"):
        assert run(*inputs(archive), "-q", "-o", tmp_path / name) == 0
        texts.add((tmp_path / name / "config.json").read_text())
    regions = []
    for i in range(SHOWS):
        uem = tmp_path / f"{i}.uem"
        uem.write_text(f"show_{i} 1 0.0 {SECONDS}\n")
        regions.append(
            Region(
                id=f"show_{i}",
                duration=SECONDS,
                wav=str(archive / f"audio/show {i}.wav"),
                start=0,
                stop=round(SECONDS * 16000),
                sample_rate=16000,
                recording=f"show_{i}",
                rttm=str(archive / f"rttm/show {i}.rttm"),
                uems={
                    name: str(uem) if name == "music" else ""
                    for name in ("speech", "music", "noise", "overlap")
                },
            )
        )
    manifest = tmp_path / "part.csv"
    write_manifest(manifest, regions)
    model = ["--model", archive / "model"]
    assert run("--manifest", manifest, *model, "-o", tmp_path / "three") == 0
    texts.add((tmp_path / "three/config.json").read_text())
    assert len(texts) == 1


def test_without_an_output_nothing_is_saved(archive, tmp_path, capsys):
    before = sorted(archive.rglob("*"))
    assert run(*inputs(archive), "--classes", "speech") == 0
    assert sorted(archive.rglob("*")) == before
    said = capsys.readouterr().out
    assert "speech keeps its rules: too little: heard for 0.0 s" in said
    assert "0 of 4 classes tuned; nothing saved: name a folder" in said


def test_time_outside_the_uem_does_not_count(archive, tmp_path, capsys):
    uem = tmp_path / "all.uem"
    uem.write_text("".join(f"show_{i} 1 0.0 3.0\n" for i in range(SHOWS)))
    assert run(*inputs(archive), "--uem", uem) == 0
    said = capsys.readouterr().out
    assert "music keeps its rules: too little: heard for 6.3 s" in said


def test_errors_are_one_line(archive, tmp_path, capsys):
    audio, reference, *_ = (inputs(archive)[i : i + 2] for i in (0, 2))
    assert "expected both --audio and" in fails(capsys, *audio)
    assert "got both or none" in fails(capsys, "--model", archive / "model")
    said = fails(capsys, *inputs(archive), "-o", archive / "model")
    assert "expected another folder than that of the model" in said
    said = fails(capsys, "--audio", tmp_path / "no.wav", *reference)
    assert "no.wav" in said
    one = ["--audio", archive / "audio/show 0.wav"]
    said = fails(capsys, *one, *reference)
    assert "got none for show_1 show_2 show_3 (3 in all)" in said
    (tmp_path / "copy").mkdir()
    soundfile.write(tmp_path / "copy/show 0.flac", tones(1.0), 16000)
    both = ["--audio", tmp_path / "copy", *audio, *reference]
    assert "expected one recording show_0, got two" in fails(capsys, *both)
    assert "no_folder" in fails(capsys, *audio, "--reference", "no_folder")
