"""Noises: levels, variety, no silence, the same for the same seed."""

import numpy as np
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.composer.noise import NOISES, make_noise
from explainable_seg.composer.signals import (
    burst,
    convolved,
    filtered_noise,
    paced_times,
    poisson_times,
    pulse_train,
    resonance,
    scattered,
    swelling,
    wander,
)


def generator(seed=0):
    return np.random.default_rng(seed)


def fingerprint(audio):
    """Mean and spread of the log power in 16 bands, level taken out."""
    frames = audio[: len(audio) // 512 * 512].reshape(-1, 512)
    power = np.abs(np.fft.rfft(frames * np.hanning(512))) ** 2
    bands = np.log(power[:, 1:].reshape(len(frames), 16, 16).mean(2) + 1e-9)
    return np.concatenate([bands.mean(0) - bands.mean(), bands.std(0)])


@pytest.mark.parametrize("kind", NOISES)
def test_every_kind_is_well_made(kind):
    for seed in range(2):
        audio = make_noise(kind, 6.0, generator(seed))
        assert audio.shape == (96000,) and audio.dtype == np.float32
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() <= 0.9
        assert -28 < 20 * np.log10(audio.std()) < -22
        assert abs(audio.mean()) < 2e-3
        loudness = np.sqrt(np.square(audio.reshape(-1, 16000)).mean(axis=1))
        assert (20 * np.log10(loudness) > -55).all()


@pytest.mark.parametrize("kind", NOISES)
def test_seed_decides(kind):
    one = make_noise(kind, 2.0, generator(5))
    np.testing.assert_array_equal(one, make_noise(kind, 2.0, generator(5)))
    assert not np.array_equal(one, make_noise(kind, 2.0, generator(6)))


def test_kinds_are_many_and_differ():
    assert len(NOISES) >= 10
    prints = [fingerprint(make_noise(k, 6.0, generator())) for k in NOISES]
    distances = np.linalg.norm(
        np.array(prints)[:, None] - np.array(prints)[None], axis=2
    )
    assert distances[~np.eye(len(NOISES), dtype=bool)].min() > 0.5


def test_filtered_noise_stays_in_its_band():
    noise = filtered_noise(160000, 1000, 2000, generator())
    power = np.abs(np.fft.rfft(noise)) ** 2
    hertz = np.fft.rfftfreq(160000, 1 / 16000)
    assert power[(hertz > 600) & (hertz < 3400)].sum() > 0.98 * power.sum()
    assert np.mean(noise**2) == pytest.approx(1.0)


def test_pink_noise_falls_by_three_decibels_an_octave():
    noise = filtered_noise(320000, 20, 8000, generator(), tilt=-3)
    power = np.abs(np.fft.rfft(noise)) ** 2
    low, high = power[10000:20000].mean(), power[20000:40000].mean()
    assert 10 * np.log10(high / low) == pytest.approx(-3, abs=0.3)


@settings(max_examples=15, deadline=None)
@given(
    n_samples=st.integers(100, 20000),
    rate=st.floats(0.1, 50),
    seed=st.integers(0, 99),
)
def test_controls_stay_in_their_range(n_samples, rate, seed):
    control = wander(n_samples, rate, generator(seed), -2.0, 3.0)
    assert len(control) == n_samples
    assert -2 <= control.min() and control.max() <= 3
    gain = swelling(n_samples, rate, 20.0, generator(seed))
    assert 0.1 - 1e-9 <= gain.min() and gain.max() <= 1


@settings(max_examples=15, deadline=None)
@given(seconds=st.floats(0.5, 20), seed=st.integers(0, 99))
def test_times_are_sorted_and_inside(seconds, seed):
    for times in (
        poisson_times(seconds, 10.0, generator(seed)),
        paced_times(seconds, 0.3, 0.5, generator(seed)),
    ):
        assert (np.diff(times) >= 0).all()
        assert ((times >= 0) & (times < seconds)).all()


def test_paced_events_come_at_their_pace():
    times = paced_times(60.0, 0.5, 0.1, generator())
    assert np.diff(times).min() >= 0.45 and np.diff(times).max() <= 0.55
    assert len(times) == pytest.approx(120, abs=3)


def test_pulses_come_once_a_period():
    pulses = pulse_train(np.full(16000, 50.0), generator())
    places = np.flatnonzero(pulses)
    assert len(places) == pytest.approx(50, abs=1)
    assert set(np.diff(places)) <= {319, 320, 321}


def test_convolution_agrees_with_numpy():
    signal, kernel = generator().normal(size=500), generator(1).normal(size=60)
    np.testing.assert_allclose(
        convolved(signal, kernel), np.convolve(signal, kernel)[:500], atol=1e-9
    )


def test_scattered_sounds_lie_where_they_should():
    sound = np.array([1.0, -1.0])
    laid = scattered(
        100,
        np.array([0.0, 50 / 16000]),
        [sound],
        np.array([1, 2.0]),
        generator(),
    )
    expected = np.zeros(100)
    expected[[0, 1, 50, 51]] = 1, -1, 2, -2
    np.testing.assert_allclose(laid, expected, atol=1e-12)


def test_struck_bodies_and_bursts_die_away():
    for sound in (
        resonance([400.0, 900.0], 0.2, generator()),
        burst(500, 2000, 0.2, generator()),
    ):
        assert len(sound) == 3200
        assert np.abs(sound).max() == pytest.approx(1.0)
        assert np.abs(sound[-300:]).max() < 0.01
