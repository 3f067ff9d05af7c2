"""Albayzin: labels of three campaigns, and what is known to be odd."""

import json

import numpy as np
import pytest

from data_prep.albayzin_prepare import main, prepare_albayzin
from explainable_seg.corpora.manifest import read_manifest
from explainable_seg.corpora.truth import load_truth, region_targets
from explainable_seg.errors import AnnotationError, AudioError, CorpusError

from .layouts import (
    ALBAYZIN,
    amounts,
    content,
    read_summary,
    refused,
    rttm_text,
    write_albayzin,
    write_audio,
    write_rttm,
    write_text,
)

PRESENCE = ((0, 8, "sp"), (1, 5, "music"), (4, 6, "NO"))
SPEAKERS = ((-0.01, 3, "spk7"), (3, 6, "17"), (7, 8, "NA"))


@pytest.fixture
def data(tmp_path):
    """The corpus of 2010."""
    write_albayzin(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def out(tmp_path):
    """Where it is prepared."""
    return tmp_path / "out"


def relabel(data, *schemes):
    """Give the shows other labels, one after the other."""
    for index, name in enumerate(ALBAYZIN):
        path = data / "rttm" / f"{name}.rttm"
        write_rttm(path, name, schemes[index % len(schemes)])
    (data / "rttm" / "sessions_1-2.rttm").unlink()


def targets_of(folder, part, uri):
    """Targets of a recording, by class."""
    regions = [r for r in read_manifest(folder / f"{part}.csv")]
    (region,) = [r for r in regions if r.recording == uri]
    return region_targets(region, load_truth([region])[uri]).T


def test_seconds_of_2010(data, out):
    prepare_albayzin(data, out)
    assert amounts(out, "train", "dev") == {
        "speech": (21, 1),
        "music": (8, 1),
        "noise": (7, 11),
    }
    assert amounts(out, "test") == {
        "speech": (7, 0),
        "music": (3, 0),
        "noise": (2, 0),
    }


def test_noise_is_unknown_and_not_absent_under_sm_and_ot(data, out):
    """Row "any": unknown classes carry the mask, not zeros."""
    prepare_albayzin(data, out)
    for part in ("train", "dev"):
        for region in read_manifest(out / f"{part}.csv"):
            if region.recording == "session01":
                found = targets_of(out, part, "session01")
    speech, music, noise, overlap = found
    centres = 0.0125 + 0.02 * np.arange(len(speech))
    np.testing.assert_array_equal(speech, centres < 8)
    np.testing.assert_array_equal(
        noise,
        np.select(
            [(centres > 4) & (centres < 6), centres > 9, centres > 8],
            [-1, -1, 0],
            (centres > 6).astype(int),
        ),
    )
    assert set(music) == {0, 1} and set(overlap) == {-1}


def test_noise_is_unknown_everywhere_if_sn_does_not_tell(data, out):
    prepare_albayzin(data, out, noise_in_sn=False)
    assert amounts(out, "train", "dev") == {"speech": (21, 1), "music": (8, 1)}


def test_seconds_of_2012_with_labels_that_overlap(data, out):
    relabel(data, PRESENCE)
    prepare_albayzin(data, out)
    assert amounts(out, "test") == {
        "speech": (8, 0),
        "music": (4, 0),
        "noise": (2, 0),
    }


def test_speakers_give_speech_only(data, out):
    relabel(data, SPEAKERS)
    main(
        ["--data_folder", str(data), "--output_folder", str(out)]
        + ["--kind", "diarization"]
    )
    assert amounts(out, "train", "dev") == {"speech": (21, 0)}
    assert amounts(out, "test") == {"speech": (7, 0)}


@pytest.mark.parametrize("turns", [SPEAKERS, ((0, 9, "17"),)])
def test_speakers_are_refused_unless_announced(data, out, turns):
    """Row "Albayzin": the scheme is exactly one of three."""
    relabel(data, turns)
    with refused(AnnotationError, ".rttm:1", "use --kind diarization"):
        prepare_albayzin(data, out)


@pytest.mark.parametrize("label", ["mu", "SM", "ot", "no", "speech"])
def test_classes_are_refused_as_speakers(data, out, label):
    """Row "Albayzin": the scheme is exactly one of three."""
    relabel(data, SPEAKERS, SPEAKERS, ((0, 9, label),))
    with refused(AnnotationError, f"'{label.lower()}'", "session03.rttm"):
        prepare_albayzin(data, out, kind="diarization")


def test_schemes_of_two_campaigns_are_refused(data, out):
    """Row "Albayzin": the scheme is exactly one of three."""
    exclusive = ALBAYZIN["session01"]
    relabel(data, exclusive, exclusive, exclusive, PRESENCE)
    with refused(AnnotationError, "'no'", "of 2010", "session17.rttm", "2012"):
        prepare_albayzin(data, out)
    write_rttm(data / "rttm" / "session17.rttm", "session17", exclusive)
    write_rttm(data / "rttm" / "session02.rttm", "session02", SPEAKERS)
    with refused(AnnotationError, "session02.rttm:1", "'spk7'"):
        prepare_albayzin(data, out)
    assert not out.exists()


@pytest.mark.parametrize("label", ["no-music", "sp+mu", "noisy", "17"])
def test_an_unknown_label_is_refused_by_name(data, out, label):
    """Row "any": label in the closed vocabulary."""
    path = data / "rttm" / "session17.rttm"
    turns = (*ALBAYZIN["session17"][:2], (7, 10, label))
    write_rttm(path, "session17", turns)
    with refused(AnnotationError, f"'{label}'", f"{path}:3", "sp speech mu"):
        prepare_albayzin(data, out)


def test_a_class_that_never_occurs_in_a_part_is_refused(data, out):
    """Row "any": annotated class absent over a whole part."""
    path = data / "rttm" / "session17.rttm"
    write_rttm(path, "session17", [(0, 5, "sp"), (5, 9, "sn")])
    with refused(CorpusError, "some music", "in part test"):
        prepare_albayzin(data, out)


def test_wrong_twins_and_merged_files_are_left_out_by_name(data, out, caplog):
    """Row "Albayzin": skip WRONG and duplicates of several uris."""
    write_audio(data / "audio" / "jingle.wav")
    prepare_albayzin(data, out)
    assert "session01_WRONG.rttm is left out" in caplog.text
    for uri in ("session1", "session2"):
        assert f"sessions_1-2.rttm: {uri} is left out" in caplog.text
    skipped = read_summary(out)["skipped"]
    assert set(skipped) == {
        "session01_WRONG.rttm",
        "sessions_1-2.rttm",
        "jingle.wav",
    }


def test_a_merged_file_serves_shows_that_have_no_other(data, out):
    prepare_albayzin(data, out)
    before = amounts(out, "train", "dev")
    turns = {name: ALBAYZIN[name] for name in ("session01", "session02")}
    text = "".join(rttm_text(name, t) for name, t in turns.items())
    write_text(data / "rttm" / "sessions_1-2.rttm", text)
    for name in turns:
        (data / "rttm" / f"{name}.rttm").unlink()
    prepare_albayzin(data, out)
    assert content(out)
    assert amounts(out, "train", "dev").keys() == before.keys()
    assert amounts(out, "train", "dev") == {
        "speech": (21, 1),
        "music": (8, 1),
        "noise": (7, 11),
    }


def test_lab_files_and_a_list_with_other_zeros_will_do(data, out):
    for name, turns in ALBAYZIN.items():
        (data / "rttm" / f"{name}.rttm").unlink()
        lines = [f"{a} {b} {label}\n" for a, b, label in turns]
        suffix = "lab" if name == "session01" else "txt"
        write_text(data / "labels" / f"{name}.{suffix}", "".join(lines))
    (data / "rttm" / "sessions_1-2.rttm").unlink()
    names = "session1\nsession2\nsession3"
    write_text(data / "lists" / "train.txt", names)
    prepare_albayzin(data, out)
    assert amounts(out, "test")["noise"] == (2, 0)
    assert amounts(out, "train", "dev")["speech"] == (21, 1)
    assert "session01.wav" not in read_summary(out)["skipped"]


def test_missing_and_doubled_files_are_all_named(data, out):
    """Row "any": each listed uri has exactly one audio and annotation."""
    write_text(data / "lists" / "test.txt", "session17\nsession18\nsession19")
    with refused(
        CorpusError, "audio", "session18: none", "session19: none", data
    ):
        prepare_albayzin(data, out)
    write_text(data / "lists" / "test.txt", "session17")
    write_audio(data / "session17.flac")
    with refused(CorpusError, "session17.wav and", "session17.flac"):
        prepare_albayzin(data, out)
    (data / "session17.flac").unlink()
    again = data / "more" / "session17.rttm"
    write_rttm(again, "session017", [(0, 9, "sp")])
    with refused(CorpusError, again, data / "rttm" / "session17.rttm"):
        prepare_albayzin(data, out)
    for path in (again, data / "rttm" / "session17.rttm"):
        path.unlink()
    with refused(CorpusError, "annotation", "session17: none"):
        prepare_albayzin(data, out)
    assert not out.exists()


def test_lists_decide_the_parts(data, out):
    (data / "lists" / "train.txt").rename(data / "trn.lst")
    write_text(data / "lists" / "dev1.txt", "session03")
    with refused(CorpusError, "'session03' in train and dev"):
        prepare_albayzin(data, out)
    write_text(data / "trn.lst", "session01\nsession02")
    prepare_albayzin(data, out)
    assert [r.id for r in read_manifest(out / "train.csv")] == [
        "session01",
        "session02",
    ]
    assert [r.id for r in read_manifest(out / "dev.csv")] == ["session03"]
    write_text(data / "train.list.txt", "session01")
    write_text(data / "train.txt", "session01")
    with refused(CorpusError, data / "trn.lst", data / "train.txt"):
        prepare_albayzin(data, out)
    for name in ("trn.lst", "train.txt"):
        (data / name).unlink()
    with refused(CorpusError, "train.txt", data):
        prepare_albayzin(data, out)


def test_held_out_shows_depend_on_the_seed_alone(data, out):
    chosen = set()
    for seed in range(8):
        prepare_albayzin(data, out, seed=seed, dev_share=0.4)
        (dev,) = [r.id for r in read_manifest(out / "dev.csv")]
        chosen.add(dev)
    assert chosen == {"session01", "session02", "session03"}
    for wrong in ({"seed": -1}, {"dev_share": 1.0}, {"dev_share": 0.0}):
        with refused(CorpusError, *wrong.values()):
            prepare_albayzin(data, out, **wrong)


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([(0, 10.06, "sp")], ("0.000 to 10.060", "10.000 s")),
        ([(-0.06, 3, "sp")], ("as onset, got '-0.060'",)),
        ([(0, 90000000, "sp")], ("90000000", "10.000 s")),
    ],
)
def test_turns_outside_the_audio_are_refused(data, out, turns, said):
    """Row "all audio": end at most 0.05 s after the end."""
    path = data / "rttm" / "session17.rttm"
    write_rttm(path, "session17", turns)
    with refused(AnnotationError, f"{path}:1", *said):
        prepare_albayzin(data, out)


