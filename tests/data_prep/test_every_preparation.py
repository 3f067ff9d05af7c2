"""What holds for the preparation of every corpus."""

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from explainable_seg.classes import CLASSES
from explainable_seg.corpora import preparation
from explainable_seg.corpora.manifest import read_manifest
from explainable_seg.corpora.truth import load_truth, region_targets
from explainable_seg.errors import AudioError, ExplainableSegError

from .layouts import (
    SECONDS,
    content,
    read_summary,
    refused,
    write_albayzin,
    write_allies,
    write_aragonradio,
    write_custom,
    write_dihard3,
    write_flat_allies,
    write_openbmat,
)


class Case(NamedTuple):
    """A layout of a corpus, and what its annotators listened for."""

    corpus: str
    write: Callable[[Path], None]
    known: set[str]
    recordings: int


CASES = {
    "albayzin": Case(
        "albayzin", write_albayzin, {"speech", "music", "noise"}, 4
    ),
    "openbmat": Case("openbmat", write_openbmat, {"music"}, 4),
    "allies": Case("allies", write_allies, set(CLASSES), 7),
    "flat_allies": Case("allies", write_flat_allies, {"speech", "overlap"}, 7),
    "dihard3": Case("dihard3", write_dihard3, {"speech", "overlap"}, 6),
    "aragonradio": Case(
        "aragonradio", write_aragonradio, {"speech", "music", "noise"}, 3
    ),
    "custom": Case("custom", write_custom, set(CLASSES), 4),
}


def module(case):
    """The module that prepares the corpus."""
    return importlib.import_module(f"data_prep.{case.corpus}_prepare")


def prepare(case, data, out, **options):
    """Prepare the corpus."""
    function = getattr(module(case), f"prepare_{case.corpus}")
    function(data, out, **options)


@pytest.fixture(scope="module", params=CASES)
def case(request):
    """Each layout of each corpus."""
    return CASES[request.param]


@pytest.fixture(scope="module")
def prepared(case, tmp_path_factory):
    """The corpus as unpacked, and as prepared once."""
    data, out = (tmp_path_factory.mktemp(name) for name in ("data", "out"))
    case.write(data)
    prepare(case, data, out)
    return data, out


def audio_of(data):
    """Audio files of the corpus, but for the hidden ones."""
    return sorted(
        path
        for path in data.rglob("*")
        if path.suffix in (".wav", ".flac") and path.name[0] != "."
    )


def test_manifests_are_what_the_contract_says(case, prepared):
    _, out = prepared
    known, count = set(), 0
    for part in ("train", "dev", "test"):
        regions = read_manifest(out / f"{part}.csv")
        truths = load_truth(regions)
        count += len(regions)
        for region in regions:
            info = soundfile.info(region.wav)
            assert region.sample_rate == info.samplerate
            assert (region.start, region.stop) == (0, info.frames)
            assert region.duration == SECONDS
            assert Path(region.rttm).parent == out / "rttm"
            targets = region_targets(region, truths[region.recording])
            for name, target in zip(CLASSES, targets.T):
                if region.uems[name] is None:
                    assert set(target) == {-1}
                else:
                    known.add(name)
                    assert (target >= 0).any()
    assert known == case.known
    assert count == case.recordings == len(list((out / "rttm").iterdir()))


def test_summary_agrees_with_the_targets(case, prepared):
    _, out = prepared
    summary = read_summary(out)
    assert summary["corpus"] == case.corpus
    for part, told in summary["parts"].items():
        regions = read_manifest(out / f"{part}.csv")
        truths = load_truth(regions)
        frames = np.concatenate(
            [region_targets(r, truths[r.recording]) for r in regions]
        )
        assert told["files"] == len(regions)
        assert told["seconds"] == SECONDS * len(regions)
        for name, target in zip(CLASSES, frames.T):
            row = told["classes"][name]
            heard = row["seconds"] if row else 0
            unknown = row["unknown_seconds"] if row else told["seconds"]
            slack = 0.08 * len(regions)
            assert (target == 1).sum() / 50 == pytest.approx(heard, abs=slack)
            assert (target < 0).sum() / 50 == pytest.approx(unknown, abs=slack)


