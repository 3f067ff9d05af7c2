"""OpenBMAT: three annotators, three file formats, ten folds."""

import json
import shutil

import numpy as np
import pytest

from data_prep.openbmat_prepare import main, prepare_openbmat
from explainable_seg.corpora.manifest import read_manifest
from explainable_seg.corpora.truth import load_truth, region_targets
from explainable_seg.errors import AnnotationError, CorpusError

from .layouts import (
    OPENBMAT,
    amounts,
    content,
    read_summary,
    refused,
    write_audio,
    write_openbmat,
    write_text,
)

PARTS = ("train", "dev", "test")
NAMES = tuple(OPENBMAT)
CODES = {
    "music": "1_Music",
    "fg-music": "2_FgMusic",
    "similar": "3_Similar",
    "bg-music": "4_BgMusic",
    "bgvl-music": "5_BgMusicVL",
    "no-music": "6_NoMusic",
}


@pytest.fixture
def data(tmp_path):
    """The corpus, one folder deep as it is unpacked."""
    write_openbmat(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def out(tmp_path):
    """Where it is prepared."""
    return tmp_path / "out"


def tsv(data, name, who="a"):
    """What an annotator says of an excerpt."""
    folder = data / "OpenBMAT/annotations/tsv/original"
    return folder / f"annotator_{who}" / f"{name}.tsv"


def spans(text):
    """Start, end and class of each line."""
    if "\t" not in text:
        return [("0.0", "10.0", text.strip())]
    return [line.split("\t") for line in text.splitlines()]


def as_json(data, folder):
    """Put a JSON file in the place of the TSV files."""
    annotations = {
        f"annotator_{who}": {
            name: {
                str(number): {"start": float(a), "end": float(b), "class": c}
                for number, (a, b, c) in enumerate(spans(texts[index]))
            }
            for name, texts in OPENBMAT.items()
        }
        for index, who in enumerate("abc")
    }
    tree = {"annotations": annotations, "agreement": {"vals": [1]}}
    shutil.rmtree(data / "OpenBMAT/annotations")
    path = data / "OpenBMAT/annotations" / folder / "original.json"
    write_text(path, json.dumps(tree))
    return path


def as_bat(data):
    """Put the export of the annotation tool in the place of the TSV files."""
    shutil.rmtree(data / "OpenBMAT/annotations")
    folder = data / "OpenBMAT/annotations/bat"
    for index, who in enumerate("abc"):
        rows = [
            f"17,{name}.wav,{start},{end},{CODES[label]},x,x\r\n"
            for name, texts in OPENBMAT.items()
            for start, end, label in spans(texts[index])
        ]
        write_text(folder / f"annotator_{who}.csv", "".join(rows))
    write_text(folder / "._annotator_a.csv", "of a Mac")
    return folder / "annotator_a.csv"


def test_seconds_of_the_majority(data, out):
    prepare_openbmat(data, out)
    assert amounts(out, "train") == {"music": (5, 0)}
    assert amounts(out, "dev") == {"music": (10, 0)}
    assert amounts(out, "test") == {"music": (5, 1)}


def test_disagreement_is_masked_if_asked(data, out):
    main(
        ["--data_folder", str(data), "--output_folder", str(out)]
        + ["--mask_disagreement"]
    )
    assert amounts(out, "train") == {"music": (1, 11)}
    # Annotator c stops 0.03 s before the end of the second.
    assert amounts(out, "dev", "test") == {"music": (14.97, 1.03)}


def test_a_gap_is_masked_and_told(data, out, caplog):
    """Row "OpenBMAT": TSV covers all without gaps above 0.05 s."""
    prepare_openbmat(data, out)
    (region,) = read_manifest(out / "test.csv")
    targets = region_targets(region, load_truth([region])[region.recording])
    centres = 0.0125 + 0.02 * np.arange(len(targets))
    np.testing.assert_array_equal(
        targets[:, 1], np.select([centres < 5, centres < 6], [1, -1], 0)
    )
    assert set(targets[:, (0, 2, 3)].ravel()) == {-1}
    told = "annotator_a annotated nothing from 5.00 to 6.00 s"
    assert caplog.text.count("annotated nothing") == 1 and told in caplog.text


@pytest.mark.parametrize("folder", ["json", "."])
def test_json_says_the_same(data, out, folder):
    as_json(data, folder)
    test_seconds_of_the_majority(data, out)


def test_the_raw_export_says_the_same(data, out):
    as_bat(data)
    test_seconds_of_the_majority(data, out)


@pytest.mark.parametrize("mapping", ["MD_mapping", "RMLE_mapping"])
def test_coarser_classes_will_do_where_the_original_ones_lack(
    data, out, mapping
):
    folder = data / "OpenBMAT/annotations/tsv"
    shutil.rmtree(folder)
    for who in "xyz":
        for name in NAMES:
            path = folder / mapping / who / f"{name}.tsv"
            write_text(path, "0.0\t2.5\tmusic\n2.5\t10.0\tno-music\n")
    prepare_openbmat(data / "OpenBMAT", out)
    assert amounts(out, *PARTS) == {"music": (10, 0)}


@pytest.mark.parametrize("label", ["Noise", "musics", "speech"])
def test_an_unknown_label_is_refused_by_name(data, out, label):
    """Row "any": label in the closed vocabulary."""
    path = tsv(data, NAMES[2])
    write_text(path, f"0.0\t5.0\tmusic\n5.0\t10.0\t{label}\n")
    with refused(AnnotationError, f"'{label}'", f"{path}:2", "bgvl-music"):
        prepare_openbmat(data, out)
    path = as_json(data, "json")
    write_text(path, path.read_text().replace("similar", label))
    with refused(
        AnnotationError, f"'{label}'", f"{path}, annotator_c/{NAMES[0]}"
    ):
        prepare_openbmat(data, out)
    path = as_bat(data)
    write_text(path, path.read_text().replace("6_NoMusic", label))
    with refused(AnnotationError, f"'{label}'", f"{path}:2"):
        prepare_openbmat(data, out)


def test_music_that_never_occurs_is_refused(data, out):
    """Row "any": annotated class absent over a whole part."""
    for path in (data / "OpenBMAT/annotations").rglob("[!.]*.tsv"):
        write_text(path, "no-music\n")
    with refused(CorpusError, "some music"):
        prepare_openbmat(data, out)


def test_published_counts_are_a_note(data, out, caplog):
    """Row "OpenBMAT": 1,647 names = audio stems; three annotators each."""
    write_audio(data / "OpenBMAT/audio/Spain_News_9_9.wav")
    prepare_openbmat(data, out)
    notes = ["4 excerpts, published are 1647", "audio in no fold: Spain_News_9"]
    for told, note in zip(read_summary(out)["notes"], notes, strict=True):
        assert told.startswith(note) and told in caplog.text
    assert read_summary(out)["skipped"] == {"Spain_News_9_9.wav": "in no fold"}
    shutil.rmtree(tsv(data, NAMES[0], "c").parent)
    prepare_openbmat(data, out)
    assert "2 annotators, published are 3" in read_summary(out)["notes"]
    assert "2 annotators" in caplog.text


def test_a_tie_of_two_annotators_is_masked(data, out):
    shutil.rmtree(tsv(data, NAMES[0], "c").parent)
    prepare_openbmat(data, out)
    assert amounts(out, "train") == {"music": (4, 3)}


def test_missing_and_doubled_files_are_all_named(data, out):
    """Row "any": each listed uri has exactly one audio and annotation."""
    for name in NAMES[:2]:
        tsv(data, name, "b").unlink()
    missing = [f"{name}: none" for name in NAMES[:2]]
    with refused(CorpusError, "annotation", "annotator_b", *missing):
        prepare_openbmat(data, out)
    write_audio(data / f"OpenBMAT/audio/again/{NAMES[3]}.flac")
    with refused(CorpusError, "audio", f"{NAMES[3]}: ", ".wav and", ".flac"):
        prepare_openbmat(data, out)
    shutil.rmtree(data / "OpenBMAT/audio/again")
    path = as_bat(data)
    text = path.read_text().replace(NAMES[1], NAMES[0])
    write_text(path, text)
    with refused(CorpusError, "annotator_a", NAMES[1]):
        prepare_openbmat(data, out)
    shutil.rmtree(data / "OpenBMAT/annotations")
    with refused(CorpusError, "tsv/, json/ or bat/", "annotations"):
        prepare_openbmat(data, out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "folds"),
    [
        ({}, ((0, 1), (2,), (3,))),
        ({"test_folds": [0]}, ((1, 2), (3,), (0,))),
        ({"dev_folds": [0, 1]}, ((2,), (0, 1), (3,))),
        ({"dev_folds": [3], "test_folds": [1, 2]}, ((0,), (3,), (1, 2))),
    ],
)
def test_folds_decide_the_parts(data, out, options, folds):
    prepare_openbmat(data, out, **options)
    for part, numbers in zip(PARTS, folds):
        ids = {region.id for region in read_manifest(out / f"{part}.csv")}
        assert ids == {NAMES[number] for number in numbers}