def test_telephone_rates_will_do_and_lower_ones_not(data, out):
    """Row "all audio": rate of 8 kHz or more, duration above 0."""
    write_audio(data / "audio" / "session17.wav", rate=4000)
    with refused(AudioError, "4000 Hz", "session17.wav"):
        prepare_albayzin(data, out)
    write_audio(data / "audio" / "session17.wav", rate=8000)
    prepare_albayzin(data, out)


def test_an_output_folder_inside_the_corpus_is_refused(data):
    before = content(data)
    for inside in (data, data / "prepared"):
        with refused(CorpusError, inside, "outside"):
            prepare_albayzin(data, inside)
    assert content(data) == before


def test_a_strange_kind_is_refused(data, out):
    with refused(CorpusError, "'speech'", "segmentation or diarization"):
        prepare_albayzin(data, out, kind="speech")


def test_seconds_of_a_real_corpus(corpora, tmp_path):
    expected = json.loads((corpora / "albayzin/expected.json").read_text())
    prepare_albayzin(corpora / "albayzin", tmp_path)
    for parts, part in ((("train", "dev"), "train"), (("test",), "test")):
        want = expected[part]
        found = amounts(tmp_path, *parts)
        assert set(found) == {"speech", "music", "noise"}
        for name, pair in found.items():
            unknown = want["noise_unknown"] if name == "noise" else 0
            heard, masked = pair.expected
            assert heard == pytest.approx(want[name], abs=0.1)
            assert masked == pytest.approx(unknown, abs=0.1)
