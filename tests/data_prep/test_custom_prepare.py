"""Your own data: a folder of audio, RTTM and, if wanted, UEM."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from data_prep.custom_prepare import main, prepare_custom
from explainable_seg.classes import CLASSES
from explainable_seg.corpora.manifest import read_manifest
from explainable_seg.corpora.truth import load_truth, region_targets
from explainable_seg.errors import AnnotationError, CorpusError, ManifestError

from .layouts import (
    CUSTOM,
    amounts,
    content,
    read_summary,
    refused,
    rttm_text,
    write_audio,
    write_custom,
    write_rttm,
    write_text,
)

PARTS = ("train", "dev", "test")
URIS = [f"show_{number}" for number in range(4)]


@pytest.fixture
def data(tmp_path):
    """Four shows in two folders, their labels in a third."""
    write_custom(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def out(tmp_path):
    """Where they are prepared."""
    return tmp_path / "out"


def rttm(data, number):
    """Labels of a show."""
    return data / "labels" / f"show {number}.rttm"


def write_lists(data):
    """Two shows train, one tunes, one tests."""
    write_text(data / "train.txt", "show 0.flac\r\nshow_3")
    write_text(data / "dev.txt", "show 1")
    write_text(data / "test.lst", "show 2\n")


def test_seconds_of_all_shows(data, out):
    prepare_custom(data, out)
    assert amounts(out, *PARTS) == {
        "speech": (16, 0),
        "music": (12, 0),
        "noise": (12, 0),
        "overlap": (4, 0),
    }
    ids = [r.id for part in PARTS for r in read_manifest(out / f"{part}.csv")]
    assert sorted(ids) == URIS


@pytest.mark.parametrize("ending", [".mp3", ".ogg", ".MP3", ".aiff"])
def test_sound_of_any_format_that_segment_takes(data, out, ending):
    (old,) = data.rglob("show 0.flac")
    sound, rate = soundfile.read(old)
    old.unlink()
    soundfile.write(old.with_suffix(ending), sound, rate)
    prepare_custom(data, out)
    rows = [r for part in PARTS for r in read_manifest(out / f"{part}.csv")]
    (row,) = [r for r in rows if r.recording == "show_0"]
    assert row.wav.endswith(ending)
    assert row.duration == pytest.approx(len(sound) / rate)


def test_a_class_that_was_not_annotated_is_unknown(data, out):
    """Row "any": unknown classes carry the mask, not zeros."""
    for number in range(4):
        write_rttm(rttm(data, number), URIS[number], CUSTOM[:2])
    with refused(CorpusError, "some noise", "allow it to be absent"):
        prepare_custom(data, out)
    main(
        ["--data_folder", str(data), "--output_folder", str(out)]
        + ["--labels", "speech,mu"]
    )
    assert amounts(out, *PARTS) == {"speech": (16, 0), "music": (12, 0)}
    prepare_custom(data, out, allow_absent=True)
    assert amounts(out, *PARTS)["noise"] == (0, 0)


def test_lines_of_classes_that_were_not_annotated_are_passed_over(data, out):
    """Group 4: refused, though the docs said "unknown"."""
    main(
        ["--data_folder", str(data), "--output_folder", str(out)]
        + ["--labels", "sp,mu"]
    )
    assert amounts(out, *PARTS) == {"speech": (16, 0), "music": (12, 0)}
    (region, *_) = read_manifest(out / "train.csv")
    assert "noise" not in (out / "rttm" / f"{region.id}.rttm").read_text()


@pytest.mark.parametrize("line", ["SPEAKR", "speaker", "#SPEAKER", "SPEECH"])
def test_a_line_of_an_unknown_type_is_refused(data, out, line):
    """Row 1.13: it was dropped, and its time became negatives."""
    text = rttm(data, 0).read_text().replace("SPEAKER", line, 1)
    rttm(data, 0).write_text(text)
    with refused(AnnotationError, f"got '{line}'", f"{rttm(data, 0)}:1"):
        prepare_custom(data, out)


@pytest.mark.parametrize("in_rttm", ["caf\xe9", "cafe\u0301"])
@pytest.mark.parametrize("in_name", ["caf\xe9", "cafe\u0301"])
def test_accents_are_composed_on_both_sides(data, out, in_rttm, in_name):
    """Row 3.7: "got cafe: no RTTM, cafe: no audio"."""
    (audio,) = data.rglob("show*3.flac")
    audio.rename(audio.with_stem(in_name))
    write_text(rttm(data, 3), rttm_text(in_rttm, CUSTOM))
    write_text(data / "a.uem", f"{in_rttm} 1 0 9\n")
    write_text(data / "train.txt", f"show_0\n{in_rttm}\n")
    write_text(data / "dev.txt", "show_1")
    write_text(data / "test.txt", "show_2")
    prepare_custom(data, out)
    regions = read_manifest(out / "train.csv")
    assert [r.recording for r in regions] == ["show_0", "caf\xe9"]
    truth = load_truth(regions)["caf\xe9"]
    assert truth.known("speech").duration() == 9 and truth.heard("music")


def test_a_prepared_folder_moves_with_its_corpus_and_without(data, out):
    prepare_custom(data, out)
    first = read_manifest(out / "train.csv")
    assert all(r.wav.startswith(str(data)) for r in first)
    text = (out / "train.csv").read_text()
    assert str(out.parent) not in text and "$data_root/" in text
    # Without the corpus.
    (out.parent / "far" / "away").mkdir(parents=True)
    far = out.rename(out.parent / "far" / "away" / "out")
    moved = read_manifest(far / "train.csv")
    assert [r.wav for r in moved] == [r.wav for r in first]
    assert load_truth(moved).keys() == {r.recording for r in first}
    # With it: here they lie as they did.
    together = out.parent / "together"
    together.mkdir()
    far.rename(together / "out")
    data.rename(together / "data")
    moved = read_manifest(together / "out" / "train.csv")
    assert all(r.wav.startswith(str(together / "data")) for r in moved)
    # Anywhere else, one says where.
    elsewhere = (together / "data").rename(out.parent / "elsewhere")
    with pytest.raises(ManifestError, match="set data_root"):
        read_manifest(together / "out" / "train.csv")
    assert read_manifest(together / "out" / "train.csv", elsewhere)


def test_converted_audio_moves_with_the_folder(data, out):
    prepare_custom(data, out, convert=True)
    shutil.rmtree(data)
    moved = out.rename(out.parent / "moved")
    regions = read_manifest(moved / "train.csv")
    assert all(r.wav.startswith(str(moved / "audio")) for r in regions)


def test_a_full_disk_is_one_line(data, out):
    """Row 3.4, on a disk of 64 KB of its own."""
    if not shutil.which("unshare"):
        pytest.skip("no name spaces here")
    out.mkdir()
    mount = 'mount -t tmpfs -o size=64k none "$0" && exec "$@"'
    command = [sys.executable, "-m", "data_prep.custom_prepare", "--convert"]
    folders = ["--data_folder", data, "--output_folder", out]
    ran = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, out, *command, *folders],
        capture_output=True,
        text=True,
    )
    if "unshare" in ran.stderr or "mount" in ran.stderr:
        pytest.skip("no name spaces here")
    assert ran.returncode == 2
    last = ran.stderr.splitlines()[-1]
    assert "expected room to write" in last and str(out) in last
    assert "Traceback" not in ran.stderr


def test_speakers_give_speech_and_overlap(data, out):
    turns = ((0, 4, "Anna"), (3, 6, "Ben"), (3.5, 3.9, "Anna"))
    for number in range(4):
        write_rttm(rttm(data, number), URIS[number], turns)
    with refused(AnnotationError, "'Anna'", data / "labels", ".rttm:1"):
        prepare_custom(data, out)
    prepare_custom(data, out, speakers=True)
    assert amounts(out, *PARTS) == {"speech": (24, 0), "overlap": (4, 0)}
    write_rttm(rttm(data, 2), URIS[2], CUSTOM)
    with refused(AnnotationError, "'mu'", rttm(data, 2)):
        prepare_custom(data, out, speakers=True)


def test_time_outside_a_uem_is_unknown(data, out):
    write_lists(data)
    write_text(data / "some.uem", "show_2 1 1 3.5\nshow_2 1 5.5 10.04\n")
    prepare_custom(data, out)
    assert amounts(out, "test") == {
        "speech": (2.5, 3),
        "music": (1, 3),
        "noise": (2.5, 3),
        "overlap": (1, 3),
    }
    assert amounts(out, "dev")["speech"] == (4, 0)
    (region,) = read_manifest(out / "test.csv")
    targets = region_targets(region, load_truth([region])[region.recording])
    centres = 0.0125 + 0.02 * np.arange(len(targets))
    hole = (centres < 1) | ((centres > 3.5) & (centres < 5.5))
    np.testing.assert_array_equal(
        targets[:, 0], np.where(hole, -1, centres < 4)
    )


@pytest.mark.parametrize(
    ("uem", "kind", "said"),
    [
        ("show_9 1 0 5\n", CorpusError, "show_9"),
        ("show_1 1 0 10.06\n", AnnotationError, "10.060"),
        ("show_1 1 0\n", AnnotationError, "4 fields"),
    ],
)
def test_a_uem_that_does_not_fit_is_refused(data, out, uem, kind, said):
    path = data / "some.uem"
    write_text(path, uem)
    with refused(kind, said, path):
        prepare_custom(data, out)
    write_text(path, "show_1 1 0 5\n")
    again = data / "again.uem"
    write_text(again, "show_1 1 5 9\n")
    with refused(CorpusError, "show_1", path, again):
        prepare_custom(data, out)


def test_one_rttm_may_hold_several_shows(data, out):
    prepare_custom(data, out)
    before = content(out)
    texts = [rttm_text(uri, CUSTOM, fields=9) for uri in URIS]
    for number in range(4):
        rttm(data, number).unlink()
    write_text(data / "all.rttm", "".join(texts))
    prepare_custom(data, out)
    assert content(out) == before
    write_rttm(rttm(data, 0), URIS[0], CUSTOM)
    with refused(CorpusError, URIS[0], rttm(data, 0), data / "all.rttm"):
        prepare_custom(data, out)


def test_nothing_is_heard_in_a_show_with_an_empty_rttm(data, out):
    write_lists(data)
    write_text(rttm(data, 2), "")
    prepare_custom(data, out)
    found = amounts(out, "test")
    assert found == dict.fromkeys(CLASSES, (0, 0))


def test_lists_decide_the_parts(data, out):
    write_lists(data)
    prepare_custom(data, out)
    assert [r.id for r in read_manifest(out / "train.csv")] == [
        "show_0",
        "show_3",
    ]
    assert [r.id for r in read_manifest(out / "test.csv")] == ["show_2"]
    write_text(data / "train.txt", "show 0")
    prepare_custom(data, out)
    assert read_summary(out)["skipped"] == {"show 3.flac": "in no list"}
    write_text(data / "train.txt", "show 0\nshow 7\nshow 8")
    with refused(CorpusError, "show_7 show_8", "2 in all"):
        prepare_custom(data, out)
    write_text(data / "train.txt", "show 0\nshow 1.flac")
    with refused(CorpusError, "'show_1' in train and dev"):
        prepare_custom(data, out)
    (data / "dev.txt").unlink()
    with refused(CorpusError, "none of dev", data):
        prepare_custom(data, out)


def test_shows_with_scores_need_no_labels(data, out, tmp_path):
    write_audio(data / "more" / "late night.wav")
    with refused(CorpusError, "late_night: no RTTM (1 in all)"):
        prepare_custom(data, out)
    scores = tmp_path / "scores"
    write_text(scores / "deep/other.npz", "")
    said = "late_night: no RTTM and no scores (1 in all)"
    with refused(CorpusError, said):
        prepare_custom(data, out, scores=scores)
    write_text(scores / "deep/late night.npz", "")
    for seed in range(3):
        prepare_custom(data, out, scores=scores, seed=seed)
        train = {r.id: r for r in read_manifest(out / "train.csv")}
        assert not any(train["late_night"].uems.values())
        truth = load_truth([train["late_night"]])["late_night"]
        assert (region_targets(train["late_night"], truth) == -1).all()
        for part in ("dev", "test"):
            (region,) = read_manifest(out / f"{part}.csv")
            assert all(region.uems.values())
    with refused(CorpusError, "outside of", data):
        prepare_custom(data, out, scores=data / "labels")


def test_a_folder_that_nobody_labelled_is_for_training(data, out, tmp_path):
    prepare_custom(data, out)
    shutil.rmtree(data / "labels")
    for number in range(4):
        write_text(tmp_path / f"scores/show {number}.csv", "")
    main(
        [f"--data_folder={data}", f"--output_folder={out}"]
        + [f"--scores={tmp_path / 'scores'}"]
    )
    assert [r.id for r in read_manifest(out / "train.csv")] == URIS
    assert not (out / "dev.csv").exists() and not (out / "test.csv").exists()


def test_shares_depend_on_the_seed_alone(data, out):
    write_audio(data / "more" / "show 4.wav")
    write_rttm(data / "more" / "show 4.rttm", "show_4", CUSTOM)
    chosen = set()
    for seed in range(6):
        prepare_custom(data, out, seed=seed, dev_share=0.2, test_share=0.4)
        sizes = [len(read_manifest(out / f"{p}.csv")) for p in PARTS]
        assert sizes == [2, 1, 2]
        (region,) = read_manifest(out / "dev.csv")
        chosen.add(region.id)
    assert len(chosen) > 1
    for wrong in (
        {"test_share": 1.0},
        {"dev_share": 0.6, "test_share": 0.5},
        {"seed": -1},
    ):
        with refused(CorpusError):
            prepare_custom(data, out, **wrong)


def test_missing_and_doubled_files_are_all_named(data, out):
    """Row "any": each listed uri has exactly one audio and annotation."""
    rttm(data, 1).unlink()
    write_rttm(data / "labels" / "more.rttm", "show_5", CUSTOM)
    with refused(CorpusError, "show_1: no RTTM, show_5: no audio", data):
        prepare_custom(data, out)
    write_rttm(data / "labels" / "more.rttm", "show_1", CUSTOM)
    write_audio(data / "show_2.wav")
    with refused(CorpusError, "show_2", data / "show_2.wav", "show 2.flac"):
        prepare_custom(data, out)
    empty = data.parent / "empty"
    empty.mkdir()
    with refused(CorpusError, "got nothing", empty):
        prepare_custom(empty, out)
    assert not out.exists()


@pytest.mark.parametrize("label", ["no-music", "Speech2", "17"])
def test_an_unknown_label_is_refused_by_name(data, out, label):
    """Row "any": label in the closed vocabulary."""
    write_rttm(rttm(data, 3), URIS[3], (*CUSTOM, (8, 9, label)))
    with refused(AnnotationError, f"'{label}'", f"{rttm(data, 3)}:5", "speech"):
        prepare_custom(data, out)


def test_turns_outside_the_audio_are_refused(data, out):
    """Row "all audio": end at most 0.05 s after the end."""
    write_rttm(rttm(data, 3), URIS[3], (*CUSTOM, (8, 10.06, "sp")))
    with refused(AnnotationError, f"{rttm(data, 3)}:5", "10.060"):
        prepare_custom(data, out)


def test_an_output_folder_inside_the_data_is_refused(data):
    before = content(data)
    for inside in (data, data / "prepared"):
        with refused(CorpusError, inside, "outside"):
            prepare_custom(data, inside)
    assert content(data) == before
