"""Relevance: sums that are exact, selections and bands known by hand."""

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.explanation.selection import (
    BANDS_HZ,
    band_shares,
    bin_hz,
    peak_hz,
    relevance,
    relevance_per_frame,
    relevance_spectrum,
    select_atoms,
)


def random_case(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations [T, K] and weights [K] of a random size."""
    generator = torch.Generator().manual_seed(seed)
    n_frames, n_atoms = torch.randint(1, 40, (2,), generator=generator).tolist()
    H = torch.rand(n_frames, n_atoms, generator=generator) * 10
    return H, torch.randn(n_atoms, generator=generator)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_relevances_and_bias_sum_to_the_mean_logit(seed: int) -> None:
    H, theta = random_case(seed)
    logits = H @ theta + 0.7
    total = 0.7 + relevance(H, theta).sum()
    assert total.item() == pytest.approx(logits.mean().item(), abs=1e-4)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_relevance_is_the_mean_over_frames(seed: int) -> None:
    H, theta = random_case(seed)
    mean = relevance_per_frame(H, theta).double().mean(dim=0)
    torch.testing.assert_close(relevance(H, theta), mean, atol=1e-5, rtol=1e-5)


def test_relevance_stays_exact_over_many_frames() -> None:
    H = torch.full((300_000, 1), 0.1)
    assert relevance(H, torch.ones(1)).item() == pytest.approx(0.1, abs=1e-7)


@pytest.mark.parametrize(
    ("r", "tau", "expected"),
    [
        ([1.0, 0.5, 0.2, -3.0], 0.2, [True, True, False, False]),
        ([1.0, 0.5, 0.2, -3.0], 0.0, [True, True, True, False]),
        ([10.0, 5.0, 2.0, -30.0], 0.2, [True, True, False, False]),
        ([-1.0, -2.0], 0.1, [False, False]),
        ([0.0, 0.0], 0.1, [False, False]),
    ],
)
def test_atoms_above_a_share_of_the_strongest_are_selected(
    r: list[float], tau: float, expected: list[bool]
) -> None:
    assert select_atoms(torch.tensor(r), tau).tolist() == expected


@pytest.mark.parametrize("tau", [-0.1, 1.0, float("nan")])
def test_tau_outside_its_range_is_refused(tau: float) -> None:
    with pytest.raises(ValueError, match=r"`tau` in \[0, 1\)"):
        select_atoms(torch.ones(2), tau)


def test_peak_of_an_atom_and_of_no_atom() -> None:
    W = torch.zeros(257, 3)
    W[16, 0] = W[128, 1] = 1.0
    assert peak_hz(W)[:2].tolist() == [500.0, 4000.0]
    assert peak_hz(W)[2].isnan()


def test_bins_are_31_hz_apart_for_the_house_grid() -> None:
    assert bin_hz(257)[:3].tolist() == [0.0, 31.25, 62.5]


def test_relevance_spectrum_keeps_the_positive_relevance() -> None:
    generator = torch.Generator().manual_seed(1)
    W = torch.rand(257, 6, generator=generator)
    r = torch.tensor([3.0, -5.0, 1.0, 0.5, -0.1, 0.0])
    spectrum = relevance_spectrum(r, W)
    assert spectrum.sum().item() == pytest.approx(4.5)
    assert (spectrum >= 0).all()


def test_relevance_spectrum_of_a_zero_atom_is_zero() -> None:
    W = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    spectrum = relevance_spectrum(torch.tensor([2.0, 9.0]), W)
    assert spectrum.tolist() == [2.0, 0.0]


def test_every_bin_lies_in_exactly_one_band() -> None:
    for k in range(257):
        shares = band_shares(torch.eye(257)[k])
        assert sorted(shares) == [0.0, 0.0, 0.0, 1.0]
        low, high = BANDS_HZ[shares.index(1.0)]
        assert low <= 31.25 * k < high or k == 256


def test_shares_of_no_spectrum_are_not_computed() -> None:
    assert band_shares(torch.zeros(257)) is None