def test_a_second_run_and_more_processes_write_the_same_bytes(
    case, prepared, monkeypatch
):
    data, out = prepared
    first = content(out)
    assert len(first) >= 3 + 2 * case.recordings + 1
    monkeypatch.setattr(preparation, "CHUNK", 1)  # else one process suffices
    prepare(case, data, out, processes=2)
    assert content(out) == first


def test_skip_prep_touches_nothing(case, tmp_path):
    prepare(case, "nowhere", tmp_path / "out", skip_prep=True)
    assert not list(tmp_path.iterdir())


def test_unreadable_audio_is_named_and_leaves_the_earlier_output_whole(
    case, prepared
):
    """Row "all audio": header readable."""
    data, out = prepared
    first = content(out)
    broken = audio_of(data)[-1]
    whole = broken.read_bytes()
    broken.write_text("hello")
    try:
        with refused(AudioError, broken):
            prepare(case, data, out)
    finally:
        broken.write_bytes(whole)
    assert content(out) == first


def test_an_interrupted_run_leaves_no_manifest_beside_new_annotations(
    case, prepared, tmp_path
):
    data, _ = prepared
    prepare(case, data, tmp_path)
    last = read_manifest(tmp_path / "test.csv")[-1].rttm
    Path(last).unlink()
    Path(last).mkdir()  # in the way
    with refused(ExplainableSegError, "got a folder", last):
        prepare(case, data, tmp_path)
    assert not list(tmp_path.glob("*.csv"))
    assert not (tmp_path / "summary.json").exists()


def test_converted_copies_are_kept_and_completed(case, prepared, tmp_path):
    data, _ = prepared
    before = content(data)
    prepare(case, data, tmp_path, convert=True)
    first = content(tmp_path)
    copies = sorted((tmp_path / "audio").iterdir())
    assert len(copies) == case.recordings
    for part in ("train", "dev", "test"):
        for region in read_manifest(tmp_path / f"{part}.csv"):
            info = soundfile.info(region.wav)
            assert Path(region.wav) in copies
            assert (info.samplerate, info.channels) == (16000, 1)
            assert info.format == "FLAC"
            assert abs(info.frames - SECONDS * 16000) <= 1
            assert region.stop == info.frames
    copies[0].unlink()
    copies[1].write_text("half a copy")
    kept = copies[2].stat().st_mtime_ns
    prepare(case, data, tmp_path, convert=True)
    assert copies[2].stat().st_mtime_ns == kept
    assert content(tmp_path) == first
    assert content(data) == before


def test_command_line_prepares(case, prepared, tmp_path):
    data, out = prepared
    folders = ["--data_folder", str(data), "--output_folder", str(tmp_path)]
    module(case).main([*folders, "--processes", "1"])
    assert {p.name for p in tmp_path.iterdir()} == {
        p.name for p in out.iterdir()
    }


def test_user_errors_are_one_line_and_exit_code_2(
    case, prepared, tmp_path, capsys
):
    data, out = prepared
    good = ["--data_folder", str(data), "--output_folder", str(tmp_path)]
    for wrong in (
        good[:2],
        [*good, "--no_such_option"],
        [*good, "--processes", "two"],
        ["--data_folder", str(tmp_path / "nowhere"), *good[2:]],
        [*good[:3], str(out / "test.csv")],  # a file, not a folder
    ):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            module(case).main(wrong)
        assert stop.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_help_shows_an_example(case, capsys):
    with pytest.raises(SystemExit) as stop:
        module(case).main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert f"python data_prep/{case.corpus}_prepare.py" in shown
    assert "--skip_prep" in shown


def test_preparations_never_import_torch():
    names = {f"data_prep.{case.corpus}_prepare" for case in CASES.values()}
    names |= {"data_prep.combined_prepare", "data_prep.minibroadcast_prepare"}
    code = f"import sys, {', '.join(sorted(names))}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert names < set(done.stdout.split())
    assert "torch" not in done.stdout.split()


def test_a_script_ends_with_one_line_and_no_traceback(tmp_path):
    script = Path(module(CASES["custom"]).__file__)
    write_custom(tmp_path / "data")
    audio_of(tmp_path / "data")[0].write_text("hello")
    done = subprocess.run(
        [sys.executable, script, "--data_folder", tmp_path / "data"]
        + ["--output_folder", tmp_path / "out"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "custom_prepare.py: expected " in line and "show 0.flac" in line
