"""Recordings in which two classes are annotated: a model of two, end to end."""

import csv
import json
import shutil

import pytest
from recipe_runs import LITTLE, LITTLE_DICTIONARY, run_recipe

from explainable_seg.commands.cli import main
from explainable_seg.corpora.manifest import read_manifest, write_manifest

TWO = ["speech", "music"]
PREPARED = "--skip_prep=True"


def annotate(manifests, known=("speech", "music"), dev=("speech", "music")):
    """Forget, in the manifests, the classes that nobody listened for."""
    for part, names in (("train", known), ("dev", dev), ("test", known)):
        path = manifests / f"{part}.csv"
        regions = read_manifest(path)
        for region in regions:
            for name in region.uems:
                if name not in names:
                    region.uems[name] = None
        write_manifest(path, regions)


@pytest.fixture(scope="module")
def work(corpus, tmp_path_factory):
    """All three stages on them."""
    work = tmp_path_factory.mktemp("work")
    run_recipe("dictionary", corpus, work, *LITTLE_DICTIONARY)
    annotate(work / "manifests")
    shutil.rmtree(work / "chunks")  # of other annotations
    run_recipe("teacher", corpus, work, *LITTLE, PREPARED)
    run_recipe(
        "student",
        corpus,
        work,
        *LITTLE,
        PREPARED,
        f"--teacher={work / 'teacher/export'}",
        f"--dictionary={work / 'dictionary/dictionary.safetensors'}",
    )
    return work


@pytest.mark.parametrize("stage", ["teacher", "student"])
def test_a_model_of_two_classes_is_trained_scored_and_exported(work, stage):
    export = work / stage / "export"
    config = json.loads((export / "config.json").read_text())
    assert config["classes"] == config["model"]["classes"] == TWO
    for name in ("thresholds", "min_on", "min_off", "dev_f1"):
        assert list(config[name]) == TWO
    for point in config["operating_points"].values():
        assert list(point) == TWO
    for part in ("dev", "test"):
        scores = json.loads((work / stage / part / "scores.json").read_text())
        assert list(scores["classes"]) == TWO
    card = (export / "README.md").read_text()
    assert "| part | speech | music | macro |" in card
    assert "Trained for speech, music:" in card


