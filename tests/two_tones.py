"""A tiny student whose answers are known by hand.

The recording is 2 s of sound: a tone of 500 Hz, then one of 3 kHz, each for a
second. Two atoms are these tones; a third is never active. Speech is the first
atom, music the second; noise and overlap are never found.
"""

import dataclasses

import numpy as np
import pytest
import torch

from explainable_seg.decisions.rules import Rules
from explainable_seg.explanation import (
    Decomposition,
    StudentWeights,
    make_decomposition,
)
from explainable_seg.features.spectrogram import LogPowerSpectrogram

THETA = torch.tensor(
    [[4.0, -2.0, 0.5], [-1.0, 3.0, 0.5], [0.0, 0.0, 0.5], [-0.5, -0.5, 0.5]]
)
BIAS = torch.tensor([-2.0, -1.0, -3.0, -3.0])
THRESHOLDS = {"speech": 0.5, "music": 0.4, "noise": 0.5, "overlap": 0.3}
RATE = 16000

# Tensors are small here: threads would only wait for each other.
torch.set_num_threads(1)


def tone(hz: float, seconds: float) -> np.ndarray:
    """A tone of amplitude 0.5 at 16 kHz."""
    times = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * hz * times)).astype(np.float32)


@pytest.fixture(scope="session")
def weights() -> StudentWeights:
    """Atoms of 500 Hz and 3 kHz, and one that is zero everywhere."""
    both = torch.from_numpy(np.stack([tone(500, 1), tone(3000, 1)]))
    spectra = LogPowerSpectrogram()(both)[:, 10]
    spectra = torch.nn.functional.normalize(spectra, dim=1)
    return StudentWeights(
        dictionary=torch.cat([spectra.T, torch.zeros(257, 1)], dim=1),
        theta=THETA,
        bias=BIAS,
        name="a/model",
    )


@pytest.fixture(scope="session")
def own_weights(weights: StudentWeights) -> StudentWeights:
    """The same atoms, one each of speech, music and noise; overlap has none."""
    own = torch.eye(4, 3, dtype=torch.bool)
    own[3] = own[0]
    return dataclasses.replace(weights, own=own)


@pytest.fixture(scope="session")
def decomposition(weights: StudentWeights) -> Decomposition:
    """The two tones, read by the two atoms."""
    audio = np.concatenate([tone(500, 1), tone(3000, 1)])
    X = LogPowerSpectrogram()(torch.from_numpy(audio)[None])[0]
    # Least squares is exact here but at the border between the tones.
    H = torch.linalg.lstsq(weights.dictionary[:, :2], X.T).solution.T
    H = torch.cat([H, torch.zeros(len(H), 1)], dim=1).clamp(min=0) / 5
    return make_decomposition(
        audio, X, H, H @ THETA.T + BIAS, "two tones.wav", Rules(THRESHOLDS)
    )
