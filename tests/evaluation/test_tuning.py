"""Tuning against scores of what is decided, and on too little to tell."""

import dataclasses

import numpy as np
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from pyannote.core import Segment, Timeline

from explainable_seg.decisions import Rules, Segmentation, decide
from explainable_seg.evaluation.candidates import (
    Candidates,
    ClassRules,
    count,
    find_scenes,
)
from explainable_seg.evaluation.detection import score
from explainable_seg.evaluation.tuning import (
    CHANCE,
    NOTHING_BETTER,
    format_tuning,
    tune,
    tuned_card,
)

RATE = 50
SECONDS = 20.0
MUSIC = Rules({"music": 0.5}, min_on={"music": 0.2}, min_off={"music": 0.1})


def timeline(*spans):
    return Timeline([Segment(*span) for span in spans])


def recording(uri, scores, start=0.0):
    """What a model of one class says of a recording."""
    scores = np.asarray(scores, dtype=np.float32)[:, None]
    duration = len(scores) / RATE + 0.005
    return Segmentation(
        uri, duration, [], scores, classes=("music",), start=start
    )


def annotated(found, *spans, until=SECONDS):
    """The same truth of each recording, on its clock, and its time."""
    reference, time = {}, {}
    for one in found:
        shifted = [(one.start + a, one.start + b) for a, b in spans]
        reference[one.uri] = {"music": timeline(*shifted)}
        time[one.uri] = timeline((one.start, one.start + until))
    return reference, {"music": time}


def scores_of(spans, high, low, seconds=SECONDS):
    """One probability inside spans, another outside."""
    times = (np.arange(round(seconds * RATE)) + 0.5) / RATE
    inside = np.zeros(len(times), dtype=bool)
    for start, end in spans:
        inside |= (times >= start) & (times < end)
    return np.where(inside, high, low)


def random_recordings(seed, n=4, start=0.0):
    """Recordings in which music is likelier where it is heard."""
    rng = np.random.default_rng(seed)
    spans = [(2.0, 6.5), (9.0, 13.3)]
    found = []
    for i in range(n):
        walk = np.convolve(rng.normal(size=1000), np.ones(20) / 8, "same")
        logit = walk + scores_of(spans, 0.5, -2.5)
        found.append(recording(f"show{i}", 1 / (1 + np.exp(-logit)), start))
    return found, spans


def f1_of(found, reference, time, rules):
    """F1 as `evaluate` has it, of what is decided."""
    hypothesis = {
        one.uri: {
            "music": timeline(
                *(
                    (s.start, s.end)
                    for s in decide(
                        one.probabilities, rules, one.duration, one.start
                    )
                )
            )
        }
        for one in found
    }
    return score(reference, hypothesis, time)["classes"]["music"]["f1"]


def as_rules(chosen):
    return Rules(
        {"music": chosen.threshold},
        min_on={"music": chosen.min_on},
        min_off={"music": chosen.min_off},
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.0, 3.7]), st.booleans())
def test_counts_are_those_of_what_is_decided(seed, start, in_blocks):
    found, spans = random_recordings(seed, 2, start)
    reference, time = annotated(found, *spans, until=15.0)
    candidates = Candidates.around(ClassRules(0.515, 0.1, 0.2))
    scenes = find_scenes("music", found, reference, time["music"])
    f1 = count(scenes, candidates, 0.0, in_blocks).f1()
    for index in np.random.default_rng(seed).integers(0, len(f1), 10):
        rules = as_rules(candidates.at(int(index)))
        expected = f1_of(found, reference, time, rules)
        assert f1[index].item() == pytest.approx(expected, abs=1e-6)


def test_blocks_add_up_to_their_recording():
    spans = [(2.0, 31.0), (59.0, 61.5), (80.0, 100.0)]
    found = [recording("show", scores_of(spans, 0.9, 0.3, 120.0))]
    reference, time = annotated(found, (0.0, 70.0), until=110.0)
    candidates = Candidates([0.2, 0.5], [0.0], [0.0])
    scenes = find_scenes("music", found, reference, time["music"])
    blocks = count(scenes, candidates, 0.0, True)
    whole = count(scenes, candidates, 0.0, False)
    assert blocks.known.tolist() == pytest.approx(
        [30.0, 30.0, 30.0, 20.0], 1e-3
    )
    expected = [[30.0, 28.0], [30.0, 2.0], [30.0, 11.5], [20.0, 10.0]]
    assert np.allclose(blocks.found, expected, atol=0.03)
    for parts, all_of_it in zip(blocks, whole):
        assert np.allclose(parts.sum(0), all_of_it[0])


def agreeing(spans, high, low, n=4):
    """Recordings that say the same, and so leave nothing to chance."""
    scores = scores_of(spans, high, low)
    return [recording(f"show{i}", scores) for i in range(n)]


@settings(max_examples=20, deadline=None)
@given(
    st.floats(0.05, 0.9).map(lambda x: round(x, 2)),
    st.sampled_from([0.03, 0.1, 0.3]),
)
def test_where_recordings_agree_the_best_is_found(low, margin):
    spans = [(2.0, 6.0), (9.0, 13.0)]
    high = min(low + margin, 0.97)
    found = agreeing(spans, high, low)
    reference, time = annotated(found, *spans)
    one = tune(found, reference, time, MUSIC).classes["music"]
    assert f1_of(found, reference, time, as_rules(one.after)) > 0.999
    if low < 0.5 <= high:
        assert one.kept == NOTHING_BETTER and one.after == one.before
    else:
        assert one.kept is None and one.gain > 0.3
        # No further than needed: the next step of the grid is not beyond.
        step = 0.02 + 1e-6
        near = low if low >= 0.5 else high
        assert abs(one.after.threshold - near) <= step
        assert (one.after.min_on, one.after.min_off) == (0.2, 0.1)


