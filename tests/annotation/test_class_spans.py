"""Labels to classes."""

import pytest
from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation.turns import (
    CLASS_LABELS,
    class_annotation,
    class_spans,
)
from explainable_seg.errors import AnnotationError


def annotate(*turns):
    """An annotation whose tracks are line numbers."""
    annotation = Annotation(uri="show")
    for line, (start, end, label) in enumerate(turns, start=1):
        annotation[Segment(start, end), line] = label
    return annotation


def test_one_label_may_be_several_classes_or_none():
    mapping = {"sp": ("speech",), "sm": ("speech", "music"), "other": ()}
    turns = annotate(
        (0, 2, "sp"), (2, 3, "SM"), (2.5, 4, "sp"), (5, 6, "other")
    )
    spans = class_spans(turns, mapping, "f")
    assert list(spans) == ["speech", "music"]
    assert spans["speech"] == Timeline([Segment(0, 4)])
    assert spans["music"] == Timeline([Segment(2, 3)])


def test_class_that_never_occurs_is_empty_not_unknown():
    spans = class_spans(annotate((0, 1, "mu")), CLASS_LABELS, "f")
    assert list(spans) == ["speech", "music", "noise", "overlap"]
    assert not spans["noise"]


@pytest.mark.parametrize("label", ["no-music", "other", "spk12"])
def test_unknown_label_is_named_with_its_line_and_the_known_set(label):
    turns = annotate((0, 1, "sp"), (1, 2, label))
    with pytest.raises(AnnotationError) as info:
        class_spans(turns, CLASS_LABELS, "show.rttm")
    message = str(info.value)
    assert f"got '{label}', in show.rttm:2;" in message
    assert "speech music noise overlap sp mu no ov" in message


def test_normalised_annotation_gives_the_same_spans_again():
    spans = class_spans(
        annotate((0, 2, "sp"), (0, 2, "mu"), (3, 4, "mu")), CLASS_LABELS, "f"
    )
    again = class_spans(class_annotation(spans, "show"), CLASS_LABELS, "f")
    assert again == spans
