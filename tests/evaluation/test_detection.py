"""Detection scores."""

import json

import numpy as np
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from pyannote.core import Annotation, Segment, Timeline

from data_prep.aragonradio_prepare import prepare_aragonradio
from explainable_seg.annotation.rttm import write_rttm
from explainable_seg.corpora.manifest import read_manifest
from explainable_seg.corpora.truth import annotated_time, load_truth
from explainable_seg.errors import AnnotationError
from explainable_seg.evaluation.detection import (
    SCORES,
    evaluate,
    format_table,
    score,
)

NOTHING = dict.fromkeys(SCORES)


def rttm(folder, uri, *turns):
    """Write the RTTM file of a recording."""
    annotation = Annotation(uri=uri)
    for track, (start, end, label) in enumerate(turns):
        annotation[Segment(start, end), track] = label
    write_rttm(folder / f"{uri}.rttm", annotation)


@pytest.fixture
def folders(tmp_path):
    """Two recordings: reference and prediction."""
    reference, hypothesis = tmp_path / "reference", tmp_path / "hypothesis"
    rttm(reference, "a", (0, 4, "sp"), (2, 6, "sp"), (8, 9, "mu"))
    rttm(hypothesis, "a", (3, 9, "speech"))
    rttm(reference, "b", (0, 1, "speech"))
    rttm(hypothesis / "deep", "b")
    return reference, hypothesis


def test_seconds_are_pooled_over_files_before_any_ratio(folders):
    scores = evaluate(*folders)
    # a: 6 s of reference (merged), 6 s found, 3 s right; b: 1 s missed.
    assert scores["classes"]["speech"] == {
        "precision": 3 / 6,
        "recall": 3 / 7,
        "f1": pytest.approx(6 / 13),
        "reference_seconds": 7.0,
        "hypothesis_seconds": 6.0,
    }
    assert scores["files"]["a"]["speech"]["f1"] == 0.5
    assert list(scores["files"]) == ["a", "b"]


def test_what_cannot_be_scored_is_none(folders):
    scores = evaluate(*folders)
    music, noise = scores["classes"]["music"], scores["classes"]["noise"]
    assert (music["precision"], music["recall"], music["f1"]) == (None, 0, 0)
    assert noise == NOTHING
    speech = scores["classes"]["speech"]["f1"]
    assert scores["macro_f1"] == pytest.approx(speech / 2)
    asked = evaluate(*reversed(folders), classes=["music", "noise"])["classes"]
    assert (asked["music"]["recall"], asked["music"]["f1"]) == (None, 0)
    assert asked["noise"] == {
        **NOTHING,
        "reference_seconds": 0.0,
        "hypothesis_seconds": 0.0,
    }


def test_classes_that_are_annotated_nowhere_are_left_out(folders):
    scores = evaluate(*reversed(folders))
    assert scores["classes"]["music"] == NOTHING
    assert scores["files"]["a"]["music"] == NOTHING
    assert list(scores["left_out"]) == ["music", "noise", "overlap"]
    table = format_table(scores)
    assert "music not scored: occurs nowhere in the reference" in table
    scores = evaluate(*folders, classes=["mu"])
    assert list(scores["left_out"]) == ["speech", "noise", "overlap"]
    annotated = {"speech": {"a": Timeline([Segment(0, 6)])}}
    scores = evaluate(*folders, classes=["sp", "mu"], annotated=annotated)
    assert scores["left_out"]["music"] == "annotated nowhere in the manifest"
    assert scores["not_scored"] == ["b"]
    assert "not in the manifest, not scored: b" in format_table(scores)


def test_nothing_anywhere_has_no_score(tmp_path):
    rttm(tmp_path, "a")
    scores = evaluate(tmp_path, tmp_path)
    assert scores["macro_f1"] is None
    assert scores["classes"]["speech"]["f1"] is None


def test_result_is_plain_json(folders):
    scores = evaluate(*folders)
    assert json.loads(json.dumps(scores)) == scores


def test_only_the_time_of_the_uem_counts(folders, tmp_path):
    uem = tmp_path / "all.uem"
    uem.write_text("a 1 0 3.5\na 1 8.5 20\nb 1 0 0.5\n")
    speech = evaluate(*folders, uem=uem)["classes"]["speech"]
    assert speech["reference_seconds"] == 4.0
    assert speech["hypothesis_seconds"] == 1.0
    assert (speech["precision"], speech["recall"]) == (0.5, 0.125)


def test_only_the_asked_classes_are_scored(folders):
    scores = evaluate(*folders, classes=["mu"])
    assert list(scores["classes"]) == ["music"]
    assert list(scores["files"]["a"]) == ["music"]


def test_unannotated_classes_and_files_are_not_scored(folders):
    annotated = {
        "speech": {"a": Timeline([Segment(0, 6)]), "b": Timeline()},
        "music": {"a": Timeline(), "b": Timeline()},
    }
    scores = evaluate(*folders, annotated=annotated)
    assert scores["classes"]["speech"]["precision"] == 1.0
    assert scores["classes"]["speech"]["reference_seconds"] == 6.0
    assert scores["classes"]["music"] == NOTHING
    assert scores["classes"]["overlap"] == NOTHING
    assert scores["files"]["b"]["speech"] == NOTHING


