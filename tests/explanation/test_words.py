"""Words for atoms: sounds that are known, through the spectrogram itself."""

import numpy as np
import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.explanation import (
    AtomTimes,
    AtomWords,
    StudentWeights,
    describe_atoms,
)
from explainable_seg.features import LogPowerSpectrogram

RATE = 16000
TIMES = np.arange(RATE) / RATE


def weights_of(
    W: torch.Tensor, own: torch.Tensor | None = None
) -> StudentWeights:
    """Weights with this dictionary [F, K]."""
    n_atoms = W.shape[1]
    return StudentWeights(W, torch.zeros(4, n_atoms), torch.zeros(4), own=own)


def owned_by(row: int, n_atoms: int = 1) -> torch.Tensor:
    """All atoms are those of one class."""
    own = torch.zeros(4, n_atoms, dtype=torch.bool)
    own[row] = True
    return own


def atom_of(audio: np.ndarray) -> torch.Tensor:
    """Mean frame of a sound [F, 1]."""
    X = LogPowerSpectrogram()(torch.from_numpy(audio).float()[None])[0]
    return X.mean(dim=0)[:, None]


def described(audio: np.ndarray, owner: int | None = None) -> AtomWords:
    """The words for a sound."""
    own = None if owner is None else owned_by(owner)
    (atom,) = describe_atoms(weights_of(atom_of(audio), own))
    return atom


def comb(f0: float, loudness: float = 0.05) -> np.ndarray:
    """Ten harmonics that fall off."""
    return sum(
        loudness / k * np.sin(2 * np.pi * k * f0 * TIMES + k)
        for k in range(1, 11)
    )


