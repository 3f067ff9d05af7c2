"""The numbers of every segment, against explanations of the same span."""

import json

import numpy as np
import pytest

from explainable_seg.classes import CLASSES
from explainable_seg.explanation import (
    Decomposition,
    StudentWeights,
    explain_class,
)
from explainable_seg.explanation.explanation import ReportData
from explainable_seg.pages.page_data import make_document

SPANS = {"music": [(1.2, 1.8)], "speech": [(0.6, 1.0), (0.1, 0.3)]}


@pytest.fixture(scope="module")
def report_data(
    decomposition: Decomposition, weights: StudentWeights
) -> ReportData:
    """Three segments of two classes."""
    return ReportData(decomposition, weights, SPANS)


def test_a_segment_has_the_numbers_of_its_explanation(
    decomposition: Decomposition,
    weights: StudentWeights,
    report_data: ReportData,
) -> None:
    document = json.loads(json.dumps(make_document([], report_data)))
    classifier, segments = document["classifier"], document["segments"]
    assert [(s["class"], s["start"], s["end"]) for s in segments] == [
        ("speech", 0.1, 0.3),
        ("speech", 0.6, 1.0),
        ("music", 1.2, 1.8),
    ]
    for segment in segments:
        name = segment["class"]
        same = explain_class(
            decomposition, weights, name, segment["start"], segment["end"]
        )
        c = CLASSES.index(name)
        z = np.zeros(3)
        z[[int(k) for k in segment["z"]]] = list(segment["z"].values())
        np.testing.assert_allclose(z, same.z, rtol=1e-7)
        relevance = z * classifier["theta"][c]
        np.testing.assert_allclose(relevance, same.relevance, rtol=1e-6)
        total = classifier["bias"][c] + relevance.sum()
        assert segment["logit_means"][name] == pytest.approx(total, abs=1e-4)
        needed = np.log(same.threshold / (1 - same.threshold))
        assert segment["margin"] == pytest.approx(total - needed, abs=1e-4)
        assert segment["frames"] == same.n_frames
        assert segment["selected"] == np.flatnonzero(same.selected).tolist()
        error = segment["reconstruction_error"]
        assert error == pytest.approx(same.reconstruction_error)


def test_a_segment_of_own_atoms_has_those_of_its_explanation(
    decomposition: Decomposition, own_weights: StudentWeights
) -> None:
    spans = {"speech": [(0.1, 1.5)], "noise": [(0.2, 0.4)], "overlap": [(0, 1)]}
    asked = [
        explain_class(decomposition, own_weights, name, *spans[name][0])
        for name in spans
    ]
    document = make_document(
        asked, ReportData(decomposition, own_weights, spans)
    )
    for entry, same in zip(document["segments"], asked):
        assert entry["class"] == same.class_name
        assert entry["selected"] == np.flatnonzero(same.selected).tolist()
    assert [e["selected"] for e in document["segments"]] == [[0], [], [0]]
    own = document["classifier"]["own"]
    assert own == {"speech": [0], "music": [1], "noise": [2], "overlap": [0]}
    atoms = document["explanations"][0]["atoms"]
    assert [a["class"] for a in atoms] == ["speech", "music", "noise"]
    assert [a["words"] for a in atoms] == [
        "speech: a tone around 500 Hz",
        "music: a tone around 3 kHz",
        "noise: silent, zero at all frequencies",
    ]


def test_shared_atoms_are_nobodys(
    decomposition: Decomposition, report_data: ReportData
) -> None:
    speech = explain_class(decomposition, report_data.weights, "speech")
    document = make_document([speech], report_data)
    assert document["classifier"]["own"] is None
    atoms = document["explanations"][0]["atoms"]
    assert {a["class"] for a in atoms} == {None}
    assert atoms[0]["words"] == "a tone around 500 Hz"


def test_atoms_without_a_peak_have_none(report_data: ReportData) -> None:
    peaks = make_document([], report_data)["classifier"]["peak_hz"]
    assert peaks[:2] == [500.0, 3000.0] and peaks[2] is None


def test_a_segment_without_a_frame_is_no_segment(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    report_data = ReportData(
        decomposition, weights, {"noise": [(0.013, 0.014)]}
    )
    assert make_document([], report_data)["segments"] == []


def test_a_passage_keeps_the_clock_of_its_recording(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    explanation = explain_class(decomposition, weights, "speech", 0.5, 1.5)
    report_data = ReportData.of_passage(explanation)
    (segment,) = make_document([explanation], report_data)["segments"][:1]
    assert (segment["class"], segment["start"]) == ("speech", 0.5)
    assert segment["end"] == pytest.approx(1.0025)
    assert report_data.frames(0.5, 1.5) == (0, explanation.n_frames)
