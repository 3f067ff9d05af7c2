"""Retained energy: exact, nested, and blind to scale."""

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.evaluation.comparison import retention_masks

SHARES = [0.0, 0.1, 0.2, 0.4, 0.6, 1.0]


def case(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores, many of them equal, and energies, some of them zero."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 4, (6, 9), generator=generator).float()
    power = torch.rand(6, 9, generator=generator)
    power[torch.rand(6, 9, generator=generator) < 0.2] = 0
    return scores, power


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_each_mask_keeps_its_share(seed: int) -> None:
    scores, power = case(seed)
    masks = retention_masks(scores, power, SHARES)
    kept = (masks.square() * power).sum(dim=(1, 2)) / power.sum()
    torch.testing.assert_close(kept, torch.tensor(SHARES), atol=1e-5, rtol=0)
    assert masks.min() >= 0 and masks.max() <= 1


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_larger_shares_keep_all_that_smaller_ones_do(seed: int) -> None:
    masks = retention_masks(*case(seed), SHARES)
    assert (masks.diff(dim=0) >= 0).all()


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_only_the_order_of_scores_counts(seed: int) -> None:
    scores, power = case(seed)
    masks = retention_masks(scores, power, SHARES)
    again = retention_masks(torch.exp(3 * scores) - 7, power, SHARES)
    assert torch.equal(masks, again)


def test_nothing_is_kept_before_what_scores_higher() -> None:
    scores, power = case(3)
    mask = retention_masks(scores, power + 0.1, [0.4])[0]
    lowest = scores[mask > 0].min()
    assert (mask[scores > lowest] == 1).all()


def test_equal_scores_follow_at_random_but_reproducibly() -> None:
    power = torch.ones(20, 30)
    one, same = (retention_masks(0 * power, power, [0.3]) for _ in range(2))
    other = retention_masks(0 * power, power, [0.3], seed=1)
    assert torch.equal(one, same) and not torch.equal(one, other)
    # Spread over all frames, not taken from the first ones.
    assert (one[0].sum(dim=1) > 0).all()


def test_silence_and_wrong_shares_are_refused() -> None:
    scores, power = case(0)
    with pytest.raises(ValueError, match="energy"):
        retention_masks(scores, 0 * power, [0.5])
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        retention_masks(scores, power, [1.5])