def test_a_manifest_chooses_the_recordings(folders):
    annotated = {"speech": {"b": Timeline([Segment(0, 6)])}}
    assert list(evaluate(*folders, annotated=annotated)["files"]) == ["b"]
    (folders[0] / "b.rttm").unlink()
    with pytest.raises(AnnotationError, match="a reference for .* for b, in"):
        evaluate(*folders, annotated=annotated)


def test_a_reference_without_prediction_is_refused(folders):
    (folders[1] / "deep" / "b.rttm").unlink()
    with pytest.raises(AnnotationError, match="a prediction for .* for b, in"):
        evaluate(*folders)


def test_a_recording_without_uem_line_is_refused(folders, tmp_path):
    (tmp_path / "a.uem").write_text("a 1 0 1\n")
    with pytest.raises(AnnotationError, match="a UEM line for .* for b, in"):
        evaluate(*folders, uem=tmp_path / "a.uem")


def test_a_prediction_without_reference_is_refused(folders, tmp_path):
    rttm(folders[1], "c", (0, 1, "speech"))
    with pytest.raises(AnnotationError, match="prediction, got none for c, in"):
        evaluate(*folders)
    (tmp_path / "all.uem").write_text("a 1 0 9\nb 1 0 9\n")
    with pytest.raises(AnnotationError, match="prediction, got none for c, in"):
        evaluate(*folders, uem=tmp_path / "all.uem")


@pytest.mark.parametrize("joint", [True, False])
def test_a_recording_that_the_uem_names_alone_is_an_empty_reference(
    tmp_path, joint, caplog
):
    """Row 1.12: false alarms of hours were left out, and F1 was 1."""
    rttm(tmp_path / "truth", "a", (0, 4, "speech"))
    rttm(tmp_path / "found", "a", (0, 4, "speech"))
    rttm(tmp_path / "found", "b", (0, 100, "speech"))
    (tmp_path / "all.uem").write_text("a 1 0 50\nb 1 0 100\n")
    truth = tmp_path / "truth" / ("a.rttm" if joint else "")
    scores = evaluate(truth, tmp_path / "found", uem=tmp_path / "all.uem")
    speech = scores["classes"]["speech"]
    assert speech["f1"] == pytest.approx(8 / 108)
    assert speech["reference_seconds"] == 4 and speech["recall"] == 1
    assert scores["files"]["b"]["speech"]["hypothesis_seconds"] == 100
    assert scores["empty_reference"] == ["b"] and "reference: b" in caplog.text
    assert "scored as empty: b" in format_table(scores)


def test_an_empty_joint_reference_is_not_a_recording(tmp_path):
    (tmp_path / "truth.rttm").write_text(";; nothing is heard\n")
    rttm(tmp_path / "found", "a", (0, 4, "speech"))
    (tmp_path / "all.uem").write_text("a 1 0 50\n")
    scores = evaluate(
        tmp_path / "truth.rttm",
        tmp_path / "found",
        uem=tmp_path / "all.uem",
        classes=["speech"],
    )
    assert list(scores["files"]) == ["a"]
    assert scores["classes"]["speech"]["f1"] == 0


def test_a_manifest_names_recordings_of_a_joint_reference(folders, tmp_path):
    joint = tmp_path / "joint.rttm"
    joint.write_text((folders[0] / "a.rttm").read_text())
    annotated = {
        "speech": {
            "a": Timeline([Segment(0, 9)]),
            "b": Timeline([Segment(0, 9)]),
        }
    }
    scores = evaluate(joint, folders[1], annotated=annotated)
    assert scores["empty_reference"] == ["b"]


def test_names_with_composed_and_decomposed_accents_are_one(tmp_path):
    rttm(tmp_path / "truth", "caf\xe9", (0, 4, "speech"))
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "x.rttm").write_text(
        "SPEAKER cafe\u0301 1 0 4 <NA> <NA> speech <NA> <NA>\n"
    )
    (tmp_path / "all.uem").write_text("cafe\u0301.wav 1 0 50\n")
    scores = evaluate(
        tmp_path / "truth", tmp_path / "found", uem=tmp_path / "all.uem"
    )
    assert scores["files"]["caf\xe9"]["speech"]["f1"] == 1
    # An empty file is found by its name.
    (tmp_path / "found" / "x.rttm").rename(tmp_path / "found" / "e\u0301.rttm")
    rttm(tmp_path / "truth", "\xe9", (0, 4, "speech"))
    rttm(tmp_path / "found", "caf\xe9")
    (tmp_path / "found" / "e\u0301.rttm").write_text("")
    assert evaluate(tmp_path / "truth", tmp_path / "found")["files"]


