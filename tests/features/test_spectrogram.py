"""The spectrogram lies on the house frame grid."""

import numpy as np
import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.errors import AudioError
from explainable_seg.features.frontend import make_frontend
from explainable_seg.features.spectrogram import LogPowerSpectrogram
from explainable_seg.frames import HOP, WINDOW, num_frames


@settings(max_examples=20, deadline=None)
@given(st.integers(WINDOW, 4 * 16000))
def test_number_of_frames_is_that_of_the_grid(n_samples):
    X = LogPowerSpectrogram()(torch.zeros(1, n_samples))
    assert X.shape == (1, num_frames(n_samples), 257)


@pytest.mark.parametrize("n_fft", [400, 512, 1024])
def test_each_frame_is_the_spectrum_of_its_own_samples(n_fft):
    wav = torch.randn(1, 5000, generator=torch.Generator().manual_seed(0))
    X = LogPowerSpectrogram(n_fft)(wav)[0].numpy()
    window = torch.hann_window(WINDOW).numpy()
    for t in (0, 3, len(X) - 1):
        samples = wav[0, HOP * t : HOP * t + WINDOW].numpy() * window
        power = np.abs(np.fft.rfft(samples, n_fft)) ** 2
        np.testing.assert_allclose(X[t], np.log1p(power), rtol=1e-4, atol=1e-5)


def test_a_click_is_loudest_in_the_frame_centred_on_it():
    for t in (0, 1, 17, 48):
        wav = torch.zeros(1, 16000)
        wav[0, 200 + HOP * t] = 1.0
        energy = LogPowerSpectrogram()(wav)[0].sum(dim=1)
        assert int(energy.argmax()) == t


def test_silence_is_zero_and_sound_is_positive():
    assert LogPowerSpectrogram()(torch.zeros(1, 400)).abs().max() == 0
    assert LogPowerSpectrogram()(torch.ones(1, 400)).min() >= 0


def test_less_than_a_frame_is_refused():
    with pytest.raises(AudioError, match="at least 400 samples.*got 399"):
        LogPowerSpectrogram()(torch.zeros(1, 399))


def test_unknown_front_end_and_bad_length_are_refused():
    with pytest.raises(ValueError, match="spectrogram, wavlm"):
        make_frontend("mel")
    with pytest.raises(ValueError, match="n_fft"):
        LogPowerSpectrogram(n_fft=256)
