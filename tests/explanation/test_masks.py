"""Masks: within [0, 1], complements of each other."""

import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.explanation.masks import class_mask


def random_case(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sparse activations, a dictionary and a selection."""
    generator = torch.Generator().manual_seed(seed)
    H = (torch.randn(12, 7, generator=generator) * 3).clamp(min=0)
    W = torch.rand(33, 7, generator=generator)
    return H, W, torch.rand(7, generator=generator) > 0.5


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_masks_of_a_selection_and_of_the_others_sum_to_one(seed: int) -> None:
    H, W, selected = random_case(seed)
    total = class_mask(H, W, selected) + class_mask(H, W, ~selected)
    sounding = (H @ W.T) > 1e-3
    torch.testing.assert_close(
        total[sounding], torch.ones(int(sounding.sum())), atol=1e-5, rtol=0
    )


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_masks_lie_between_zero_and_one(seed: int) -> None:
    H, W, selected = random_case(seed)
    for chosen in (selected, torch.ones(7, dtype=torch.bool)):
        mask = class_mask(H, W, chosen)
        assert (mask >= 0).all() and (mask <= 1).all()


def test_more_atoms_never_lower_the_mask() -> None:
    H, W, _ = random_case(3)
    one = torch.tensor([True, *[False] * 6])
    two = torch.tensor([True, True, *[False] * 5])
    assert (class_mask(H, W, two) >= class_mask(H, W, one)).all()


def test_silence_and_no_atoms_give_zero() -> None:
    H, W, selected = random_case(4)
    assert not class_mask(torch.zeros(2, 7), W, selected).any()
    assert not class_mask(H, W, torch.zeros(7, dtype=torch.bool)).any()