def test_single_files_with_several_recordings(folders, tmp_path):
    for folder in folders:
        merged = "".join(p.read_text() for p in folder.rglob("*.rttm"))
        (tmp_path / f"{folder.name}.rttm").write_text(merged)
    rttm(folders[0], "b")
    one = evaluate(tmp_path / "reference.rttm", tmp_path / "reference.rttm")
    assert one["classes"]["speech"]["f1"] == 1.0
    with pytest.raises(AnnotationError, match="for b"):
        evaluate(tmp_path / "reference.rttm", tmp_path / "hypothesis.rttm")


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)))


def as_timeline(rows):
    """Timeline of rows in tenths of a second."""
    return Timeline([Segment(a / 10, (a + n) / 10) for a, n in rows]).support()


def as_steps(rows):
    """Whether each tenth of a second is covered."""
    steps = np.zeros(80, dtype=bool)
    for start, length in rows:
        steps[start : start + length] = True
    return steps


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(SPANS, SPANS, SPANS), min_size=1, max_size=3))
def test_agrees_with_counting_steps(files):
    reference, hypothesis, time, hits, truth, found = {}, {}, {}, 0, 0, 0
    for uri, rows in enumerate(files):
        reference[uri] = {"noise": as_timeline(rows[0])}
        hypothesis[uri] = {"noise": as_timeline(rows[1])}
        time[uri] = as_timeline(rows[2])
        r, h, u = map(as_steps, rows)
        hits += (r & h & u).sum()
        truth += (r & u).sum()
        found += (h & u).sum()
    got = score(reference, hypothesis, {"noise": time})["classes"]["noise"]
    known = any(time.values())
    assert got["precision"] == (pytest.approx(hits / found) if found else None)
    assert got["recall"] == (pytest.approx(hits / truth) if truth else None)
    assert (got["reference_seconds"] is None) == (not known)
    if truth + found:
        assert got["f1"] == pytest.approx(2 * hits / (truth + found))
        assert got["reference_seconds"] == pytest.approx(truth / 10)


@settings(max_examples=60, deadline=None)
@given(SPANS, SPANS, SPANS.filter(bool))
def test_agrees_with_pyannote(reference, hypothesis, time):
    detection = pytest.importorskip("pyannote.metrics.detection")
    metric = detection.DetectionPrecisionRecallFMeasure(collar=0.0)
    rows = list(map(as_timeline, (reference, hypothesis, time)))
    counts = metric(
        rows[0].to_annotation(),
        rows[1].to_annotation(),
        uem=rows[2],
        detailed=True,
    )
    got = score(
        {"a": {"noise": rows[0]}},
        {"a": {"noise": rows[1]}},
        {"noise": {"a": rows[2]}},
    )["classes"]["noise"]
    relevant = counts[detection.DFS_RECALL_RELEVANT]
    retrieved = counts[detection.DFS_PRECISION_RETRIEVED]
    hits = counts[detection.DFS_RELEVANT_RETRIEVED]
    assert got["reference_seconds"] == pytest.approx(relevant)
    assert got["hypothesis_seconds"] == pytest.approx(retrieved)
    assert (got["f1"] or 0) * (relevant + retrieved) == pytest.approx(2 * hits)


def test_many_segments_are_no_matter():
    """79 s for 4,000 spans and as many holes, with pyannote.metrics."""
    n = 20_000
    spans = [
        Timeline([Segment(2 * i + a, 2 * i + b) for i in range(n)])
        for a, b in ((0, 1), (0.5, 1.5), (0.25, 1.75))
    ]
    scores = score(
        {"a": {"music": spans[0]}},
        {"a": {"music": spans[1]}},
        {"music": {"a": spans[2]}},
    )["classes"]["music"]
    assert scores["precision"] == 0.5
    assert scores["recall"] == pytest.approx(2 / 3)


def test_table_has_a_line_for_each_class_and_the_mean(folders):
    lines = format_table(evaluate(*folders)).splitlines()
    assert [line.split()[0] for line in lines] == [
        "class",
        "speech",
        "music",
        "noise",
        "overlap",
        "mean",
        "noise",
        "overlap",
    ]
    assert lines[2].split() == ["music", "-", "0.000", "0.000", "1.0", "0.0"]
    assert len({len(line) for line in lines[:-3]}) == 1


def test_a_real_reference_against_itself_is_perfect(corpora, tmp_path):
    prepare_aragonradio(
        corpora / "realbroadcast", tmp_path, labels="sp,mu,no,ov"
    )
    regions = read_manifest(tmp_path / "test.csv", check_audio=False)
    annotated = annotated_time(regions, load_truth(regions))
    source = corpora / "realbroadcast" / "rttms_segmentation"
    scores = evaluate(source, tmp_path / "rttm", annotated=annotated)
    assert len(scores["files"]) == 6
    assert scores["macro_f1"] == pytest.approx(1.0, abs=1e-6)
    assert scores["classes"]["overlap"]["reference_seconds"] == pytest.approx(
        122.513, abs=0.002
    )
