"""AragonRadio: lists, audio and annotations in three folders."""

import json
import logging
import shutil

import numpy as np
import pytest

from data_prep.aragonradio_prepare import main, prepare_aragonradio
from explainable_seg.annotation.rttm import read_rttm
from explainable_seg.corpora.manifest import read_manifest
from explainable_seg.corpora.truth import load_truth, region_targets
from explainable_seg.errors import AnnotationError, CorpusError

from .layouts import (
    ARAGONRADIO,
    amounts,
    read_summary,
    refused,
    write_aragonradio,
    write_audio,
    write_rttm,
    write_text,
)


@pytest.fixture
def corpus(tmp_path):
    """Three shows in the layout of the corpus."""
    write_aragonradio(tmp_path / "Albayzin")
    return tmp_path / "Albayzin"


@pytest.fixture
def out(tmp_path):
    """Where it is prepared."""
    return tmp_path / "out"


def rttm(data, show):
    """Annotation of a show."""
    folder = data / "rttms_segmentation" / "AragonRadio"
    return folder / f"20080101_10-00-0{show}.rttm"


def test_targets_and_normalised_annotations(corpus, out):
    prepare_aragonradio(corpus, out)
    (region,) = read_manifest(out / "dev.csv")
    assert region.id == region.recording == "20080101_10-00-01"
    labels = read_rttm(region.rttm)[region.recording].labels()
    assert sorted(labels) == ["music", "noise", "speech"]
    targets = region_targets(region, load_truth([region])[region.recording])
    centres = 0.0125 + 0.02 * np.arange(len(targets))
    speech, music, noise, overlap = targets.T
    np.testing.assert_array_equal(speech, (centres > 0.5) & (centres < 2))
    np.testing.assert_array_equal(music, centres < 0.5)
    assert set(noise) == {1}
    assert set(overlap) == {-1}


def test_summary_counts_merged_speech_and_names_what_was_skipped(
    corpus, out, caplog
):
    """Row "AragonRadio": 32 and 72 shows in 2016."""
    write_audio(corpus / "audio" / "AragonRadio" / "jingle.flac")
    prepare_aragonradio(corpus, out)
    summary = read_summary(out)
    assert summary["skipped"] == {"jingle.flac": "in no list"}
    notes = [
        "dev: 1 recordings, published are 32",
        "test: 1 recordings, published are 72",
    ]
    assert summary["notes"] == notes
    assert all(note in caplog.text for note in notes)
    assert amounts(out, "train") == {
        "speech": (1.5, 0),
        "music": (0.5, 0),
        "noise": (10, 0),
    }


def test_a_class_that_was_not_named_is_unknown(corpus, out, caplog):
    with caplog.at_level(logging.INFO):
        prepare_aragonradio(corpus, out, labels="sp,mu")
    assert list(amounts(out, "train")) == ["speech", "music"]
    assert "turns of 'no', which is not among the labels" in caplog.text


def test_a_label_that_is_no_class_is_refused(corpus, out):
    """Row "any": label in the closed vocabulary."""
    write_rttm(rttm(corpus, 1), "20080101_10-00-01", [(0, 1, "spk1")])
    with refused(AnnotationError, "'spk1'", f"{rttm(corpus, 1)}:1"):
        prepare_aragonradio(corpus, out)
    assert not out.exists()


def test_a_class_that_never_occurs_is_refused(corpus, out):
    """Row "any": annotated class absent over a whole part."""
    labels = ["sp", "mu", "no", "ov"]
    with refused(CorpusError, "some overlap", "in part train"):
        prepare_aragonradio(corpus, out, labels=labels)
    write_rttm(rttm(corpus, 1), "20080101_10-00-01", ARAGONRADIO[:3])
    with refused(CorpusError, "some noise", "in part dev"):
        prepare_aragonradio(corpus, out)
    prepare_aragonradio(corpus, out, allow_absent=True)
    assert amounts(out, "dev")["noise"] == (0, 0)


