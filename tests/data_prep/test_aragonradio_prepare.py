"""AragonRadio: from the unpacked corpus to manifests."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from data_prep.aragonradio_prepare import main, prepare_aragonradio
from explainable_seg.annotation.rttm import read_rttm
from explainable_seg.data.manifest import read_manifest
from explainable_seg.data.truth import load_truth, region_targets
from explainable_seg.errors import (
    AnnotationError,
    CorpusError,
    ExplainableSegError,
)

PARTS = {"train": "train.txt", "dev": "dev1.txt", "test": "test.txt"}


@pytest.fixture
def corpus(tmp_path):
    """Three shows of two seconds in the layout of the corpus."""
    data = tmp_path / "Albayzin"
    for folder in ("lists", "audio", "rttms_segmentation"):
        (data / folder / "AragonRadio").mkdir(parents=True)
    for show, part in enumerate(PARTS.values()):
        name = f"20080101_10-00-0{show}"
        (data / "lists" / "AragonRadio" / part).write_text(name)
        audio = data / "audio" / "AragonRadio" / f"{name}.wav"
        soundfile.write(audio, np.zeros(16000), 8000)
        rttm(data, show).write_text(
            f"SPEAKER {name} 1 0.5 1.0 <NA> <NA> sp <NA> <NA>\n"
            f"SPEAKER {name} 1 1.0 1.0 <NA> <NA> sp <NA> <NA>\n"
            f"SPEAKER {name} 1 0.0 0.5 <NA> <NA> mu <NA> <NA>\n"
            f"SPEAKER {name} 1 0.0 2.01 <NA> <NA> no <NA> <NA>\n"
        )
    return data


def rttm(data, show):
    """Annotation of a show."""
    folder = data / "rttms_segmentation" / "AragonRadio"
    return folder / f"20080101_10-00-0{show}.rttm"


def content(folder):
    """Bytes of every file of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_manifests_and_normalised_annotations(corpus, tmp_path):
    out = tmp_path / "prepared"
    prepare_aragonradio(corpus, out)
    (region,) = read_manifest(out / "dev.csv")
    assert region.id == region.recording == "20080101_10-00-01"
    assert (region.start, region.stop, region.sample_rate) == (0, 16000, 8000)
    assert region.duration == 2.0
    assert region.uems["overlap"] is None
    assert sorted(read_rttm(region.rttm)[region.recording].labels()) == [
        "music",
        "noise",
        "speech",
    ]
    targets = region_targets(region, load_truth([region])[region.recording])
    centres = 0.0125 + 0.02 * np.arange(99)
    speech, music, noise, overlap = targets.T
    np.testing.assert_array_equal(speech, centres >= 0.5)
    np.testing.assert_array_equal(music, centres < 0.5)
    assert set(noise) == {1}
    assert set(overlap) == {-1}


def test_summary_counts_merged_speech_and_names_what_was_skipped(
    corpus, tmp_path
):
    extra = corpus / "audio" / "AragonRadio" / "jingle.flac"
    soundfile.write(extra, np.zeros(16000), 16000)
    prepare_aragonradio(corpus, tmp_path / "prepared")
    summary = json.loads((tmp_path / "prepared/summary.json").read_text())
    assert summary["skipped"] == {"jingle.flac": "in no list"}
    train = summary["parts"]["train"]
    assert train["files"] == 1
    assert train["seconds"] == 2.0
    assert train["classes"]["speech"] == {
        "seconds": 1.5,
        "annotated_seconds": 2.0,
        "positive_rate": 0.75,
    }
    assert train["classes"]["overlap"] is None


def test_a_second_run_writes_the_same_bytes(corpus, tmp_path):
    out = tmp_path / "prepared"
    prepare_aragonradio(corpus, out)
    first = content(out)
    assert len(first) == 3 + 3 + 3 + 1
    prepare_aragonradio(corpus, out, labels="sp,mu,no")
    assert content(out) == first


def test_skip_prep_touches_nothing(tmp_path):
    prepare_aragonradio("nowhere", tmp_path / "prepared", skip_prep=True)
    assert not (tmp_path / "prepared").exists()


