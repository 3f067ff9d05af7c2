"""ALLIES: transcriptions in two encodings, and UEMs that must be read well."""

import json
import shutil

import numpy as np
import pytest

from data_prep.allies_prepare import main, prepare_allies
from explainable_seg.corpora.manifest import read_manifest
from explainable_seg.corpora.truth import load_truth, region_targets
from explainable_seg.errors import AnnotationError, CorpusError

from .layouts import (
    ALLIES,
    MDTM,
    TRS,
    amounts,
    read_summary,
    refused,
    write_allies,
    write_audio,
    write_flat_allies,
    write_mdtm,
    write_text,
    write_trs,
)

SHOWS = [name for names in ALLIES.values() for name in names]
CLEAN = "FULLTEST-CleanAnnot"
WITHOUT_OVERLAP = TRS.replace('speaker="spk1 spk2"', 'speaker="spk1"')


@pytest.fixture
def data(tmp_path):
    """A folder a part."""
    write_allies(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def flat(tmp_path):
    """Flat folders and lists."""
    write_flat_allies(tmp_path / "flat")
    return tmp_path / "flat"


@pytest.fixture
def out(tmp_path):
    """Where it is prepared."""
    return tmp_path / "out"


def write_uems(flat, text):
    """One UEM a show; ``{}`` stands for the uri."""
    for name in SHOWS:
        write_text(flat / "uem" / f"{name}.uem", text.replace("{}", name))


def test_seconds_of_each_part(data, out, caplog):
    prepare_allies(data, out)
    assert amounts(out, "train", "dev") == {
        "speech": (18, 6),
        "overlap": (6, 6),
    }
    assert amounts(out, "test") == {
        "speech": (24, 8),
        "music": (6, 24),
        "noise": (4, 24),
        "overlap": (8, 8),
    }
    assert amounts(out, "test_fulltestcleanannot") == {
        "speech": (12, 4),
        "music": (6, 4),
        "noise": (4, 4),
        "overlap": (4, 4),
    }
    for part in ("test_diartestseenshows", "test_diartestunseenshows"):
        assert amounts(out, part) == {"speech": (6, 2), "overlap": (2, 2)}
    # The header of show c lies, and no other.
    assert caplog.text.count("not as its XML declaration says") == 1


def test_test_is_its_parts_and_dev_a_share_of_train(data, out):
    prepare_allies(data, out, dev_share=0.4)
    ids = {
        path.stem: [region.id for region in read_manifest(path)]
        for path in out.glob("*.csv")
    }
    assert set(ids) == {
        "train",
        "dev",
        "test",
        "test_diartestseenshows",
        "test_diartestunseenshows",
        "test_fulltestcleanannot",
    }
    assert sorted(ids["train"] + ids["dev"]) == ["a.v1", "b", "c"]
    assert len(ids["dev"]) == 1
    assert ids["test"] == ["d", "e", "f", "g"]
    assert ids["test_fulltestcleanannot"] == ["f", "g"]


def test_untranscribed_time_is_unknown(data, out):
    """Row "any": unknown classes carry the mask, not zeros."""
    prepare_allies(data, out)
    for region in read_manifest(out / "test.csv"):
        truths = load_truth([region])
        targets = region_targets(region, truths[region.recording]).T
        centres = 0.0125 + 0.02 * np.arange(targets.shape[1])
        heard = {
            "speech": (centres > 1) & (centres < 7),
            "music": centres < 3,
            "noise": (centres > 4) & (centres < 6),
            "overlap": (centres > 5) & (centres < 7),
        }
        for (name, active), target in zip(heard.items(), targets):
            known = centres < 8
            if name in ("music", "noise") and region.recording in "de":
                known &= False
            np.testing.assert_array_equal(target, np.where(known, active, -1))


def test_backgrounds_are_trusted_where_it_is_said(data, out):
    main(
        ["--data_folder", str(data), "--output_folder", str(out)]
        + ["--background_parts", "train,DiarTest_SeenShows"]
    )
    assert amounts(out, "train", "dev")["music"] == (9, 6)
    assert amounts(out, "test")["noise"] == (2, 32)
    with refused(CorpusError, "testclean", "fulltestcleanannot"):
        prepare_allies(data, out, background_parts=["TestClean"])


@pytest.mark.parametrize("kind", ["music", "noise"])
def test_backgrounds_that_never_occur_are_refused(data, out, kind):
    """Row "any": annotated class absent over a whole part."""
    old = "shh other" if kind == "noise" else "music"
    for path in (data / CLEAN).rglob("[!.]*.trs"):
        write_trs(path, TRS.replace(f'type="{old}"', 'type="speech"'))
    with refused(CorpusError, f"some {kind}", "in part test"):
        prepare_allies(data, out)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('type="music"', 'type="singing"', "'singing'"),
        ('type="nontrans"', 'type="advert"', "'advert'"),
        ('"spk1 spk2"', '"Anna Maria"', "'Anna'"),
        (
            '<Sync time="4"/>',
            '<Event desc="guitare" type="noise" extent="begin"/>'
            '<Sync time="4"/><Event desc="guitare" type="noise" extent="end"/>',
            "'guitare'",
        ),
    ],
)
def test_an_unknown_label_is_refused_by_name(data, out, old, new, said):
    """Row "any": label in the closed vocabulary."""
    path = data / CLEAN / "sub" / "f.trs"
    write_trs(path, TRS.replace(old, new, 1))
    with refused(AnnotationError, said, f"{path}:"):
        prepare_allies(data, out)