def test_durations_are_tuned():
    """Pauses of 0.4 s are annotated as music, blips of 0.4 s are none."""
    spans = [(2.0, 6.0), (6.4, 10.0)]
    blips = [(x, x + 0.4) for x in (12.0, 14.0, 16.0, 18.0)]
    found = agreeing(spans + blips, 0.9, 0.1)
    reference, time = annotated(found, (2.0, 10.0))
    one = tune(found, reference, time, MUSIC).classes["music"]
    assert one.after == ClassRules(0.5, 0.5, 0.5)
    assert one.f1_after == pytest.approx(1.0, abs=1e-3)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000), st.randoms())
def test_order_and_clock_do_not_count(seed, random):
    found, spans = random_recordings(seed, 5)
    first = tune(found, *annotated(found, *spans), MUSIC)
    shuffled = random.sample(found, len(found))
    assert tune(shuffled, *annotated(found, *spans), MUSIC) == first
    later = [dataclasses.replace(one, start=100.0) for one in found]
    moved = tune(later, *annotated(later, *spans), MUSIC).classes["music"]
    assert moved.after == first.classes["music"].after
    assert moved.f1_after == pytest.approx(first.classes["music"].f1_after)


def test_chance_is_not_followed():
    """Scores that know nothing: the best of them differ by recording."""
    moved = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        found = [
            recording(f"show{i}", rng.random(1000) * 0.5 + 0.25)
            for i in range(4)
        ]
        reference, time = {}, {}
        for one in found:
            starts = rng.uniform(0, 15, size=2)
            reference[one.uri] = {
                "music": timeline(*((s, s + 4.0) for s in starts))
            }
            time[one.uri] = timeline((0.0, SECONDS))
        rules = Rules({"music": 0.0})
        one = tune(found, reference, {"music": time}, rules).classes["music"]
        assert one.kept in (None, CHANCE, NOTHING_BETTER)
        moved += one.kept is None
    assert moved <= 1


@pytest.mark.parametrize(
    ("spans", "until", "n", "said"),
    [
        ([(2.0, 4.0)], SECONDS, 4, "heard for 8.0 s, 10 s are needed"),
        ([(0.0, 19.0)], SECONDS, 4, "absent for 4.0 s, 10 s are needed"),
        ([(2.0, 15.0)], SECONDS, 1, "heard in 1 of 1 blocks, 3 are needed"),
        ([], 0.0, 4, "annotated nowhere"),
    ],
)
def test_too_little_keeps_the_rules(spans, until, n, said):
    found = agreeing([(2.0, 4.0)], 0.4, 0.1, n)
    reference, time = annotated(found, *spans, until=until)
    if n == 1:
        found = [recording("show0", np.tile(found[0].probabilities[:, 0], 2))]
        time["music"]["show0"] = timeline((0.0, 30.0))
    tuning = tune(found, reference, time, MUSIC)
    one = tuning.classes["music"]
    assert said in one.kept and one.after == one.before
    assert one.f1_after is None and one.gain is None
    assert f"music keeps its rules: {one.kept}" in format_tuning(tuning)
    assert tuning.changed == {}


def test_one_recording_is_left_out_by_blocks():
    spans = [(x, x + 10.0) for x in (5.0, 40.0, 65.0, 100.0)]
    found = [recording("show", scores_of(spans, 0.4, 0.1, 120.0))]
    tuning = tune(found, *annotated(found, *spans, until=120.0), MUSIC)
    one = tuning.classes["music"]
    assert (one.parts, one.kept) == ("4 blocks", None)
    assert one.after.threshold == 0.4 and one.f1_before == 0.0


def test_a_class_without_a_threshold_gets_one():
    spans = [(2.0, 6.0), (9.0, 13.0)]
    found = agreeing(spans, 0.4, 0.1)
    rules = Rules({"music": None})
    one = tune(found, *annotated(found, *spans), rules).classes["music"]
    assert one.before.threshold is None and one.after.threshold == 0.4
    assert one.f1_before is None and one.gain is None and one.kept is None


def test_settings_say_what_was_tuned():
    found, spans = random_recordings(1, 6)
    tuning = tune(found, *annotated(found, *spans), Rules({"music": 0.9}))
    one = tuning.classes["music"]
    assert one.kept is None
    config = {
        "thresholds": {"music": 0.9},
        "operating_points": {"recall": {"music": 0.8}, "own": {"music": 0.1}},
        "dev_f1": {"music": 0.5, "speech": 0.6},
        "hysteresis": {"music": 0.0},
    }
    tuned = tuning.applied_to(config)
    assert tuned["thresholds"] == {"music": one.after.threshold}
    assert tuned["min_on"] == {"music": one.after.min_on}
    assert tuned["dev_f1"] == {"speech": 0.6}
    points = tuned["operating_points"]
    assert points["own"] == {"music": 0.1}
    assert points["recall"]["music"] == one.operating_points["recall"]
    assert one.operating_points["recall"] <= one.after.threshold
    assert one.operating_points["precision"] >= one.after.threshold
    assert tuned["tuning"]["classes"]["music"]["gain"] == one.gain
    card = tuned_card("# A model\n", tuning, "the default model", "2026-01-02")
    assert card.startswith("# A model\n\n## Tuned\n\nOn 2026-01-02, from the")
    assert "| music | 120.0 | 52.8 | 0.9 -> " in card
