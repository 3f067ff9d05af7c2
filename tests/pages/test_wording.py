"""The sentences that people read."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from explainable_seg.explanation import (
    Decomposition,
    Explanation,
    StudentWeights,
    explain_class,
)
from explainable_seg.pages.drawing import (
    NO_BREAK,
    format_band,
    format_peak,
    format_percent,
    format_signed,
    reason,
    verdict,
)


@pytest.fixture
def speech(
    decomposition: Decomposition, weights: StudentWeights
) -> Explanation:
    """Speech over both tones: found in the first half."""
    return explain_class(decomposition, weights, "speech", 0.0, 2.0)


def plain(text: str) -> str:
    """Text with ordinary spaces."""
    return text.replace(NO_BREAK, " ")


def test_verdicts(
    decomposition: Decomposition, weights: StudentWeights, speech: Explanation
) -> None:
    assert verdict(speech) == (
        "Speech was found in 1.0 of the 2.0 s from 0.0 to 2.0 s."
    )
    whole = explain_class(decomposition, weights, "speech", 0.2, 0.7)
    assert verdict(whole) == "Speech was found from 0.2 to 0.7 s."
    nothing = explain_class(decomposition, weights, "noise", 0.2, 0.7)
    assert verdict(nothing) == "No noise was found from 0.2 to 0.7 s."


def test_reasons(
    decomposition: Decomposition, weights: StudentWeights, speech: Explanation
) -> None:
    assert plain(reason(speech)) == (
        "One of 3 atoms carries 100 % of the evidence for it; its peak is at "
        "500 Hz."
    )
    two = dataclasses.replace(
        speech,
        relevance=np.array([1.0, 3.0, 1.0]),
        selected=np.array([True, True, False]),
    )
    assert plain(reason(two)) == (
        "2 of 3 atoms carry 80 % of the evidence for it; the strongest peak at "
        "3 kHz and 500 Hz."
    )
    alike = dataclasses.replace(two, peak_hz=np.array([500.0, 500.0, 0.0]))
    assert plain(reason(alike)).endswith("the strongest peak at 500 Hz.")
    against = dataclasses.replace(two, relevance=np.array([1.0, 3.0, -9.0]))
    assert reason(against).endswith(" More evidence speaks against it.")
    noise = explain_class(decomposition, weights, "noise", 0.2, 0.7)
    assert reason(noise) == "No atom speaks for it."


def test_reasons_by_own_atoms(
    decomposition: Decomposition, own_weights: StudentWeights
) -> None:
    speech = explain_class(decomposition, own_weights, "speech", 0.0, 2.0)
    assert plain(reason(speech)) == (
        "One atom of speech sounds here and carries 100 % of the evidence for "
        "it; its peak is at 500 Hz."
    )
    two = dataclasses.replace(
        speech,
        weights=dataclasses.replace(own_weights, own=torch.ones(4, 3).bool()),
        relevance=np.array([3.0, 1.0, 0.0]),
        selected=np.array([True, True, False]),
    )
    assert plain(reason(two)) == (
        "2 atoms of speech sound here and carry 100 % of the evidence for it; "
        "the strongest peak at 500 Hz and 3 kHz."
    )
    others = dataclasses.replace(speech, relevance=np.array([-1.0, 3.0, 0.0]))
    assert "carries 0 % of the evidence" in plain(reason(others))
    against = dataclasses.replace(speech, relevance=-np.ones(3))
    assert reason(against) == "No atom speaks for it."
    noise = explain_class(decomposition, own_weights, "noise", 0.2, 0.7)
    assert reason(noise) == "No atom of noise sounds here."


def test_bands_are_named_by_their_place() -> None:
    assert plain(format_band((0.0, 100.0))) == "below 100 Hz"
    assert plain(format_band((100.0, 1000.0))) == "between 100 Hz and 1 kHz"


@pytest.mark.parametrize(
    "hz, expected",
    [
        (0.0, "below 20 Hz"),
        (15.625, "below 20 Hz"),
        (31.25, "31 Hz"),
        (62.5, "63 Hz"),
        (187.5, "188 Hz"),
        (968.75, "969 Hz"),
        (999.6, "1 kHz"),
        (1250.0, "1.3 kHz"),
        (np.float32(4031.25), "4 kHz"),
        (math.nan, "no peak"),
    ],
)
def test_peaks_are_rounded_as_people_do(hz: float, expected: str) -> None:
    assert plain(format_peak(hz)) == expected


def test_halves_of_percents_and_of_evidence_are_rounded_up_too() -> None:
    assert plain(format_percent(0.125)) == "13 %"
    assert format_signed(0.125) == "+0.13"
    assert format_signed(-0.125) == "\u22120.13"


def test_what_is_too_low_to_be_heard_sounds_at_no_frequency(
    speech: Explanation,
) -> None:
    low = dataclasses.replace(speech, peak_hz=np.zeros(3))
    assert plain(reason(low)).endswith("its peak is below 20 Hz.")
    both = dataclasses.replace(
        speech,
        peak_hz=np.array([0.0, 62.5, 500.0]),
        relevance=np.array([3.0, 2.0, 1.0]),
        selected=np.ones(3, dtype=bool),
    )
    assert plain(reason(both)).endswith(
        "the strongest peak at 63 Hz and 500 Hz and below 20 Hz."
    )
    nowhere = dataclasses.replace(speech, peak_hz=np.full(3, math.nan))
    assert reason(nowhere).endswith("of the evidence for it.")
