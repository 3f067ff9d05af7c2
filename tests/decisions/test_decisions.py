"""Segments from probabilities: properties and cases solved by hand."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.classes import CLASSES
from explainable_seg.decisions.rules import Rules
from explainable_seg.decisions.segmentation import (
    Segment,
    active_frames,
    decide,
    derived_segments,
    drop_short,
    fill_pauses,
    split_long,
)
from explainable_seg.frames import num_frames, num_samples

HALF = Rules(dict.fromkeys(CLASSES, 0.5))
seconds = st.dictionaries(st.sampled_from(CLASSES), st.floats(0, 0.3))


def scores(**runs: list[int]) -> np.ndarray:
    """Probabilities [10, 4] that are 0.9 in the frames named."""
    probabilities = np.full((10, 4), 0.1, dtype=np.float32)
    for label, frames in runs.items():
        probabilities[frames, CLASSES.index(label)] = 0.9
    return probabilities


@st.composite
def recordings(draw) -> tuple[np.ndarray, float]:
    """Probabilities and the duration of the audio they may stem from."""
    n_frames = draw(st.integers(1, 60))
    seed = draw(st.integers(0, 2**31))
    probabilities = np.random.default_rng(seed).random((n_frames, 4))
    n_samples = num_samples(n_frames) + draw(st.integers(0, 319))
    assert num_frames(n_samples) == n_frames
    return probabilities.astype(np.float32), n_samples / 16000


@given(
    recording=recordings(),
    min_on=seconds,
    min_off=seconds,
    threshold=st.floats(0, 1),
)
@settings(max_examples=150, deadline=None)
def test_segments_are_sorted_disjoint_inside_and_long_enough(
    recording, min_on, min_off, threshold
):
    probabilities, duration = recording
    thresholds = dict.fromkeys(CLASSES, threshold)
    rules = Rules(thresholds, min_on=min_on, min_off=min_off)
    segments = decide(probabilities, rules, duration)
    assert segments == sorted(segments)
    for label in CLASSES:
        spans = [(s.start, s.end) for s in segments if s.label == label]
        assert all(0 <= start < end <= duration for start, end in spans)
        assert all(
            end - start >= min_on.get(label, 0) - 2e-6 for start, end in spans
        )
        pauses = [b[0] - a[1] for a, b in zip(spans, spans[1:])]
        assert all(
            pause > 0 and pause >= min_off.get(label, 0) - 2e-6
            for pause in pauses
        )


@given(recording=recordings())
@settings(max_examples=50, deadline=None)
def test_without_rules_the_frames_found_are_those_above(recording):
    probabilities, duration = recording
    segments = decide(probabilities, HALF, duration)
    centres = 0.0125 + 0.02 * np.arange(len(probabilities))
    for column, label in enumerate(CLASSES):
        inside = np.zeros(len(centres), dtype=bool)
        for s in segments:
            if s.label == label:
                inside |= (s.start <= centres) & (centres < s.end)
        np.testing.assert_array_equal(inside, probabilities[:, column] >= 0.5)


def test_cases_solved_by_hand():
    segments = decide(scores(speech=[0, 1, 5], music=[5, 9]), HALF, 0.21)
    assert segments == [
        Segment(0.0, 0.0425, "speech"),
        Segment(0.1025, 0.1225, "music"),
        Segment(0.1025, 0.1225, "speech"),
        Segment(0.1825, 0.21, "music"),
    ]


def test_pauses_are_filled_before_short_runs_are_dropped():
    runs = scores(speech=[2, 4, 6])
    long = dataclasses.replace(HALF, min_on={"speech": 0.06})
    filled = dataclasses.replace(long, min_off={"speech": 0.03})
    assert decide(runs, filled, 0.21) == [Segment(0.0425, 0.1425, "speech")]
    assert decide(runs, long, 0.21) == []


def test_a_probability_at_the_threshold_counts():
    probabilities = np.full((3, 4), 0.5, dtype=np.float32)
    assert len(decide(probabilities, HALF, 0.065)) == len(CLASSES)


def test_a_pause_or_run_of_just_the_limit_stays():
    assert fill_pauses([(0.0, 0.1), (0.3, 0.4)], 0.2) == [
        (0.0, 0.1),
        (0.3, 0.4),
    ]
    assert drop_short([(0.1, 0.3)], 0.2) == [(0.1, 0.3)]


def test_rules_of_another_model_are_an_error():
    with pytest.raises(ValueError, match="of speech, got 4 columns"):
        decide(scores(), Rules({"speech": 0.5}), 0.21)


def test_a_class_without_a_threshold_has_no_segment():
    rules = Rules({**HALF.thresholds, "music": None})
    found = decide(scores(speech=[1], music=[1]), rules, 0.21)
    assert {segment.label for segment in found} == {"speech"}
    assert not active_frames(np.ones(3), None, active=True).any()


@given(
    scores_of=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40),
    threshold=st.floats(0, 1),
    hysteresis=st.floats(0, 1),
    active=st.booleans(),
    cut=st.integers(0, 40),
)
@settings(deadline=None)
def test_hysteresis_is_the_loop_that_one_would_write(
    scores_of, threshold, hysteresis, active, cut
):
    probabilities = np.array(scores_of, dtype=np.float32)
    expected, state = [], active
    for value in probabilities:
        if value >= threshold:
            state = True
        elif value < threshold - hysteresis:
            state = False
        expected.append(state)
    found = active_frames(probabilities, threshold, hysteresis, active)
    assert found.tolist() == expected
    # Decided in two parts, it is the same: a live stream may be cut anywhere.
    first = active_frames(probabilities[:cut], threshold, hysteresis, active)
    state = bool(first[-1]) if len(first) else active
    second = active_frames(probabilities[cut:], threshold, hysteresis, state)
    assert [*first, *second] == expected


@given(recording=recordings(), max_on=st.floats(0.05, 0.5))
@settings(max_examples=50, deadline=None)
def test_long_segments_are_split_and_nothing_is_lost(recording, max_on):
    probabilities, duration = recording
    rules = Rules(dict.fromkeys(CLASSES, 0.2))
    whole = decide(probabilities, rules, duration)
    limit = dict.fromkeys(CLASSES, max_on)
    parts = decide(
        probabilities, dataclasses.replace(rules, max_on=limit), duration
    )
    assert all(0 < s.end - s.start <= max_on + 1e-5 for s in parts)
    for label in CLASSES:
        spans = [(s.start, s.end) for s in parts if s.label == label]
        assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:]))
        joined = fill_pauses(spans, 1e-5)
        assert joined == [(s.start, s.end) for s in whole if s.label == label]


def test_a_segment_of_just_the_limit_is_not_split():
    assert split_long([(0.1, 0.3)], 0.2) == [(0.1, 0.3)]
    assert split_long([(0.0, 1e9)], np.inf) == [(0.0, 1e9)]


@given(recording=recordings())
@settings(max_examples=50, deadline=None)
def test_a_derived_label_is_where_both_classes_are(recording):
    probabilities, duration = recording
    segments = decide(probabilities, HALF, duration)
    found = derived_segments(segments, "speech_over_music")
    assert found == sorted(found)
    assert all(a.end < b.start for a, b in zip(found, found[1:]))
    both = (probabilities[:, :2] >= 0.5).all(axis=1)
    expected = decide(both[:, None], Rules({"x": 0.5}), duration)
    assert [(s.start, s.end) for s in found] == [
        (s.start, s.end) for s in expected
    ]


@pytest.mark.parametrize("max_on", [0.0, -1.0, math.nan])
def test_no_longest_duration_of_nothing(max_on):
    scores = np.full((50, 4), 0.9)
    with pytest.raises(ValueError, match="`max_on` above 0"):
        decide(
            scores, dataclasses.replace(HALF, max_on={"music": max_on}), 1.01
        )