def test_published_counts_are_a_note(data, out, caplog):
    """Row "ALLIES": counts a part against the published ones."""
    prepare_allies(data, out)
    notes = [
        "train: 3 recordings, published are 673",
        "diartestseenshows: 1 recordings, published are 181",
        "diartestunseenshows: 1 recordings, published are 286",
        "fulltestcleanannot: 2 recordings, published are 35",
    ]
    assert read_summary(out)["notes"] == notes
    assert all(note in caplog.text for note in notes)


def test_no_overlap_at_all_is_refused(data, out):
    """Row "ALLIES": overlap above 0."""
    for path in data.rglob("[!.]*.trs"):
        write_trs(path, WITHOUT_OVERLAP)
    with refused(CorpusError, "some overlap"):
        prepare_allies(data, out)


@pytest.mark.parametrize("uem", ["{} 1 0 4\n{} 1 5 10\n", "{} 1 0 4.005\n"])
def test_uems_that_remove_the_overlap_are_refused(flat, out, uem):
    """Row "ALLIES": overlap survives the UEM."""
    write_uems(flat, uem)
    with refused(CorpusError, "overlap", "3.0 s", "0.0 s", flat / "uem"):
        prepare_allies(flat, out)
    for name in ALLIES["Train"]:
        (flat / "uem" / f"{name}.uem").unlink()
    with refused(CorpusError, "4.0 s", flat / "uem"):
        prepare_allies(flat, out)
    assert not out.exists()


def test_what_a_uem_leaves_out_is_unknown(flat, out):
    write_uems(flat, "{} 1 2 4.5\n{}.wav NA 6 8\n")
    prepare_allies(flat, out)
    # Known: 2 to 4.5 and 6 to 7 s, where the last turn ends.
    assert amounts(out, "test") == {"speech": (14, 26), "overlap": (2, 26)}


def test_flat_folders_with_turns_know_nothing_outside_them(flat, out):
    prepare_allies(flat, out)
    assert amounts(out, "train", "dev") == {
        "speech": (18, 12),
        "overlap": (3, 12),
    }
    assert amounts(out, "test_diartestseenshows")["speech"] == (6, 4)


def test_transcriptions_go_before_turns(flat, out):
    for name in SHOWS:
        write_trs(flat / "trs" / f"{name}.TRS")
    prepare_allies(flat, out)
    assert amounts(out, "test_fulltestcleanannot")["music"] == (6, 4)


@pytest.mark.parametrize(
    ("uem", "kind", "said"),
    [
        ("other 1 0 10\n", CorpusError, "annotated time of g"),
        ("", CorpusError, "annotated time of g"),
        ("g 1 0 10.06\n", AnnotationError, "10.060"),
    ],
)
def test_a_uem_of_another_show_is_refused(flat, out, uem, kind, said):
    path = flat / "uem" / "g.uem"
    write_text(path, uem)
    with refused(kind, said, path):
        prepare_allies(flat, out)


