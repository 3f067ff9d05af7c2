"""Results say in a line what they are."""

import numpy as np
import pytest
import torch
from tiny_student import CONFIG, make_student, tones

from explainable_seg.explanation.explanation import ReportData
from explainable_seg.inference.segmenter import ExplainableSegmenter

LONGEST = 1000  # characters


@pytest.fixture(scope="module")
def results():
    """All that is returned to whoever tries the package in a notebook."""
    segmenter = ExplainableSegmenter(make_student(), CONFIG)
    analysis = segmenter.analyse(tones(3.0), 16000)
    explanation = segmenter.explain(analysis, "music")
    report_data = segmenter.report_data(analysis)
    assert isinstance(report_data, ReportData)
    return [
        analysis,
        analysis.segmentation,
        analysis.decomposition,
        explanation,
        explanation.passage,
        explanation.weights,
        report_data,
    ]


def test_each_is_one_line_with_its_shapes(results):
    for result in results:
        text = repr(result)
        assert len(text) < LONGEST and "\n" not in text
        assert text.startswith(type(result).__name__ + "(")
    assert "probabilities=float32[149, 4]" in repr(results[1])
    assert "label='speech'" in repr(results[1])
    assert "spectrogram=float32[149, 257]" in repr(results[2])
    assert "class_name='music'" in repr(results[3])


def test_many_segments_are_counted(results):
    segmentation = results[1]
    many = segmentation.segments * 1000
    object.__setattr__(segmentation, "segments", many)
    assert f"... {len(many)} in all" in repr(segmentation)
    assert len(repr(segmentation)) < LONGEST


def test_values_stay_values(results):
    assert isinstance(results[3].z, np.ndarray)
    assert isinstance(results[2].logits, torch.Tensor)
