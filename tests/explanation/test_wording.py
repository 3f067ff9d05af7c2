"""The sentences that people read."""

import dataclasses

import numpy as np
import pytest

from explainable_seg.explanation import (
    Explanation,
    Grounding,
    Reading,
    StudentWeights,
    explain_class,
)
from explainable_seg.explanation.wording import (
    NO_BREAK,
    arithmetic,
    bands_sentence,
    format_band,
    grounding_sentences,
    reason,
    verdict,
)


@pytest.fixture
def speech(reading: Reading, weights: StudentWeights) -> Explanation:
    """Speech over both tones: found in the first half."""
    return explain_class(reading, weights, "speech", 0.0, 2.0)


def plain(text: str) -> str:
    """Text with ordinary spaces."""
    return text.replace(NO_BREAK, " ")


def test_verdicts(
    reading: Reading, weights: StudentWeights, speech: Explanation
) -> None:
    assert verdict(speech) == (
        "Speech was found in 1.0 of the 2.0 s from 0.0 to 2.0 s."
    )
    whole = explain_class(reading, weights, "speech", 0.2, 0.7)
    assert verdict(whole) == "Speech was found from 0.2 to 0.7 s."
    nothing = explain_class(reading, weights, "noise", 0.2, 0.7)
    assert verdict(nothing) == "No noise was found from 0.2 to 0.7 s."


def test_reasons(
    reading: Reading, weights: StudentWeights, speech: Explanation
) -> None:
    assert plain(reason(speech)) == (
        "One of 3 atoms carries 100% of the evidence for it; its peak is at "
        "500 Hz."
    )
    two = dataclasses.replace(
        speech,
        relevance=np.array([1.0, 3.0, 1.0]),
        selected=np.array([True, True, False]),
    )
    assert plain(reason(two)) == (
        "2 of 3 atoms carry 80% of the evidence for it; the strongest peak at "
        "3 kHz and 500 Hz."
    )
    alike = dataclasses.replace(two, peak_hz=np.array([500.0, 500.0, 0.0]))
    assert plain(reason(alike)).endswith("the strongest peak at 500 Hz.")
    against = dataclasses.replace(two, relevance=np.array([1.0, 3.0, -9.0]))
    assert reason(against).endswith(" More evidence speaks against it.")
    noise = explain_class(reading, weights, "noise", 0.2, 0.7)
    assert reason(noise) == "No atom speaks for it."


def test_the_arithmetic_adds_up(speech: Explanation) -> None:
    bias, *parts, logit = (
        float(number)
        for number in arithmetic(speech)
        .replace("\N{MINUS SIGN}", "-")
        .translate(str.maketrans(":,", "  "))
        .split()
        if number[0] in "+-"
    )
    assert bias == -2 and parts[0] > 0 > parts[1]
    assert bias + sum(parts) == pytest.approx(logit, abs=0.02)


def test_the_band_of_most_evidence_is_named(
    reading: Reading, weights: StudentWeights, speech: Explanation
) -> None:
    sentence = plain(bands_sentence(speech))
    assert sentence.startswith("The band 100 Hz to 1 kHz holds ")
    noise = explain_class(reading, weights, "noise", 0.2, 0.7)
    assert bands_sentence(noise) is None
    assert plain(format_band((0.0, 100.0))) == "below 100 Hz"


def test_grounding_is_said_as_far_as_it_was_measured(
    speech: Explanation,
) -> None:
    error = dataclasses.replace(speech, reconstruction_error=0.5)
    assert "account for 75% of the spectrogram" in grounding_sentences(error)[0]
    beyond = dataclasses.replace(speech, reconstruction_error=1.5)
    assert "account for 0%" in grounding_sentences(beyond)[0]
    silent = dataclasses.replace(speech, reconstruction_error=None)
    assert "silence" in grounding_sentences(silent)[0]
    measured = dataclasses.replace(
        error, grounding=Grounding(0.33, 0.62, 1.1, 0.05)
    )
    sentences = " ".join(grounding_sentences(measured))
    assert "0.33" in sentences and "0.62" in sentences and "0.05" in sentences
    partly = dataclasses.replace(
        error, grounding=Grounding(0.33, None, 1.1, None)
    )
    assert len(grounding_sentences(partly)) == 2