def test_it_segments_two_classes_and_says_nothing_of_others(
    work, corpus, tmp_path
):
    wav = corpus / "audio/AragonRadio/test_show.flac"
    options = ["--model", str(work / "student/export"), "--output"]
    out = tmp_path / "found"
    formats = ["--format", "rttm,json,csv,textgrid,vtt"]
    asked = ["--threshold", "0.0", "--min-on", "0"]
    command = ["segment", str(wav), *options, str(out), *formats, *asked]
    assert main(command) == 0
    labels = {
        line.split()[7]
        for line in (out / "test_show.rttm").read_text().splitlines()
    }
    assert labels == set(TWO)
    found = json.loads((out / "test_show.json").read_text())
    assert found["classes"] == TWO and len(found["probabilities"][0]) == 2
    assert found["rules"]["thresholds"] == {"speech": 0.0, "music": 0.0}
    with open(out / "summary.csv", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["speech"] == row["music"] == row["duration"]
    assert row["noise"] == row["overlap"] == ""


def test_it_explains_two_classes(work, corpus, tmp_path, capsys):
    wav = corpus / "audio/AragonRadio/test_show.flac"
    options = ["--model", str(work / "student/export"), "--output"]
    span = ["--start", "2.5", "--end", "4.5"]
    why = tmp_path / "why"
    command = ["explain", str(wav), *options, str(why), *span]
    assert main([*command, "--class", "music"]) == 0
    document = json.loads((why / "explanation.json").read_text())
    assert document["classifier"]["classes"] == TWO
    (music,) = document["explanations"]
    total = music["bias"] + sum(a["relevance"] for a in music["atoms"])
    assert total == pytest.approx(music["logit_mean"], abs=1e-4)
    page = (why / "report.html").read_text()
    assert 'data-class="music"' in page and 'data-class="noise"' not in page
    assert main([*command, "--class", "noise"]) == 2
    assert (
        "expected a class among speech, music, which this model was trained "
        "for, got 'noise'" in capsys.readouterr().err
    )
    asked = ["--class", "music", "--threshold", "overlap=0.2"]
    assert main([*command, *asked]) == 2
    assert "among speech, music" in capsys.readouterr().err


@pytest.mark.parametrize("predicted", [[], ["--predicted"]])
def test_its_prototypes_are_of_two_classes(work, tmp_path, predicted):
    options = ["--model", str(work / "student/export"), "--output"]
    manifest = str(work / "manifests/test.csv")
    out = tmp_path / "prototypes"
    command = ["prototypes", manifest, *options, str(out), *predicted]
    assert main(command) == 0
    document = json.loads((out / "prototypes.json").read_text())
    assert list(document["classes"]) == TWO


def test_it_is_measured_beside_its_teacher_and_a_model_of_four(work):
    from explainable_seg.evaluation.part import LoadedModel, evaluate_part
    from explainable_seg.pages.figures import plot_curves, plot_reliability

    models = [
        LoadedModel.load(name, source, "cpu")
        for name, source in (
            ("default", None),
            ("teacher", work / "teacher/export"),
            ("student", work / "student/export"),
        )
    ]
    regions = read_manifest(work / "manifests/test.csv")
    part = evaluate_part(models, regions)
    student = part["models"]["student"]
    assert list(student["tuned"]["classes"]) == TWO
    assert list(student["average_precision"]) == TWO
    assert len(part["models"]["default"]["curves"]) == 4
    for pair in part["pairs"]:
        expected = TWO
        assert list(pair["agreement"]) == expected
        assert list(pair["f1_differences"]) == [*expected, "macro"]
    for plot in (plot_curves, plot_reliability):
        assert len(plot("test", part["models"]).axes) == 4
        only = {"student": student}
        assert len(plot("test", only).axes) == 2


def test_a_student_by_design_learns_what_train_annotates(
    work, corpus, tmp_path
):
    (tmp_path / "manifests").symlink_to(work / "manifests")
    options = [
        *LITTLE,
        PREPARED,
        "--teacher=null",
        f"--dictionary={work / 'dictionary/dictionary.safetensors'}",
        "--force=True",  # a class alone needs few atoms
    ]
    run_recipe("student", corpus, tmp_path, *options, "--classes=[mu]")
    export = tmp_path / "student/export/config.json"
    assert json.loads(export.read_text())["classes"] == ["music"]
    other = tmp_path / "other"
    other.mkdir()
    (other / "manifests").symlink_to(work / "manifests")
    message = run_recipe(
        "student", corpus, other, *options, "--classes=[noise]", expect=2
    )
    assert (
        "expected classes that train.csv, or 'scores', knows, speech, music, got "
        in message.splitlines()[-1]
    )


def test_a_student_has_the_classes_of_its_teacher(work, corpus, tmp_path):
    (tmp_path / "manifests").symlink_to(work / "manifests")
    message = run_recipe(
        "student",
        corpus,
        tmp_path,
        *LITTLE,
        PREPARED,
        "--classes=[speech]",
        f"--teacher={work / 'teacher/export'}",
        f"--dictionary={work / 'dictionary/dictionary.safetensors'}",
        expect=2,
    )
    assert (
        "expected the classes of the teacher, speech, music, got speech"
        in message.splitlines()[-1]
    )


def test_features_of_a_teacher_of_two_classes_are_cached(
    work, corpus, tmp_path
):
    (tmp_path / "manifests").symlink_to(work / "manifests")
    options = [
        *LITTLE,
        PREPARED,
        f"--teacher={work / 'teacher/export'}",
        f"--dictionary={work / 'dictionary/dictionary.safetensors'}",
        f"--feature_cache={tmp_path / 'features'}",
    ]
    run_recipe("student", corpus, tmp_path, *options, script="cache_features")
    run_recipe("student", corpus, tmp_path, *options)
    export = tmp_path / "student/export/config.json"
    assert json.loads(export.read_text())["classes"] == TWO


def test_a_class_unknown_on_dev_has_no_threshold(work, corpus, tmp_path):
    shutil.copytree(work / "manifests", tmp_path / "manifests")
    annotate(tmp_path / "manifests", dev=["speech"])
    run_recipe("teacher", corpus, tmp_path, *LITTLE, PREPARED)
    folder = tmp_path / "teacher"
    log = (folder / "log.txt").read_text()
    assert "class 'music' has no threshold" in log
    assert "trained for speech, music; not for noise, overlap" in log
    config = json.loads((folder / "export/config.json").read_text())
    assert config["thresholds"]["music"] is None
    assert config["thresholds"]["speech"] is not None
    scores = json.loads((folder / "test/scores.json").read_text())
    assert scores["classes"]["music"]["f1"] is None
    assert scores["classes"]["speech"]["reference_seconds"] > 0
    shutil.rmtree(folder)
    annotate(tmp_path / "manifests", dev=[])
    message = run_recipe(
        "teacher", corpus, tmp_path, *LITTLE, PREPARED, expect=2
    )
    assert (
        "expected speech or music in a recording of dev"
        in message.splitlines()[-1]
    )
