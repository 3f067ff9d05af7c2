"""What a page carries: rounded a little, and small."""

import base64
import dataclasses
import io

import matplotlib.image
import numpy as np
import pytest
import torch
from hypothesis import (
    given,
    strategies as st,
)

from explainable_seg.explanation import (
    Decomposition,
    StudentWeights,
    explain_class,
)
from explainable_seg.explanation.explanation import ReportData
from explainable_seg.pages.drawing import reason
from explainable_seg.pages.page_data import (
    PAGE_ROWS,
    TILE,
    page_data,
    quantise,
    row_weights,
    sparse_rows,
    spectrogram_tiles,
    waveform_peaks,
)


def decode(text: str) -> np.ndarray:
    """Unsigned integers of 16 bits."""
    return np.frombuffer(base64.b64decode(text), dtype="<u2")


def test_the_dictionary_comes_back() -> None:
    values = np.random.default_rng(0).random((3, 50)) * [[1e-3], [1], [1e3]]
    carried = quantise(values)
    steps = decode(carried["values"]).reshape(3, 50)
    back = steps * np.array(carried["scales"])[:, None]
    largest = values.max(axis=1, keepdims=True)
    assert (np.abs(back - values) <= largest / 65535).all()


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
def test_the_activations_come_back(seed: int, share: float) -> None:
    generator = np.random.default_rng(seed)
    H = generator.random((7, 5)) * (generator.random((7, 5)) < share)
    carried = sparse_rows(torch.from_numpy(H))
    atoms, steps = decode(carried["atoms"]), decode(carried["values"])
    back = np.zeros_like(H)
    frames = np.repeat(np.arange(7), decode(carried["counts"]))
    back[frames, atoms] = steps * np.array(carried["scales"])[atoms]
    np.testing.assert_allclose(back, H, atol=2e-5)


@pytest.mark.parametrize("n_bins", [257, 513])
def test_rows_show_all_frequencies_evenly(n_bins: int) -> None:
    weights = row_weights(n_bins)
    assert weights.shape == (PAGE_ROWS, n_bins)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    centres = weights @ np.linspace(0, 8000, n_bins)
    assert (np.diff(centres) > 0).all()
    assert centres[0] < 20 and centres[-1] > 7500


def test_tiles_cover_all_frames_with_low_frequencies_below() -> None:
    values = np.zeros((TILE + 10, PAGE_ROWS))
    values[:, 0] = 4.0
    tiles = spectrogram_tiles(values, brightest=4.0)
    assert [tile["frames"] for tile in tiles] == [TILE, 10]
    content = base64.b64decode(tiles[1]["address"].split(",")[1])
    pixels = matplotlib.image.imread(io.BytesIO(content), format="jpeg")
    assert pixels.shape[:2] == (PAGE_ROWS, 10)
    assert pixels[-1].mean() < 60 and pixels[0].mean() > 240


def test_peaks_are_those_of_the_sound() -> None:
    audio = np.zeros(100_000, dtype=np.float32)
    audio[50_000] = -0.7
    peaks = waveform_peaks(audio)
    assert len(peaks) == 6000 and sorted(peaks)[-2:] == [0.0, 0.7]
    assert waveform_peaks(audio[:3]) == [0.0, 0.0, 0.0]


def test_a_page_says_what_each_atom_sounds_like_and_why(
    decomposition: Decomposition, own_weights: StudentWeights
) -> None:
    carried = page_data(ReportData(decomposition, own_weights, {}))
    assert carried["atom_sounds"] == [  # whose they are stands beside it
        "a tone around 500 Hz",
        "a tone around 3 kHz",
        "silent, zero at all frequencies",
    ]
    evidence = carried["atom_evidence"]
    assert evidence[0].startswith("Strongest at 500 Hz; 80 % of its energy ")
    assert len(evidence) == 3


def test_energies_give_the_reconstruction_error(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    carried = page_data(ReportData(decomposition, weights, {}))["energy"]
    values = np.frombuffer(base64.b64decode(carried), dtype="<f4")
    sound, rest = values.reshape(-1, 2).T
    X, W = decomposition.spectrogram, weights.dictionary
    np.testing.assert_allclose(sound, X.square().sum(1), rtol=1e-5)
    gap = X - decomposition.activations @ W.T
    np.testing.assert_allclose(rest, gap.square().sum(1), rtol=1e-4)


def test_page_and_picture_name_each_peak_alike(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    # Bins lie at multiples of 31.25 Hz: halves are there to be rounded.
    W = torch.zeros(257, 6)
    for k, f in enumerate((0, 2, 6, 36, 40)):
        W[f, k] = 1.0
    wide = dataclasses.replace(
        weights, dictionary=W, theta=torch.ones(4, 6), bias=torch.zeros(4)
    )
    H = torch.ones(decomposition.n_frames, 6)
    there = dataclasses.replace(
        decomposition, activations=H, logits=H @ wide.theta.T
    )
    explanation = explain_class(there, wide, "speech", 0.0, 2.0)
    names = page_data(ReportData(there, wide, {}))["peak_names"]
    assert [name.replace("\N{NO-BREAK SPACE}", " ") for name in names] == [
        *("below 20 Hz", "63 Hz", "188 Hz", "1.1 kHz", "1.3 kHz", "no peak")
    ]
    figure = explanation.plot()
    shown = {
        label.get_text()
        for axes in figure.axes
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels())
    }
    assert set(names) - {"no peak"} <= shown
    words = reason(explanation)
    assert "at 0" not in words
