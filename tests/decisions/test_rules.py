"""What the model says and what is asked, in one set of rules."""

import json

import numpy as np
import pytest
from tiny_student import CONFIG, make_student, tones

from explainable_seg.classes import CLASSES
from explainable_seg.decisions.rules import make_rules
from explainable_seg.decisions.segmentation import decide
from explainable_seg.errors import ExplainableSegError
from explainable_seg.inference.segmenter import ExplainableSegmenter

MODEL = {
    "thresholds": dict.fromkeys(CLASSES, 0.5),
    "operating_points": {"recall": dict.fromkeys(CLASSES, 0.2)},
    "min_on": {"music": 0.4},
}


def test_the_model_decides_unless_asked_otherwise():
    rules = make_rules(MODEL)
    assert rules.thresholds == MODEL["thresholds"]
    assert rules.min_on == {"music": 0.4}
    assert rules.min_off == rules.max_on == rules.hysteresis == {}
    rules = make_rules(
        MODEL,
        {
            "operating_point": "recall",
            "thresholds": {"sp": 0.4},
            "min_on": 0.1,
            "min_off": {"noise": 1.0},
            "derived": ["speech_over_music"],
        },
    )
    assert rules.thresholds == {**dict.fromkeys(CLASSES, 0.2), "speech": 0.4}
    assert rules.min_on == dict.fromkeys(CLASSES, 0.1)
    assert rules.min_off == {"noise": 1.0}
    assert rules.derived == ("speech_over_music",)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"operating_point": "precision"}, "among balanced, recall, got 'prec"),
        ({"thresholds": {"speech": 1.5}}, "0 to 1 for thresholds, got 1.5"),
        ({"thresholds": {"singing": 0.5}}, "got 'singing'"),
        ({"thresholds": float("nan")}, "got nan"),
        ({"hysteresis": -0.1}, "hysteresis"),
        ({"min_on": -1}, "min_on"),
        ({"min_off": float("inf")}, "min_off, got inf"),
        ({"max_on": 0}, "0.02 or more for max_on"),
        ({"derived": ["speech"]}, "such as speech_over_music, got 'speech'"),
        ({"derived": ["music_over_music"]}, "join two of"),
    ],
)
def test_what_cannot_be_asked(options, words):
    with pytest.raises(ExplainableSegError, match=words):
        make_rules(MODEL, options)


TWO = {
    "thresholds": {"music": None, "speech": 0.5},
    "operating_points": {"recall": {"music": None, "speech": 0.2}},
}


def test_a_model_of_two_classes_has_rules_for_two():
    rules = make_rules(TWO)
    assert rules.classes == ("speech", "music")
    assert rules.decided == ("speech",)
    assert make_rules(TWO, {"thresholds": 0.4}).thresholds == {
        "speech": 0.4,
        "music": 0.4,
    }
    asked = {"operating_point": "recall", "thresholds": {"mu": 0.3}}
    rules = make_rules(TWO, asked)
    assert rules.thresholds == {"speech": 0.2, "music": 0.3}


@pytest.mark.parametrize(
    "options",
    [
        {"thresholds": {"noise": 0.5}},
        {"min_on": {"ov": 1.0}},
        {"derived": ["speech_over_noise"]},
    ],
)
def test_a_model_of_two_classes_is_asked_for_no_third(options):
    with pytest.raises(ExplainableSegError, match="speech, music") as caught:
        make_rules(TWO, options)
    assert "\n" not in str(caught.value)


def test_what_is_said_of_one_class_goes_before_what_is_said_of_all():
    for asked in ({"speech": 0.4, "all": 0.2}, {"all": 0.2, "speech": 0.4}):
        rules = make_rules(MODEL, {"thresholds": asked})
        assert rules.thresholds["speech"] == 0.4
        assert rules.thresholds["noise"] == 0.2


def test_rules_are_plain_values():
    rules = make_rules(MODEL, {"max_on": {"speech": float("inf"), "mu": 9}})
    assert rules.max_on == {"music": 9.0}
    text = json.dumps(rules.to_dict(), allow_nan=False)
    assert json.loads(text)["thresholds"] == MODEL["thresholds"]


def test_a_keyword_that_is_none():
    with pytest.raises(TypeError, match="min_of"):
        make_rules(MODEL, {"min_of": 1.0})


def test_decisions_are_on_the_clock_of_the_recording():
    probabilities = np.zeros((49, 4), dtype=np.float32)
    probabilities[10:20, :2] = 1.0
    rules = make_rules(MODEL, {"min_on": 0, "derived": ["speech_over_music"]})
    segments = decide(probabilities, rules, 1.0, start=100.0)
    assert [s.label for s in segments] == [
        "music",
        "speech",
        "speech_over_music",
    ]
    assert {round(s.start, 4) for s in segments} == {100.2025}


def test_keywords_of_the_front_door():
    segmenter = ExplainableSegmenter(make_student(), CONFIG)
    sound = tones(4.0)
    whole = segmenter.segment(sound, 16000, derived=["speech_over_music"])
    assert whole.rules == make_rules(CONFIG, {"derived": ["speech_over_music"]})
    assert whole.spans("speech_over_music") == whole.spans("music") != []
    silent = segmenter.segment(sound, 16000, thresholds={"speech": 1.0})
    assert silent.spans("speech") == []
    assert silent.spans("music") == whole.spans("music")
    part = segmenter.segment(sound, 16000, start=1.5, end=2.5)
    assert part.start == 1.5 and part.duration == 1.0 and part.end == 2.5
    assert part.spans("speech") == [(1.5, 2.5)]
    assert abs(part.frame_times[0] - 1.5125) < 1e-9
    analysis = segmenter.analyse(sound, 16000, max_on=0.5)
    spans = analysis.segmentation.spans("music")
    assert max(end - start for start, end in spans) <= 0.5 + 1e-6
