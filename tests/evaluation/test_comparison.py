"""A comparison on a model whose answer is known: it hears two tones."""

import numpy as np
import pytest
import torch

from explainable_seg.classes import CLASSES
from explainable_seg.evaluation.comparison import (
    AREAS,
    ONES,
    OWN,
    ZEROS,
    Comparison,
    Passage,
)
from explainable_seg.features.spectrogram import LogPowerSpectrogram

RATE = 16000
HALF = dict.fromkeys(CLASSES, 0.5)
FRONT = LogPowerSpectrogram()
LOW, HIGH = 16, 96  # bins of the tones


def predict(wav: torch.Tensor) -> torch.Tensor:
    """Speech is the tone at 500 Hz, music that at 3 kHz."""
    X = FRONT(wav)
    logits = torch.full((*X.shape[:2], 4), -9.0)
    logits[..., 0] = X[..., LOW] - 3.5
    logits[..., 1] = X[..., HIGH] - 3.5
    return logits.sigmoid()


def passage(recording: str, class_name: str = "speech") -> Passage:
    """Both tones at once, over a little noise."""
    times = np.arange(RATE) / RATE
    rng = np.random.default_rng(len(recording))
    audio = 1e-3 * rng.standard_normal(RATE)
    for hz in (500.0, 3000.0):
        audio = audio + 0.4 * np.sin(2 * np.pi * hz * times)
    audio = audio.astype(np.float32)
    wav = torch.from_numpy(audio)[None]
    p = predict(wav)[0]
    frames = p[:, CLASSES.index(class_name)] >= 0.5
    return Passage(recording, class_name, audio, FRONT(wav)[0], p, frames)


def band(bin_index: int, frames: int = 49) -> torch.Tensor:
    """Scores of a method that points at one tone."""
    scores = torch.zeros(frames, 257)
    scores[:, bin_index - 4 : bin_index + 5] = 1.0
    return scores


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """The right tone against the wrong one, in three recordings."""
    result = Comparison(predict, HALF, shares=(0.25, 0.5))
    for recording in ("a", "bb", "ccc"):
        where = passage(recording)
        result.add_ranking("right", where, band(LOW))
        result.add_ranking("wrong", where, band(HIGH))
        result.add_mask("right", where, band(LOW))
        result.add_anchors(where)
    return result


def test_the_right_tone_is_faithful(comparison: Comparison) -> None:
    own = comparison.pooled("right", OWN).summary()["speech"]
    assert own["AD"] < 1 and own["FF"] > 0.8 and own["Fid-In"] == 1
    assert own["energy"] == pytest.approx(0.5, abs=0.02)
    # What is left is music, which was there all along.
    assert own["raises music"] is None
    assert abs(own["raises noise"]) < 1e-3


def test_anchors_are_bounds(comparison: Comparison) -> None:
    ones = comparison.pooled(ONES, OWN).summary()["speech"]
    zeros = comparison.pooled(ZEROS, OWN).summary()["speech"]
    assert ones["AD"] < 1e-3 and ones["energy"] == pytest.approx(1)
    assert zeros["AD"] > 90 and zeros["FF"] == pytest.approx(0, abs=1e-4)
    assert ones["AI"] == 0


def test_both_candidates_keep_the_same_energy(comparison: Comparison) -> None:
    """Half of the energy is one tone, so each fits in its own band."""
    for name in ("right", "wrong"):
        half = comparison.pooled(name, 0.5).summary()["speech"]["energy"]
        assert half == pytest.approx(0.5, abs=0.06)
    # Points of one tone, kept here and there, partly cancel in the sound.
    less = comparison.pooled("right", 0.25).summary()["speech"]["energy"]
    other = comparison.pooled("wrong", 0.25).summary()["speech"]["energy"]
    assert 0.1 < less < 0.3 and less == pytest.approx(other, abs=0.03)


def test_measures_tell_right_from_wrong(comparison: Comparison) -> None:
    for measure in ("AD", "FF", *AREAS):
        key = OWN if measure in AREAS else 0.5
        told = comparison.verdict("right", "wrong", key, measure)
        assert told == ["better", None, None, None], measure
        told = comparison.verdict("wrong", "right", key, measure)
        assert told == ["worse", None, None, None], measure
        told = comparison.verdict("right", "right", key, measure)
        assert told == ["untold", None, None, None], measure


def test_areas_are_trapezoids_of_the_curves(comparison: Comparison) -> None:
    def mean(name: str, key: float | str, part: str) -> float:
        return comparison.pooled(name, key).summary()["speech"][part]

    silence, whole = mean(ZEROS, OWN, "q_in"), mean(ONES, OWN, "q_in")
    quarter, half = (mean("right", s, "q_in") for s in (0.25, 0.5))
    expected = (
        (silence + quarter) / 8 + (quarter + half) / 8 + (half + whole) / 4
    )
    value, low, high = comparison.interval("right", OWN, "insertion")
    assert value[0].item() == pytest.approx(expected)
    assert low[0] <= value[0] <= high[0] and value[1].isnan()


def test_equal_numbers_of_points() -> None:
    result = Comparison(predict, HALF, shares=(0.25,), equal="points")
    where = passage("a")
    scores = torch.zeros(49, 257)
    scores[:, :64] = 1.0  # a quarter of the points
    result.add_ranking("low", where, scores)
    row = result.pooled("low", 0.25).summary()["speech"]
    assert row["energy"] == pytest.approx(0.5, abs=0.05)
    with pytest.raises(ValueError, match="`equal`"):
        Comparison(predict, HALF, equal="loudness")
