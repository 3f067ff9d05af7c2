"""Resynthesis: nothing lost, nothing moved, nothing that depends on blocks."""

import numpy as np
import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.explanation.masks import (
    BLOCK,
    FINE_HOP,
    active_samples,
    apply_mask,
    frame_gate,
)
from explainable_seg.frames import frame_spans, num_frames

F = 257


def noise(n_samples: int, seed: int = 0) -> np.ndarray:
    """White noise, float32."""
    generator = np.random.default_rng(seed)
    return generator.uniform(-1, 1, n_samples).astype(np.float32)


def random_mask(n_samples: int, seed: int = 0) -> torch.Tensor:
    """A mask on the frame grid of so many samples."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(max(1, num_frames(n_samples)), F, generator=generator)


@given(n_samples=st.integers(1, 4000))
@settings(max_examples=30, deadline=None)
def test_a_mask_of_ones_returns_the_input(n_samples: int) -> None:
    audio = noise(n_samples)
    ones = torch.ones_like(random_mask(n_samples))
    np.testing.assert_allclose(apply_mask(audio, ones), audio, atol=1e-5)


@given(n_samples=st.integers(400, 6000), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_mask_in_and_mask_out_sum_to_the_input(
    n_samples: int, seed: int
) -> None:
    audio, mask = noise(n_samples, seed), random_mask(n_samples, seed)
    total = apply_mask(audio, mask) + apply_mask(audio, 1 - mask)
    np.testing.assert_allclose(total, audio, atol=1e-5)


@pytest.mark.parametrize("extra", [-1, 0, 1, 79, 12345])
def test_blocks_leave_no_trace(
    extra: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_samples = 2 * BLOCK * FINE_HOP + extra
    audio, mask = noise(n_samples), random_mask(n_samples)
    in_blocks = apply_mask(audio, mask)
    monkeypatch.setattr("explainable_seg.explanation.masks.BLOCK", 3 * BLOCK)
    np.testing.assert_allclose(in_blocks, apply_mask(audio, mask), atol=1e-5)


@pytest.mark.parametrize("place", [200, 4444, 9599])
def test_a_click_stays_in_place(place: int) -> None:
    audio = np.zeros(9600, dtype=np.float32)
    audio[place] = 1.0
    output = apply_mask(audio, torch.full((num_frames(9600), F), 0.5))
    assert np.argmax(np.abs(output)) == place
    assert output[place] == pytest.approx(0.5, abs=1e-5)
    output[place] = 0.0
    np.testing.assert_allclose(output, 0.0, atol=1e-5)


def test_a_mask_in_time_acts_at_its_time() -> None:
    audio, mask = noise(16000), torch.zeros(num_frames(16000), F)
    mask[20:30] = 1.0
    kept = np.abs(apply_mask(audio, mask)) > 0.01
    # From half way to the first frame before, less half a fine window.
    assert abs(int(np.argmax(kept)) - (200 + 320 * 19)) < 320
    last = len(kept) - int(np.argmax(kept[::-1]))
    assert abs(last - (200 + 320 * 30)) < 320


def test_a_shifted_first_centre_moves_the_mask() -> None:
    audio, mask = noise(16000), random_mask(16000)
    whole = apply_mask(audio, mask)
    cut = apply_mask(audio[800:], mask[5:], 200 + 5 * 320 - 800)
    # Before its first frame the mask is constant, so compare after it.
    np.testing.assert_allclose(cut[1400:], whole[2200:], atol=1e-5)


def test_a_mask_in_frequency_keeps_its_tone() -> None:
    times = np.arange(16000) / 16000
    low, high = (np.sin(2 * np.pi * hz * times) for hz in (500.0, 3000.0))
    mask = torch.zeros(num_frames(16000), F)
    mask[:, :48] = 1.0  # below 1.5 kHz
    output = apply_mask((low + high).astype(np.float32), mask)
    np.testing.assert_allclose(output[400:-400], low[400:-400], atol=1e-3)


@given(
    active=st.lists(st.booleans(), min_size=1, max_size=40),
    rest=st.integers(0, 319),
)
@settings(max_examples=40, deadline=None)
def test_active_samples_agree_with_the_frame_grid(
    active: list[bool], rest: int
) -> None:
    n_samples = 400 + 320 * (len(active) - 1) + rest
    runs = active_samples(np.array(active), n_samples)
    spans = frame_spans(np.array(active), n_samples / 16000)
    assert runs == [(round(s * 16000), round(e * 16000)) for s, e in spans]


def test_the_gate_fades_inside_the_active_time() -> None:
    active = np.zeros(100, dtype=bool)
    active[10:50] = True
    gate = frame_gate(active, 32080)
    start, stop = 40 + 3200, 40 + 16000
    assert not gate[:start].any() and not gate[stop:].any()
    assert (gate[start + 160 : stop - 160] == 1).all()
    assert (np.diff(gate[start : start + 160]) > 0).all()
    np.testing.assert_allclose(gate[start:stop], gate[start:stop][::-1])


def test_the_gate_of_short_runs_stays_in_range() -> None:
    gate = frame_gate(np.array([True, False, True]), 1040, fade=1.0)
    assert gate.max() <= 1 and gate.min() >= 0 and gate.any()


@given(
    n_samples=st.integers(1, 12000),
    sample_rate=st.sampled_from([8000, 11025, 22050, 44100, 48000, 96000]),
)
@settings(max_examples=30, deadline=None)
def test_a_mask_of_ones_returns_a_sound_of_any_rate(
    n_samples: int, sample_rate: int
) -> None:
    audio, ones = noise(n_samples), torch.ones(40, F)
    same = apply_mask(audio, ones, sample_rate=sample_rate)
    np.testing.assert_allclose(same, audio, atol=1e-5)


def at_rate(sample_rate: int, *tones: float) -> np.ndarray:
    """A second of tones, each of amplitude 0.2."""
    times = np.arange(sample_rate) / sample_rate
    waves = [0.2 * np.sin(2 * np.pi * hz * times) for hz in tones]
    return np.sum(waves, axis=0).astype(np.float32)


def test_a_mask_does_the_same_at_a_higher_rate() -> None:
    """Tones pass where they lie, at their time, as at 16 kHz."""
    tones = (300.0, 1234.0, 4321.0)
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand(5, F, generator=generator).repeat_interleave(10, dim=0)
    coarse = apply_mask(at_rate(16000, *tones), mask, 360)
    fine = apply_mask(at_rate(48000, *tones), mask, 360, 48000)[::3]
    error = (fine - coarse)[1000:-1000]
    assert np.square(error).mean() < 1e-3 * np.square(coarse).mean()


@pytest.mark.parametrize("gain", [0.0, 0.25, 1.0])
def test_what_no_atom_rebuilds_goes_with_what_lies_below(gain: float) -> None:
    """A tone at 12 kHz is kept as the last octave is, not as the last bin."""
    audio = at_rate(44100, 12000.0)
    mask = torch.full((50, F), 1 - gain)
    mask[:, 200:246] = gain
    kept = apply_mask(audio, mask, sample_rate=44100)
    np.testing.assert_allclose(
        kept[2000:-2000], gain * audio[2000:-2000], atol=5e-3
    )


@given(
    active=st.lists(st.booleans(), min_size=1, max_size=40),
    sample_rate=st.sampled_from([8000, 44100, 48000]),
)
@settings(max_examples=20, deadline=None)
def test_the_gate_opens_at_the_same_time_at_any_rate(
    active: list[bool], sample_rate: int
) -> None:
    n_samples = 400 + 320 * (len(active) - 1)
    borders = active_samples(np.array(active), n_samples)
    fine = n_samples * sample_rate // 16000
    others = active_samples(np.array(active), fine, sample_rate=sample_rate)
    np.testing.assert_allclose(
        np.array(others) / sample_rate,
        np.array(borders) / 16000,
        atol=1.01 / sample_rate,
    )