@pytest.mark.parametrize(
    "options",
    [
        {"dev_folds": [3], "test_folds": [3]},
        {"dev_folds": [0, 1], "test_folds": [2, 3]},
        {"dev_folds": [7]},
        {"test_folds": [3, 12]},
    ],
)
def test_folds_that_make_no_three_parts_are_refused(data, out, options):
    with refused(CorpusError, "folds", "in the options"):
        prepare_openbmat(data, out, **options)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file_name,fold\na,1\n", "columns file_name and split"),
        ("file_name,split\na,one\n", "columns file_name and split"),
        ("file_name,split\na,1\na,2\n", "2 rows for 1 names"),
        ("file_name,split\n", "each file name once"),
        ("file_name,split\na\n", "columns file_name and split"),
        ("\xff\xfe", "no readable CSV"),
    ],
)
def test_a_bad_table_of_folds_is_refused(data, out, text, said):
    path = data / "OpenBMAT/splits/splits.csv"
    write_text(path, text, "latin-1")
    with refused(CorpusError, said, path):
        prepare_openbmat(data, out)
    path.unlink()
    with refused(CorpusError, "table of folds", path):
        prepare_openbmat(data, out)


def test_the_folder_itself_goes_before_one_inside_it(data, out):
    (data / "OpenBMAT" / "__MACOSX" / "audio").mkdir(parents=True)
    prepare_openbmat(data / "OpenBMAT", out)
    first = content(out)
    prepare_openbmat(data, out)
    assert content(out) == first
    (data / "copy" / "audio").mkdir(parents=True)
    with refused(CorpusError, data / "OpenBMAT", data / "copy"):
        prepare_openbmat(data, out)
    with refused(CorpusError, "got none", data / "nowhere"):
        prepare_openbmat(data / "nowhere", out)


def test_spans_outside_the_audio_are_refused(data, out):
    """Row "all audio": end at most 0.05 s after the end."""
    path = tsv(data, NAMES[2])
    write_text(path, "0.0\t10.06\tmusic\n")
    with refused(AnnotationError, f"{path}:1", "10.060"):
        prepare_openbmat(data, out)
    write_text(path, "0.0\t10.04\tmusic\n")
    prepare_openbmat(data, out)
    assert amounts(out, "dev") == {"music": (10, 0)}


@pytest.mark.parametrize("mask", [False, True])
def test_seconds_of_a_real_corpus(corpora, tmp_path, mask):
    expected = json.loads((corpora / "openbmat/expected.json").read_text())
    want = expected["all"]
    prepare_openbmat(corpora / "openbmat", tmp_path, mask_disagreement=mask)
    found = amounts(tmp_path, *PARTS)
    assert set(found) == {"music"}
    heard, unknown = found["music"].expected
    name = "unanimous_music" if mask else "music"
    assert heard == pytest.approx(want[name], abs=0.1)
    masked = want["disagreement"] if mask else 0
    assert unknown == pytest.approx(masked, abs=0.1)
