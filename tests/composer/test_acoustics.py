"""Rooms, tones, speeds, fades and clipping against closed forms."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.composer.acoustics import (
    Tone,
    fade_curve,
    inaudible_part,
    noise_floor,
    room_response,
    soft_clip,
    transform,
)

RATE = 16000


def tone_at(hertz: float, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(length=st.integers(1, 5000))
def test_nothing_to_do_changes_nothing(length):
    audio = np.random.default_rng(length).standard_normal(length)
    audio = audio.astype(np.float32)
    np.testing.assert_allclose(transform(audio), audio, atol=1e-5)
    flat = transform(audio, tone=Tone())
    np.testing.assert_allclose(flat, audio, atol=1e-5)
    assert flat.dtype == np.float32


@pytest.mark.parametrize("speed", [Fraction(5, 4), Fraction(9, 10)])
def test_speed_moves_pitch_and_length(speed):
    faster = transform(tone_at(1000.0, 2.0), speed)
    assert len(faster) == round(2 * RATE / speed)
    spectrum = np.abs(np.fft.rfft(faster))
    peak = np.argmax(spectrum) * RATE / len(faster)
    assert peak == pytest.approx(1000 * float(speed), abs=1.0)
    middle = faster[2000:-2000]
    assert np.abs(middle).max() == pytest.approx(0.3, abs=0.005)


@pytest.mark.parametrize("speed", [Fraction(4, 5), Fraction(16, 15)])
def test_speed_keeps_an_onset_at_its_scaled_place(speed):
    audio = np.zeros(RATE, dtype=np.float32)
    audio[8000] = 1.0
    moved = transform(audio, speed)
    assert np.argmax(np.abs(moved)) == round(8000 / float(speed))


def test_cuts_have_3_db_at_their_corners():
    gain = Tone(low_hz=200.0, high_hz=4000.0).gain(8001)
    for hertz in (200, 4000):
        assert 20 * np.log10(gain[hertz]) == pytest.approx(-3.01, abs=0.1)
    assert gain[900] == pytest.approx(1.0, abs=0.01)
    assert 20 * np.log10(gain[100]) == pytest.approx(-12.3, abs=0.5)
    assert 20 * np.log10(gain[8000]) == pytest.approx(-24.1, abs=0.3)


def test_peak_has_its_gain_at_its_centre():
    gain = Tone(peak_db=6.0, peak_hz=2000.0).gain(8001)
    assert 20 * np.log10(gain[2000]) == pytest.approx(6.0, abs=0.05)
    assert gain[500] == pytest.approx(1.0, abs=0.01)


def test_zero_phase_keeps_an_onset_in_place():
    audio = np.zeros(8000, dtype=np.float32)
    audio[3000] = 1.0
    shaped = transform(audio, tone=Tone(tilt_db=-2.0, high_hz=3400.0))
    assert np.argmax(shaped) == 3000


def test_room_decays_by_60_db_in_its_time():
    rng = np.random.default_rng(0)
    response = room_response(0.3, -10.0, rng)
    assert np.square(response).sum() == pytest.approx(1.0, abs=1e-4)
    decay = np.cumsum(np.square(response[::-1]))[::-1]  # Schroeder
    fall = 10 * np.log10(decay[round(0.25 * RATE)] / decay[round(0.1 * RATE)])
    assert fall == pytest.approx(-60 * 0.15 / 0.3, abs=2.0)


def test_room_keeps_the_direct_sound_at_its_ratio():
    response = room_response(0.5, 6.0, np.random.default_rng(1))
    tail = np.square(response[1:]).sum()
    ratio = 10 * np.log10(response[0] ** 2 / tail)
    assert ratio == pytest.approx(6.0, abs=0.01)


def test_room_is_a_convolution():
    rng = np.random.default_rng(2)
    audio = rng.standard_normal(500).astype(np.float32)
    response = room_response(0.2, 0.0, rng)
    wet = transform(audio, room=response)
    wanted = np.convolve(audio, response)
    np.testing.assert_allclose(wet[: len(wanted)], wanted, atol=1e-4)


def test_fade_is_inaudible_for_its_first_part():
    length = 160000
    curve = fade_curve(0, length, length)
    reached = int(np.argmax(20 * np.log10(curve + 1e-12) > -45))
    assert reached / length == pytest.approx(inaudible_part(1.0), abs=1e-4)
    np.testing.assert_array_equal(curve[300:400], fade_curve(300, 400, length))


def test_soft_clip_keeps_what_is_below_the_knee_and_the_order():
    audio = np.linspace(-4, 4, 1001).astype(np.float32)
    clipped = soft_clip(audio)
    below = np.abs(audio) <= 0.6
    np.testing.assert_array_equal(clipped[below], audio[below])
    assert np.abs(clipped).max() <= 1.0
    assert (np.diff(clipped) >= 0).all()
    assert clipped.dtype == np.float32


def test_hiss_has_its_level():
    hiss = noise_floor(RATE * 4, -60.0, np.random.default_rng(0))
    level = 20 * np.log10(hiss.std())
    assert level == pytest.approx(-60.0, abs=0.1)