def test_turns_of_another_show_are_refused(flat, out):
    path = flat / "mdtm" / "g.mdtm"
    write_mdtm(path, "other", MDTM)
    with refused(CorpusError, "turns of g", "other", path):
        prepare_allies(flat, out)


def test_missing_and_doubled_files_are_all_named(data, flat, out):
    """Row "any": each listed uri has exactly one audio and annotation."""
    for name in ("b", "c"):
        (data / "Train" / "sub" / f"{name}.trs").unlink()
    with refused(CorpusError, "annotation", "b: none", "c: none"):
        prepare_allies(data, out)
    (data / "Train" / "sub" / "b.wav").unlink()
    write_trs(data / "Train" / "b.trs")
    with refused(CorpusError, "audio", "b: none"):
        prepare_allies(data, out)
    write_audio(flat / "wav" / "again" / "g.wav")
    with refused(CorpusError, "audio", "g: ", "again/g.wav"):
        prepare_allies(flat, out)
    (flat / "wav" / "again" / "g.wav").unlink()
    write_text(flat / "lists" / "Train.lst", "a.v1\r\nb\r\nc\r\nh\r\ni\r\n")
    with refused(CorpusError, "audio", "h: none, i: none"):
        prepare_allies(flat, out)
    assert not out.exists()


def test_a_part_told_twice_is_refused(data, flat, out):
    shutil.copytree(data / "Train", data / "train_")
    with refused(CorpusError, data / "Train", data / "train_"):
        prepare_allies(data, out)
    write_text(flat / "full-test_cleanannot.txt", "a.v1")
    with refused(CorpusError, flat / "full-test_cleanannot.txt", ".lst"):
        prepare_allies(flat, out)


def test_a_show_of_two_parts_is_refused(data, out):
    for suffix in ("wav", "trs"):
        path = data / "Train" / "sub" / f"b.{suffix}"
        shutil.copy(path, data / "DiarTest-SeenShows")
    with refused(CorpusError, "'b' in train and diartestseenshows"):
        prepare_allies(data, out)


def test_parts_may_lack_but_not_train_or_all_tests(data, out):
    prepare_allies(data, out)
    assert (out / "test_diartestseenshows.csv").exists()
    shutil.rmtree(data / "DiarTest-SeenShows")
    prepare_allies(data, out)
    assert amounts(out, "test")["speech"] == (18, 6)
    # A manifest of an earlier run must not stay beside new annotations.
    assert not (out / "test_diartestseenshows.csv").exists()
    shutil.rmtree(data / "Train")
    with refused(CorpusError, "train", "diartestunseenshows", data):
        prepare_allies(data, out)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'endTime="9"><Sync time="8"/>',
            'endTime="10.06"><Sync time="8"/>',
            "10.000 s",
        ),
        (
            'startTime="0" endTime="1"',
            'startTime="-0.06" endTime="1"',
            "as start, got '-0.06'",
        ),
    ],
)
def test_turns_outside_the_audio_are_refused(data, out, old, new, said):
    """Row "all audio": end at most 0.05 s after the end."""
    path = data / CLEAN / "sub" / "f.trs"
    changed = TRS.replace(old, new)
    assert changed != TRS
    if new.startswith("start"):
        changed = changed.replace(
            "<Turn start", '<Turn speaker="spk1" start', 1
        )
    write_trs(path, changed)
    with refused(AnnotationError, said, f"{path}:"):
        prepare_allies(data, out)


def test_seconds_of_a_real_corpus(corpora, tmp_path):
    expected = json.loads((corpora / "allies/expected.json").read_text())
    prepare_allies(corpora / "allies", tmp_path)
    for part, want in expected.items():
        name = part.lower().replace("-", "")
        parts = ["train", "dev"] if name == "train" else [f"test_{name}"]
        found = amounts(tmp_path, *parts)
        assert set(found) == set(want) - {"recordings", "seconds"}
        for name, pair in found.items():
            assert pair.expected[0] == pytest.approx(want[name], abs=0.1)
