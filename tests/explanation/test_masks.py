"""Masks: within [0, 1], complements of each other."""

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.explanation.masks import class_mask, log_source_masks


def random_case(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sparse activations, a dictionary and a selection."""
    generator = torch.Generator().manual_seed(seed)
    H = (torch.randn(12, 7, generator=generator) * 3).clamp(min=0)
    W = torch.rand(33, 7, generator=generator)
    return H, W, torch.rand(7, generator=generator) > 0.5


SHARED = None
OF_SOURCES = torch.tensor([0, 0, 1, 1, 1, 2, 2]) == torch.arange(3)[:, None]


@pytest.mark.parametrize("sources", [SHARED, OF_SOURCES])
@given(seed=st.integers(0, 10**6), loudness=st.sampled_from([0.1, 1.0, 50.0]))
@settings(max_examples=25, deadline=None)
def test_masks_of_a_selection_and_of_the_others_sum_to_one(
    sources: torch.Tensor | None, seed: int, loudness: float
) -> None:
    H, W, selected = random_case(seed)
    H = H * loudness
    total = class_mask(H, W, selected, sources)
    total = total + class_mask(H, W, ~selected, sources)
    sounding = (H @ W.T) > 1e-3
    torch.testing.assert_close(
        total[sounding], torch.ones(int(sounding.sum())), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("sources", [SHARED, OF_SOURCES])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_masks_lie_between_zero_and_one(
    sources: torch.Tensor | None, seed: int
) -> None:
    H, W, selected = random_case(seed)
    for chosen in (selected, torch.ones(7, dtype=torch.bool)):
        mask = class_mask(H, W, chosen, sources)
        assert (mask >= 0).all() and (mask <= 1).all()


def test_more_atoms_never_lower_the_mask() -> None:
    H, W, _ = random_case(3)
    one = torch.tensor([True, *[False] * 6])
    two = torch.tensor([True, True, *[False] * 5])
    assert (class_mask(H, W, two) >= class_mask(H, W, one)).all()


def test_silence_and_no_atoms_give_zero() -> None:
    H, W, selected = random_case(4)
    for sources in (SHARED, OF_SOURCES):
        assert not class_mask(torch.zeros(2, 7), W, selected, sources).any()
        nothing = torch.zeros(7, dtype=torch.bool)
        assert not class_mask(H, W, nothing, sources).any()


@given(
    loudest=st.floats(20, 100),
    below=st.lists(st.floats(10, 120), min_size=2, max_size=2),
)
@settings(max_examples=100, deadline=None)
def test_sources_that_are_rebuilt_as_taught_have_their_power(
    loudest: float, below: list[float]
) -> None:
    """Wiener's mask, of which the atoms were taught the logarithms alone."""
    levels = torch.tensor([loudest, *(loudest - dB for dB in below)])
    power = 10 ** (levels.double() / 10)
    rebuilt = power.log1p() / power.log1p().sum() * power.sum().log1p()
    mask = log_source_masks(rebuilt.float()).exp()
    wiener = (power / power.sum()).float()
    torch.testing.assert_close(mask, wiener, atol=0.05, rtol=0)


def test_a_bed_is_heard_as_faint_as_it_is() -> None:
    """Of two sources 15 dB apart the softer one has a thirtieth."""
    power = torch.tensor([1000.0, 31.6])
    rebuilt = power.log1p() / power.log1p().sum() * power.sum().log1p()
    mask = log_source_masks(rebuilt).exp()
    torch.testing.assert_close(mask[1].item(), 1 / 32.6, atol=0.01, rtol=0)
