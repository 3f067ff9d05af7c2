"""DIHARD III: two sets, tables of which some lack, UEMs with holes."""

import json
import shutil

import numpy as np
import pytest

from data_prep.dihard3_prepare import main, prepare_dihard3
from explainable_seg.corpora.manifest import read_manifest
from explainable_seg.corpora.truth import load_truth, region_targets
from explainable_seg.errors import AnnotationError, CorpusError

from .layouts import (
    amounts,
    content,
    read_summary,
    refused,
    write_audio,
    write_dihard3,
    write_rttm,
    write_text,
)

DEV = [f"DH_DEV_000{number}" for number in (1, 2, 3, 4)]
EVAL = ["DH_EVAL_0001", "DH_EVAL_0002"]


@pytest.fixture
def data(tmp_path):
    """Both sets, side by side."""
    write_dihard3(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def out(tmp_path):
    """Where they are prepared."""
    return tmp_path / "out"


def root(data, name="dev"):
    """Folder of a set."""
    return data / f"third_dihard_challenge_{name}"


def ids(out, part):
    """IDs of a manifest."""
    return [region.id for region in read_manifest(out / f"{part}.csv")]


def test_seconds_inside_the_uem(data, out):
    prepare_dihard3(data, out)
    assert amounts(out, "train", "dev") == {
        "speech": (20, 8),
        "overlap": (6, 8),
    }
    assert amounts(out, "test") == {"speech": (10, 4), "overlap": (3, 4)}
    assert amounts(out, "test_core") == {"speech": (5, 2), "overlap": (1.5, 2)}


def test_holes_of_the_uem_are_unknown(data, out):
    """Row "any": unknown classes carry the mask, not zeros."""
    prepare_dihard3(data, out)
    (region, _) = read_manifest(out / "test.csv")
    targets = region_targets(region, load_truth([region])[region.recording])
    centres = 0.0125 + 0.02 * np.arange(len(targets))
    hole = ((centres > 4.2) & (centres < 5.2)) | (centres > 9)
    np.testing.assert_array_equal(
        targets[:, 0], np.where(hole, -1, centres < 6)
    )
    assert set(targets[:, 1]) == set(targets[:, 2]) == {-1}


def test_parts_and_core(data, out):
    prepare_dihard3(data, out, dev_share=0.5)
    assert sorted(ids(out, "train") + ids(out, "dev")) == DEV
    assert ids(out, "test") == EVAL
    assert ids(out, "test_core") == EVAL[:1]
    main(
        ["--data_folder", str(data), "--output_folder", str(out)]
        + ["--subset", "core"]
    )
    assert sorted(ids(out, "train") + ids(out, "dev")) == DEV[:3]
    assert ids(out, "test") == ids(out, "test_core") == EVAL[:1]
    with refused(CorpusError, "full or core", "'half'"):
        prepare_dihard3(data, out, subset="half")


def test_each_domain_gives_its_share(data, out):
    for seed in range(5):
        prepare_dihard3(data, out, dev_share=0.5, seed=seed)
        first, second = ids(out, "dev")
        assert int(first[-1]) % 2 != int(second[-1]) % 2


def test_a_list_decides_what_tunes(data, out, tmp_path):
    path = tmp_path / "dev.lst"
    write_text(path, f"{DEV[2]}\r\n{DEV[0]}")
    prepare_dihard3(data, out, dev_list=path)
    assert ids(out, "dev") == [DEV[0], DEV[2]]
    assert ids(out, "train") == [DEV[1], DEV[3]]
    for names, said in (
        ([DEV[0], EVAL[0]], EVAL[0]),
        (DEV, "all of them"),
        (DEV[:1] * 2, f"{DEV[0]} again"),
    ):
        write_text(path, "\n".join(names))
        with refused(CorpusError, said, path):
            prepare_dihard3(data, out, dev_list=path)
    with refused(CorpusError, "a list of names", "nowhere.lst"):
        prepare_dihard3(data, out, dev_list="nowhere.lst")


def test_published_counts_are_a_note(data, out, caplog):
    """Row "DIHARD": 254 and 259 recordings; in core 181 and 184."""
    core = [
        "core dev: 3 recordings, published are 181",
        "core eval: 1 recordings, published are 184",
    ]
    full = [
        "dev: 4 recordings, published are 254",
        "eval: 2 recordings, published are 259",
    ]
    prepare_dihard3(data, out)
    assert read_summary(out)["notes"] == core + full
    assert all(note in caplog.text for note in core + full)
    prepare_dihard3(data, out, subset="core")
    assert read_summary(out)["notes"] == core


def test_a_lab_that_is_not_the_union_of_the_turns_is_told(data, out, caplog):
    """Row "DIHARD": .lab = union of RTTM."""
    prepare_dihard3(data, out)
    assert "speech in one of" not in caplog.text
    before = content(out)
    labs = root(data) / "data/sad"
    write_text(labs / f"{DEV[0]}.lab", "0.05 6 speech\n")
    write_text(labs / f"{DEV[1]}.lab", "0 5 speech\n9 9.5 speech\n")
    (labs / f"{DEV[2]}.lab").unlink()
    prepare_dihard3(data, out)
    assert caplog.text.count("speech in one of") == 1
    assert f"{DEV[1]}: 1.50 s" in caplog.text
    assert content(out) == before
    path = labs / f"{DEV[0]}.lab"
    write_text(path, "0 60000000 speech\n")
    with refused(AnnotationError, "time unit?", f"{path}:1"):
        prepare_dihard3(data, out)


@pytest.mark.parametrize(
    "table",
    [
        "#uri  core_set   domain\n{} yes meeting\n",
        "# uri domain in_core\n{} meeting TRUE\n",
        "\ufeffdomain\tx y\tURI\tIn_Core\r\nmeeting\ta b\t{}\t1\r\n",
    ],
)
def test_columns_of_the_table_are_found_by_name(data, out, table):
    head, row = table.splitlines(keepends=True)
    path = root(data, "eval") / "docs/recordings.tbl"
    write_text(path, head + "".join(row.replace("{}", uri) for uri in EVAL))
    prepare_dihard3(data, out)
    assert ids(out, "test_core") == EVAL


@pytest.mark.parametrize("table", [None, "uri\tlang\n", "uri\tdomain\n", ""])
def test_scoring_uems_say_what_the_table_does_not(data, out, table):
    for name in ("dev", "eval"):
        path = root(data, name) / "docs/recordings.tbl"
        path.unlink()
        if table is not None:
            write_text(path, table)
    prepare_dihard3(data, out, dev_share=0.5, seed=1)
    assert ids(out, "test_core") == EVAL[:1]
    first, second = ids(out, "dev")
    assert int(first[-1]) % 2 != int(second[-1]) % 2
    # A core list and a table of domains together will do.
    shutil.rmtree(root(data, "eval") / "data/uem_scoring/full")
    rows = "".join(f"{uri}\tmeeting\n" for uri in EVAL)
    write_text(
        root(data, "eval") / "docs/recordings.tbl", f"uri\tdomain\n{rows}"
    )
    prepare_dihard3(data, out)
    assert ids(out, "test_core") == EVAL[:1]
    shutil.rmtree(root(data, "eval") / "data/uem_scoring/core")
    with refused(CorpusError, EVAL[0], "recordings.tbl"):
        prepare_dihard3(data, out)


def test_neither_table_nor_scoring_uems_is_refused(data, out):
    shutil.rmtree(root(data) / "docs")
    shutil.rmtree(root(data) / "data/uem_scoring")
    with refused(CorpusError, DEV[0], "recordings.tbl", "uem_scoring"):
        prepare_dihard3(data, out)


def test_both_sets_in_one_folder_stay_apart(data, out):
    prepare_dihard3(data, out)
    before = content(out)
    shutil.copytree(
        root(data, "eval") / "data", root(data) / "data", dirs_exist_ok=True
    )
    table = (root(data, "eval") / "docs/recordings.tbl").read_text()
    with open(root(data) / "docs/recordings.tbl", "a") as stream:
        stream.write("\n" + table.split("\n", 1)[1])
    shutil.rmtree(root(data, "eval"))
    prepare_dihard3(data, out)
    assert content(out).keys() == before.keys()
    assert content(out)["train.csv"].count(b"DH_EVAL") == 0
    assert ids(out, "test") == EVAL


def test_a_set_that_lacks_or_is_there_twice_is_refused(data, out):
    shutil.copytree(root(data), data / "copy")
    with refused(CorpusError, root(data), data / "copy"):
        prepare_dihard3(data, out)
    shutil.rmtree(data / "copy")
    shutil.rmtree(root(data, "eval"))
    with refused(CorpusError, "DH_EVAL_", data):
        prepare_dihard3(data, out)


def test_missing_and_doubled_files_are_all_named(data, out):
    """Row "any": each listed uri has exactly one audio and annotation."""
    folder = root(data) / "data/rttm"
    for uri in DEV[:2]:
        (folder / f"{uri}.rttm").unlink()
    with refused(CorpusError, f"{DEV[0]}: none, {DEV[1]}: none", "rttm"):
        prepare_dihard3(data, out)
    for uri in DEV[:2]:
        write_rttm(folder / f"{uri}.rttm", uri, [(0, 1, "A")])
    uem = root(data) / "data/uem" / f"{DEV[3]}.uem"
    again = uem.parent / "more" / uem.name
    again.parent.mkdir()
    uem.rename(again)
    write_text(uem, again.read_text())
    with refused(CorpusError, uem, again):
        prepare_dihard3(data, out)
    assert not out.exists()


def test_nobody_speaks_in_an_empty_rttm(data, out):
    path = root(data, "eval") / "data/rttm" / f"{EVAL[0]}.rttm"
    write_text(path, "")
    (root(data, "eval") / "data/sad" / f"{EVAL[0]}.lab").unlink()
    prepare_dihard3(data, out)
    assert amounts(out, "test") == {"speech": (5, 4), "overlap": (1.5, 4)}
    write_rttm(path, "other", [(0, 1, "A")])
    with refused(CorpusError, f"turns of {EVAL[0]}", "other", path):
        prepare_dihard3(data, out)


def test_overlap_that_never_occurs_is_refused(data, out):
    """Row "any": annotated class absent over a whole part."""
    for uri in EVAL:
        path = root(data, "eval") / "data/rttm" / f"{uri}.rttm"
        write_rttm(path, uri, [(0, 3, "A"), (2.96, 6, "B")])
    with refused(CorpusError, "some overlap", "in part test"):
        prepare_dihard3(data, out)


@pytest.mark.parametrize("label", ["music", "MU", "no", "speech"])
def test_a_class_is_refused_as_a_speaker(data, out, label):
    """Row "any": label in the closed vocabulary."""
    path = root(data) / "data/rttm" / f"{DEV[0]}.rttm"
    write_rttm(path, DEV[0], [(0, 3, "A"), (3, 4, label)])
    with refused(AnnotationError, label.lower(), path):
        prepare_dihard3(data, out)


@pytest.mark.parametrize(
    ("uem", "kind", "said"),
    [
        ("other 1 0 10\n", CorpusError, "annotated time of DH_DEV_0001"),
        ("; nothing\n", CorpusError, "annotated time of DH_DEV_0001"),
        ("DH_DEV_0001 1 0 10.06\n", AnnotationError, "10.060"),
    ],
)
def test_a_uem_of_another_recording_is_refused(data, out, uem, kind, said):
    path = root(data) / "data/uem" / f"{DEV[0]}.uem"
    write_text(path, uem)
    with refused(kind, said, path):
        prepare_dihard3(data, out)


def test_turns_outside_the_audio_are_refused(data, out):
    """Row "all audio": end at most 0.05 s after the end."""
    path = root(data) / "data/rttm" / f"{DEV[0]}.rttm"
    write_rttm(path, DEV[0], [(0, 3, "A"), (4, 10.06, "B")])
    with refused(AnnotationError, f"{path}:2", "10.060"):
        prepare_dihard3(data, out)


def test_hidden_files_of_a_mac_are_passed_over(data, out):
    prepare_dihard3(data, out)
    before = content(out)
    for name in ("flac", "rttm", "uem"):
        write_text(root(data) / f"data/{name}/._{DEV[0]}.{name}", "of a Mac")
    prepare_dihard3(data, out)
    assert content(out) == before
    write_audio(root(data) / "data/flac/jingle.flac")
    prepare_dihard3(data, out)
    assert content(out) == before


def test_seconds_of_a_real_corpus(corpora, tmp_path):
    expected = json.loads((corpora / "dihard3/expected.json").read_text())
    prepare_dihard3(corpora / "dihard3", tmp_path)
    for parts, name in ((("train", "dev"), "dev"), (("test",), "eval")):
        want = expected[name]
        summary = read_summary(tmp_path)["parts"]
        assert sum(summary[p]["files"] for p in parts) == want["recordings"]
        total = sum(summary[part]["seconds"] for part in parts)
        found = amounts(tmp_path, *parts)
        assert set(found) == {"speech", "overlap"}
        for name, pair in found.items():
            heard, unknown = pair.expected
            assert heard == pytest.approx(want[name], abs=0.1)
            assert total - unknown == pytest.approx(want["seconds"], abs=0.1)
