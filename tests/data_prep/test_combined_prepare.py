"""The mix of several prepared corpora."""

import dataclasses
import json
import shutil

import pytest

from data_prep.combined_prepare import main, prepare_combined
from data_prep.custom_prepare import prepare_custom
from data_prep.dihard3_prepare import prepare_dihard3
from data_prep.openbmat_prepare import prepare_openbmat
from explainable_seg.corpora.manifest import read_manifest, write_manifest
from explainable_seg.corpora.truth import load_truth, region_targets
from explainable_seg.errors import CorpusError, ManifestError

from .layouts import (
    content,
    refused,
    write_custom,
    write_dihard3,
    write_openbmat,
)

CORPORA = {
    "openbmat": (write_openbmat, prepare_openbmat),
    "dihard3": (write_dihard3, prepare_dihard3),
    "mine": (write_custom, prepare_custom),
}
COUNTS = {"openbmat": (2, 1, 1), "dihard3": (3, 1, 2), "mine": (2, 1, 1)}
PARTS = ("train", "dev", "test")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Folders of three prepared corpora."""
    folder = tmp_path_factory.mktemp("prepared")
    for name, (write, prepare) in CORPORA.items():
        write(folder / "data" / name)
        prepare(folder / "data" / name, folder / name)
    return [folder / name for name in CORPORA]


def test_every_row_of_every_corpus_is_there(prepared, tmp_path):
    prepare_combined(prepared, tmp_path)
    for index, part in enumerate(PARTS):
        joined = {r.id: r for r in read_manifest(tmp_path / f"{part}.csv")}
        count = 0
        for folder in prepared:
            for region in read_manifest(folder / f"{part}.csv"):
                row = joined[f"{folder.name}/{region.id}"]
                assert row.corpus == folder.name
                assert row.uems == region.uems
                assert (row.wav, row.rttm) == (region.wav, region.rttm)
                count += 1
        assert len(joined) == count
        assert count == sum(counts[index] for counts in COUNTS.values())


def test_a_corpus_has_the_name_it_is_given(prepared, tmp_path, monkeypatch):
    """Of a link that of the link; "." that of the folder."""
    links = []
    for source in prepared[:2]:
        target = tmp_path / source.name / "manifests"
        shutil.copytree(source, target)
        links.append(tmp_path / f"our_{source.name}")
        links[-1].symlink_to(target)
    monkeypatch.chdir(prepared[2])
    corpora = [links[0], f"{links[1]}/", "."]
    prepare_combined(corpora, tmp_path / "out", ["our_openbmat", "mine"])
    regions = read_manifest(tmp_path / "out" / "train.csv")
    names = {"our_openbmat", "our_dihard3", "mine"}
    assert {region.corpus for region in regions} == names


def test_unknown_classes_stay_unknown(prepared, tmp_path):
    """Row "any": unknown classes carry the mask, not zeros."""
    prepare_combined(prepared, tmp_path)
    regions = read_manifest(tmp_path / "train.csv")
    truths = load_truth(regions)
    for region in regions:
        targets = region_targets(region, truths[region.recording])
        speech, music, noise, overlap = [set(t) - {-1} for t in targets.T]
        assert bool(speech) == (region.corpus != "openbmat")
        assert bool(music) == (region.corpus != "dihard3")
        assert bool(noise) == (region.corpus == "mine")
        assert bool(overlap) == (region.corpus != "openbmat")


def test_the_student_trains_on_its_own_corpora(prepared, tmp_path, caplog):
    prepare_combined(prepared, tmp_path)
    assert "albayzin: not here to train the student" in caplog.text
    regions = read_manifest(tmp_path / "train_student.csv")
    assert {region.corpus for region in regions} == {"dihard3"}
    options = ["--student", "mine", "openbmat"]
    main(
        ["--output_folder", str(tmp_path), *options]
        + ["--corpora", *map(str, prepared)]
    )
    regions = read_manifest(tmp_path / "train_student.csv")
    assert [region.corpus for region in regions] == ["mine"] * 2 + [
        "openbmat"
    ] * 2
    with refused(CorpusError, "allies", "openbmat dihard3 mine"):
        prepare_combined(prepared, tmp_path, student=["allies"])


def test_summary_gives_files_and_hours(prepared, tmp_path):
    prepare_combined(prepared, tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())["parts"]
    assert set(summary) == {*PARTS, "train_student"}
    for index, part in enumerate(PARTS):
        assert summary[part].keys() == COUNTS.keys()
        for name, counts in COUNTS.items():
            told = summary[part][name]
            assert told["files"] == counts[index]
            assert told["hours"] == pytest.approx(
                counts[index] * 10 / 3600, abs=1e-4
            )
    assert summary["train_student"].keys() == {"dihard3"}


def test_a_corpus_that_nobody_labelled_trains_alone(prepared, tmp_path):
    shutil.copytree(prepared[-1], tmp_path / "scored")
    rows = [
        dataclasses.replace(row, recording=f"scored_{row.recording}")
        for row in read_manifest(tmp_path / "scored/train.csv")
    ]
    write_manifest(tmp_path / "scored/train.csv", rows)
    (tmp_path / "scored/dev.csv").unlink()
    with refused(ManifestError, "scored/dev.csv"):
        prepare_combined([*prepared, tmp_path / "scored"], tmp_path / "out")
    (tmp_path / "scored/test.csv").unlink()
    prepare_combined([*prepared, tmp_path / "scored"], tmp_path / "out")
    for part, count in zip(PARTS, (2, 0, 0)):
        found = read_manifest(tmp_path / f"out/{part}.csv")
        assert [r.corpus for r in found].count("scored") == count


def test_a_second_run_writes_the_same_bytes(prepared, tmp_path):
    prepare_combined(prepared, tmp_path)
    first = content(tmp_path)
    assert set(first) == {
        "train.csv",
        "train_student.csv",
        "dev.csv",
        "test.csv",
        "summary.json",
    }
    prepare_combined(prepared, tmp_path)
    assert content(tmp_path) == first


def test_skip_prep_touches_nothing(tmp_path):
    prepare_combined(["nowhere"], tmp_path / "out", skip_prep=True)
    assert not list(tmp_path.iterdir())


def test_a_shared_uri_is_refused(prepared, tmp_path):
    prepare_combined(prepared, tmp_path / "out")
    first = content(tmp_path / "out")
    prepare_custom(prepared[0].parent / "data" / "mine", tmp_path / "again")
    with refused(CorpusError, "show_", "mine and again"):
        prepare_combined([*prepared, tmp_path / "again"], tmp_path / "out")
    assert content(tmp_path / "out") == first


def test_wrong_folders_end_the_command_with_one_line(
    prepared, tmp_path, capsys
):
    out = ["--output_folder", str(tmp_path / "out")]
    good = list(map(str, prepared))
    twin = tmp_path / "mine"
    for wrong, said in (
        ([*out], "--corpora"),
        (["--corpora", *good], "--output_folder"),
        ([*out, "--corpora"], "--corpora"),
        ([*out, "--corpora", *good, str(twin)], "different names"),
        ([*out, "--corpora", str(tmp_path / "none")], "none"),
        ([*out, "--corpora", *good, "--student", "x"], "x"),
        ([*out, "--corpora", *good, str(tmp_path / "none")], "train.csv"),
        ([*out[:1], str(prepared[0] / "dev.csv"), "--corpora", *good], "dev"),
    ):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(wrong)
        error = capsys.readouterr().err
        assert (stop.value.code, error.count("\n")) == (2, 1)
        assert said in error
    with refused(ManifestError, tmp_path / "dihard3" / "train.csv"):
        prepare_combined([tmp_path / "dihard3"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert "combined_prepare.py --output_folder" in capsys.readouterr().out


def test_real_corpora_join(corpora, tmp_path):
    for name in ("openbmat", "dihard3"):
        CORPORA[name][1](corpora / name, tmp_path / name)
    prepare_combined([tmp_path / "openbmat", tmp_path / "dihard3"], tmp_path)
    assert len(read_manifest(tmp_path / "test.csv")) == 1 + 8
