"""The re-analysis loop: parts add up, and the model hears the parts."""

import numpy as np
import pytest
import torch

from explainable_seg.evaluation.comparison import oracle_mask, si_sdr
from explainable_seg.explanation.grounding import (
    predictor,
    reanalyse,
    split_sound,
)
from explainable_seg.explanation.masks import apply_mask
from explainable_seg.frames import num_frames
from explainable_seg.models import Student, Teacher

AUDIO = np.random.default_rng(0).uniform(-1, 1, 8000).astype(np.float32)
T = num_frames(len(AUDIO))


def loudness(wav: torch.Tensor) -> torch.Tensor:
    """A model that hears how loud it is, the same for every class."""
    level = wav.square().mean(dim=1)
    return level[:, None, None].expand(-1, T, 4)


def test_parts_sum_to_the_sound_and_are_those_of_the_complement() -> None:
    masks = torch.rand(3, T, 257, generator=torch.Generator().manual_seed(0))
    kept, left = split_sound(AUDIO, masks)
    np.testing.assert_allclose(kept + left, np.stack([AUDIO] * 3), atol=1e-6)
    for row, mask in zip(left, masks):
        expected = apply_mask(AUDIO, 1 - mask)
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_the_model_hears_both_parts_of_every_mask() -> None:
    gains = torch.arange(11) / 10  # more than one batch
    masks = gains[:, None, None].expand(-1, T, 257)
    parts = reanalyse(AUDIO, masks, loudness)
    level = float(np.square(AUDIO).mean())
    expected = level * gains.square()
    torch.testing.assert_close(
        parts.q_in[:, 0, 0], expected, atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(
        parts.q_out[:, 5, 2], expected.flip(0), atol=1e-5, rtol=1e-4
    )
    assert parts.energy == pytest.approx(gains.square().tolist(), abs=1e-4)


def test_silence_has_no_shares() -> None:
    ones = torch.ones(1, T, 257)
    assert reanalyse(0 * AUDIO, ones, loudness).energy is None


@pytest.mark.parametrize("model", ["student", "teacher"])
def test_student_and_teacher_can_be_explained(model: str) -> None:
    tcn = {"n_blocks": 1, "n_layers": 2}
    module = (
        Student({"type": "spectrogram"}, tcn, 6, dictionary=torch.rand(257, 6))
        if model == "student"
        else Teacher({"type": "spectrogram"}, tcn)
    ).eval()
    predict = predictor(module)
    whole = predict(torch.from_numpy(AUDIO)[None])
    assert whole.shape == (1, T, 4)
    assert 0 <= whole.min() and whole.max() <= 1
    parts = reanalyse(AUDIO, torch.ones(1, T, 257), predict)
    torch.testing.assert_close(parts.q_in, whole, atol=1e-4, rtol=0)


def test_si_sdr_of_known_distortions() -> None:
    target = np.array([1.0, 0.0, -1.0, 0.0])
    other = np.array([0.0, 1.0, 0.0, -1.0])
    assert si_sdr(target + 0.1 * other, target) == pytest.approx(20.0)
    assert si_sdr(7 * (target + 0.1 * other), target) == pytest.approx(20.0)
    assert si_sdr(target, target) == np.inf
    assert si_sdr(other, target) is None
    assert si_sdr(0 * target, target) is None
    assert si_sdr(target, 0 * target) is None


def test_the_oracle_separates_tones() -> None:
    times = np.arange(16000) / 16000
    low, high = (
        np.sin(2 * np.pi * hz * times).astype(np.float32)
        for hz in (500.0, 3000.0)
    )
    mask = oracle_mask(low, high)
    assert mask.shape == (49, 257)
    assert mask[10, 16] > 0.999 and mask[10, 96] < 0.001
    estimate = apply_mask(low + high, mask)
    assert si_sdr(estimate, low) > 30
    assert not oracle_mask(0 * low, 0 * low).any()
