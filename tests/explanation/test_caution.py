"""How close a decision was."""

import math

import pytest
from hypothesis import (
    given,
    strategies as st,
)

from explainable_seg.explanation.grounding import margin, threshold_logit

LOGITS = st.floats(-20, 20)


@given(LOGITS, st.floats(0.01, 0.99))
def test_the_margin_is_positive_where_the_class_is_found(
    logit: float, threshold: float
) -> None:
    probability = 1 / (1 + math.exp(-logit))
    above = margin(logit, threshold)
    if abs(probability - threshold) > 1e-9:
        assert (above > 0) == (probability > threshold)


@given(LOGITS)
def test_the_threshold_itself_has_no_margin(logit: float) -> None:
    probability = 1 / (1 + math.exp(-logit))
    if 0.0 < probability < 1.0:
        assert margin(logit, probability) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("threshold", [None, 0.0, 1.0])
def test_where_no_logit_is_needed_there_is_no_margin(
    threshold: float | None,
) -> None:
    assert threshold_logit(threshold) is None
    assert margin(3.0, threshold) is None