@pytest.mark.parametrize(
    ("uri", "turns", "said"),
    [("other", ARAGONRADIO, "got other, in"), ("x", (), "got none, in")],
)
def test_an_annotation_of_another_show_is_refused(
    corpus, out, uri, turns, said
):
    write_rttm(rttm(corpus, 0), uri, turns)
    with refused(CorpusError, "20080101_10-00-00", said, rttm(corpus, 0)):
        prepare_aragonradio(corpus, out)


def test_a_show_in_two_lists_is_refused(corpus, out):
    lists = corpus / "lists" / "AragonRadio"
    shutil.copy(lists / "train.txt", lists / "test.txt")
    with refused(CorpusError, "'20080101_10-00-00' in train and test"):
        prepare_aragonradio(corpus, out)


def test_other_lists_can_be_named(corpus, out):
    lists = corpus / "lists" / "AragonRadio"
    (lists / "dev1.txt").rename(lists / "dev2.txt")
    with refused(CorpusError, "a list of names", lists / "dev1.txt"):
        prepare_aragonradio(corpus, out)
    main(
        ["--data_folder", str(corpus), "--output_folder", str(out)]
        + ["--dev_list", "dev2.txt", "--labels", "sp,mu,noise"]
    )
    assert len(read_manifest(out / "dev.csv")) == 1


def test_missing_and_doubled_files_are_all_named(corpus, out):
    """Row "any": each listed uri has exactly one audio and annotation."""
    audio = corpus / "audio" / "AragonRadio"
    write_audio(audio / "20080101_10-00-00.flac")
    (audio / "20080101_10-00-01.wav").unlink()
    with refused(
        CorpusError,
        "10-00-00.flac and ",
        "10-00-00.wav",
        "20080101_10-00-01: none",
        audio,
    ):
        prepare_aragonradio(corpus, out)
    shutil.rmtree(audio)
    with refused(CorpusError, "a folder", audio):
        prepare_aragonradio(corpus, out)


def test_labels_that_are_no_classes_end_the_command(corpus, out, capsys):
    folders = ["--data_folder", str(corpus), "--output_folder", str(out)]
    with pytest.raises(SystemExit) as stop:
        main([*folders, "--labels", "sp,xy"])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "'xy'" in error


def test_a_list_names_each_show_once(corpus, out):
    path = corpus / "lists" / "AragonRadio" / "train.txt"
    write_text(path, "a\r\nb\r\na")
    with refused(CorpusError, "a again", path):
        prepare_aragonradio(corpus, out)


def test_amounts_of_a_real_corpus(corpora, tmp_path):
    folder = corpora / "realbroadcast"
    expected = json.loads((folder / "expected.json").read_text())
    prepare_aragonradio(folder, tmp_path, labels=("sp", "mu", "no", "ov"))
    summary = read_summary(tmp_path)
    assert set(summary["parts"]) == set(expected)
    for part, wanted in expected.items():
        got = summary["parts"][part]
        assert got["files"] == wanted["recordings"]
        assert got["seconds"] == wanted["seconds"]
        for name, row in got["classes"].items():
            assert row["seconds"] == pytest.approx(wanted[name], abs=0.002)
            assert row["unknown_seconds"] == 0
        regions = read_manifest(tmp_path / f"{part}.csv")
        truths = load_truth(regions)
        frames = np.concatenate(
            [region_targets(r, truths[r.recording]) for r in regions]
        )
        assert (frames >= 0).all()
        for index, name in enumerate(("speech", "music", "noise", "overlap")):
            # A frame may differ at each boundary, half up and half down.
            assert frames[:, index].sum() / 50 == pytest.approx(
                wanted[name], rel=0.005
            )
    listed = sum(part["recordings"] for part in expected.values())
    assert len(list((tmp_path / "rttm").iterdir())) == listed
