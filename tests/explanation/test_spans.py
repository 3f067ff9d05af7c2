"""Which frames are explained, and what is refused."""

import numpy as np
import pytest

from explainable_seg.errors import ExplainableSegError
from explainable_seg.explanation.explanation import Chosen, frames_to_explain

FOUND = np.zeros(50, dtype=bool)
FOUND[[10, 11, 20]] = True
DURATION = (49 * 320 + 400) / 16000


def choose(start: float | None = None, end: float | None = None) -> Chosen:
    """The frames of a recording of 1.005 s."""
    return frames_to_explain("music", FOUND, start, end, DURATION, "a.wav")


def test_without_a_span_the_found_frames_are_explained() -> None:
    chosen = choose()
    assert (chosen.first, chosen.last) == (10, 21)
    assert chosen.explained.sum() == 3
    assert chosen.start == pytest.approx(0.0025 + 0.2)
    assert chosen.end == pytest.approx(0.0025 + 0.42)


def test_with_a_span_all_its_frames_are_explained() -> None:
    chosen = choose(0.3, 0.5)
    assert (chosen.start, chosen.end) == (0.3, 0.5)
    assert chosen.explained.all() and len(chosen.explained) == 10


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((None, 0.5), (0.0, 0.5)),
        ((0.5, None), (0.5, DURATION)),
        ((0.5, 99.0), (0.5, DURATION)),
    ],
)
def test_an_open_or_long_span_ends_with_the_recording(
    span: tuple[float | None, float | None], expected: tuple[float, float]
) -> None:
    chosen = choose(*span)
    assert (chosen.start, chosen.end) == expected


@pytest.mark.parametrize(
    "span",
    [
        (0.5, 0.5),
        (0.6, 0.5),
        (-0.1, 0.5),
        (2.0, 3.0),
        (0.5, 0.5001),
        (float("nan"), 0.5),
        (0.1, float("nan")),
    ],
)
def test_a_span_without_a_frame_is_refused(span: tuple[float, float]) -> None:
    with pytest.raises(ExplainableSegError, match="in a.wav; change") as info:
        choose(*span)
    assert "\n" not in str(info.value)


def test_a_class_that_was_not_found_needs_a_span() -> None:
    nothing = np.zeros(50, dtype=bool)
    with pytest.raises(ExplainableSegError, match="expected noise to be found"):
        frames_to_explain("noise", nothing, None, None, DURATION, "a.wav")
    span = frames_to_explain("noise", nothing, 0.0, 0.5, DURATION, "a.wav")
    assert span.explained.all()