def noise(low: float, high: float) -> np.ndarray:
    """Noise of a band, with nothing at all outside."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(RATE))
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    spectrum[(hz < low) | (hz > high)] = 0
    return 0.1 * np.fft.irfft(spectrum)


def test_a_tone_is_a_tone() -> None:
    atom = described(0.1 * np.sin(2 * np.pi * 440 * TIMES))
    assert atom.words == "a tone around 440 Hz"
    assert atom.fundamental_hz is None and atom.peak_hz == 437.5
    assert atom.shares is not None and atom.shares["low"] > 0.9


@pytest.mark.parametrize("f0", [120.0, 163.0, 200.0, 247.0, 330.0, 440.0])
def test_the_fundamental_of_a_comb_is_found(f0: float) -> None:
    atom = described(comb(f0), owner=0)
    assert atom.fundamental_hz == pytest.approx(f0, rel=0.015)
    assert atom.words.startswith("a voice's hum around ")


def test_a_comb_too_close_for_the_window_has_no_fundamental() -> None:
    assert described(comb(60.0)).fundamental_hz is None


def test_a_comb_without_its_fundamental_still_has_it() -> None:
    atom = described(comb(200.0) - 0.05 * np.sin(2 * np.pi * 200 * TIMES + 1))
    assert atom.fundamental_hz == pytest.approx(200, rel=0.015)


def lines_at(values: dict[int, float]) -> torch.Tensor:
    """An atom of sharp lines, their heights by bin [257, 1]."""
    W = torch.zeros(257, 1)
    for bin_, height in values.items():
        W[bin_ - 1 : bin_ + 2, 0] += height * torch.tensor([0.5, 1.0, 0.5])
    return W


@pytest.mark.parametrize("step", [7, 8, 9, 11, 13, 15])
def test_half_of_the_fundamental_is_not_the_fundamental(step: int) -> None:
    W = lines_at({k * step: 1.0 for k in range(1, 7)})
    (atom,) = describe_atoms(weights_of(W))
    assert atom.fundamental_hz == pytest.approx(31.25 * step, rel=0.02)


def test_small_lines_beside_the_peak_are_not_its_harmonics() -> None:
    both = {16: 0.5, 32: 0.45}
    (atom,) = describe_atoms(weights_of(lines_at(both)))
    assert atom.fundamental_hz == pytest.approx(500, rel=0.02)
    (atom,) = describe_atoms(weights_of(lines_at({**both, 18: 1.0})))
    assert atom.fundamental_hz is None


def test_harmonics_are_said_by_whose_they_are() -> None:
    words = [described(comb(200.0), owner).words for owner in (0, 1, 2)]
    assert words == [
        "a voice's hum around 200 Hz",
        "music: a note around 200 Hz with overtones",
        "noise: a hum around 200 Hz with overtones",
    ]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 8000.0, "a hiss from "),
        (3000.0, 8000.0, "a hiss from "),
        (200.0, 2000.0, "a rush from "),
        (4000.0, 4500.0, "a band from 4"),
        (0.0, 120.0, "a bass below "),
    ],
)
def test_noise_is_told_by_its_band(
    low: float, high: float, expected: str
) -> None:
    atom = described(noise(low, high))
    assert atom.words.startswith(expected)
    assert atom.fundamental_hz is None and atom.band_hz is not None
    assert low - 100 <= atom.band_hz[0] < atom.band_hz[1] <= high + 100
    assert atom.flatness is not None and atom.flatness > 0.8


def test_a_single_frame_of_noise_has_no_fundamental() -> None:
    X = LogPowerSpectrogram()(torch.from_numpy(noise(0, 8000)).float()[None])
    atoms = describe_atoms(weights_of(X[0].T))
    assert sum(a.fundamental_hz is not None for a in atoms) <= len(atoms) // 20


def test_a_silent_atom_is_silent() -> None:
    (atom,) = describe_atoms(weights_of(torch.zeros(257, 1), owned_by(1)))
    assert atom.words == "music: silent, zero at all frequencies"
    assert atom.peak_hz is atom.band_hz is atom.shares is None
    assert atom.flatness is atom.fundamental_hz is atom.contrast is None
    assert "zero" in atom.evidence


def test_the_band_is_the_narrowest_around_the_peak() -> None:
    W = torch.zeros(257, 1)
    W[100:105, 0] = torch.tensor([0.1, 2.0, 3.0, 2.0, 0.1])
    (atom,) = describe_atoms(weights_of(W))
    assert atom.band_hz == (101 * 31.25, 103 * 31.25)
    assert atom.evidence.startswith(
        "Strongest at 3188 Hz; 80 % of its energy from 3156 to 3219 Hz"
    )


@given(
    seed=st.integers(0, 10**6),
    scale=st.floats(1e-6, 1e6),
    n_bins=st.sampled_from([9, 257, 513]),
)
@settings(max_examples=25, deadline=None)
def test_loudness_changes_no_word(seed: int, scale: float, n_bins: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    W = torch.rand(n_bins, 4, generator=generator, dtype=torch.float64) ** 8
    W[torch.rand(W.shape, generator=generator) < 0.3] = 0.0
    once = describe_atoms(weights_of(W))
    again = describe_atoms(weights_of(W * scale))
    assert [a.words for a in once] == [a.words for a in again]
    assert all(len(a.words) <= 60 for a in once)
    for atom in once:
        if atom.shares is not None:
            assert sum(atom.shares.values()) == pytest.approx(1)


@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 40), max_size=4),
    share=st.floats(0, 1),
)
@settings(max_examples=50, deadline=None)
def test_runs_are_those_of_the_recording_in_one_piece(
    seed: int, cuts: list[int], share: float
) -> None:
    generator = np.random.default_rng(seed)
    H = torch.from_numpy(generator.random((40, 3)) < share).float()
    heard = generator.integers(-1, 2, (40, 2))
    times = AtomTimes(("speech", "music"), 3)
    borders = [0, *sorted(cuts), 40]
    for first, last in zip(borders, borders[1:]):
        times.add(H[first:last], heard[first:last])
    times.end()
    for k in range(3):
        text = "".join(str(int(h)) for h in H[:, k])
        runs = sorted(len(run) for run in text.split("0") if run)
        found = times.of(k)
        assert found["sounds"] == pytest.approx(H[:, k].mean().item())
        if not runs:
            assert found["median_seconds"] is found["course"] is None
            assert found["heard"] == {"speech": None, "music": None}
            continue
        median = runs[(len(runs) - 1) // 2]
        assert found["median_seconds"] == pytest.approx(0.02 * median)
        bursts = found["course"] == "short bursts"
        assert bursts == (median < 3)
        known = (heard[:, 0] >= 0) & (H[:, k].numpy() > 0)
        if known.any():
            expected = (heard[known, 0] == 1).mean()
            assert found["heard"]["speech"] == pytest.approx(expected)


def test_no_run_goes_on_into_the_next_recording() -> None:
    times, unknown = AtomTimes(("speech",), 1), np.full((2, 1), -1)
    for _ in range(3):
        times.add(torch.ones(2, 1), unknown)
        times.end()
    assert times.of(0)["median_seconds"] == 0.04
    assert times.of(0)["heard"] == {"speech": None}
    assert AtomTimes(("speech",), 1).of(0)["sounds"] is None