def test_a_bad_corpus_leaves_the_earlier_output_whole(corpus, tmp_path):
    out = tmp_path / "prepared"
    prepare_aragonradio(corpus, out)
    first = content(out)
    rttm(corpus, 2).write_text("SPEAKER x 1 0 9 <NA> <NA> sp <NA> <NA>\n")
    with pytest.raises(CorpusError):
        prepare_aragonradio(corpus, out)
    assert content(out) == first


def test_an_interrupted_run_leaves_no_manifest_beside_new_annotations(
    corpus, tmp_path
):
    out = tmp_path / "prepared"
    prepare_aragonradio(corpus, out)
    last = out / "rttm" / "20080101_10-00-02.rttm"
    last.unlink()
    last.mkdir()  # in the way of the last annotation
    with pytest.raises(ExplainableSegError, match="got a folder"):
        prepare_aragonradio(corpus, out, labels="sp,mu,no")
    assert not list(out.glob("*.csv"))


def test_a_label_that_was_not_named_is_refused(corpus, tmp_path):
    with pytest.raises(AnnotationError, match=r"got 'no', in .*\.rttm:4;"):
        prepare_aragonradio(corpus, tmp_path / "prepared", labels="sp,mu")
    assert not (tmp_path / "prepared").exists()


def test_a_class_that_never_occurs_is_refused(corpus, tmp_path):
    with pytest.raises(CorpusError, match="expected some overlap"):
        prepare_aragonradio(
            corpus, tmp_path / "prepared", labels=["sp", "mu", "no", "ov"]
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SPEAKER other 1 0 1 <NA> <NA> sp <NA> <NA>\n", "got other, in"),
        ("", "got no turn at all"),
    ],
)
def test_an_annotation_of_another_show_is_refused(
    corpus, tmp_path, text, message
):
    rttm(corpus, 0).write_text(text)
    with pytest.raises(CorpusError, match=message):
        prepare_aragonradio(corpus, tmp_path / "prepared")


def test_a_show_in_two_lists_is_refused(corpus, tmp_path):
    lists = corpus / "lists" / "AragonRadio"
    shutil.copy(lists / "train.txt", lists / "test.txt")
    with pytest.raises(CorpusError, match="in train and test"):
        prepare_aragonradio(corpus, tmp_path / "prepared")


def test_missing_audio_is_refused(corpus, tmp_path):
    shutil.rmtree(corpus / "audio")
    with pytest.raises(CorpusError, match="20080101_10-00-00: 0, 2008"):
        prepare_aragonradio(corpus, tmp_path / "prepared")


def test_command_line(corpus, tmp_path, capsys):
    out = tmp_path / "prepared"
    folders = ["--data_folder", str(corpus), "--output_folder", str(out)]
    main(folders)
    assert (out / "test.csv").is_file()
    into_a_file = [*folders[:3], str(out / "test.csv")]
    for wrong in (into_a_file, [*folders, "--labels", "sp,xy"], folders[:2]):
        capsys.readouterr()
        with pytest.raises(SystemExit) as info:
            main(wrong)
        assert info.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_runs_as_a_script_without_torch():
    code = "import sys, data_prep.aragonradio_prepare; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "torch" not in done.stdout.split()


def test_amounts_of_a_real_corpus(corpora, tmp_path):
    expected = json.loads(
        (corpora / "realbroadcast" / "expected.json").read_text()
    )
    prepare_aragonradio(
        corpora / "realbroadcast",
        tmp_path,
        labels=("sp", "mu", "no", "ov"),
    )
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert set(summary["parts"]) == set(expected)
    for part, amounts in expected.items():
        got = summary["parts"][part]
        assert got["files"] == amounts["recordings"]
        assert got["seconds"] == amounts["seconds"]
        for name, row in got["classes"].items():
            assert row["seconds"] == pytest.approx(amounts[name], abs=0.002)
        regions = read_manifest(tmp_path / f"{part}.csv")
        truths = load_truth(regions)
        rows = [region_targets(r, truths[r.recording]) for r in regions]
        frames = np.concatenate(rows)
        assert (frames >= 0).all()
        for index, name in enumerate(("speech", "music", "noise", "overlap")):
            # A frame may differ at each boundary, half up and half down.
            assert frames[:, index].sum() / 50 == pytest.approx(
                amounts[name], rel=0.005
            )
    assert len(os.listdir(tmp_path / "rttm")) == 23
