"""Measures of faithfulness: solved by hand, and what must always hold."""

import math

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.evaluation.faithfulness import (
    area_weights,
    average_drop,
    average_gain,
    average_increase,
    complexity,
    faithfulness,
    input_fidelity,
    sparseness,
)

P = torch.tensor([0.8, 0.5, 0.4])
Q = torch.tensor([0.6, 0.75, 0.4])


def test_measures_solved_by_hand() -> None:
    assert average_increase(P, Q).tolist() == [0, 100, 0]
    torch.testing.assert_close(average_drop(P, Q), torch.tensor([25.0, 0, 0]))
    torch.testing.assert_close(average_gain(P, Q), torch.tensor([0.0, 50, 0]))
    torch.testing.assert_close(
        faithfulness(P, Q), torch.tensor([0.2, -0.25, 0])
    )
    assert input_fidelity(Q, 0.6).tolist() == [1, 1, 0]


def test_a_drop_of_half_reads_fifty_percent() -> None:
    """A softmax over probabilities would make it 35.7 of 63.2."""
    p = torch.tensor([1.0, 1.0])
    assert average_drop(p, torch.tensor([0.5, 0.0])).tolist() == [50, 100]


def test_what_resynthesis_rounds_is_no_increase() -> None:
    assert average_increase(P, P + 1e-6).tolist() == [0, 0, 0]


probabilities = st.lists(st.floats(0, 1, width=32), min_size=2, max_size=2).map(
    torch.tensor
)


@given(values=probabilities)
@settings(max_examples=60, deadline=None)
def test_measures_stay_in_their_ranges(values: torch.Tensor) -> None:
    p, q = values
    assert 0 <= average_drop(p, q) <= 100.001
    assert 0 <= average_gain(p, q) <= 100.001
    assert -1 <= faithfulness(p, q) <= 1
    assert average_drop(p, q) == 0 or average_gain(p, q) == 0


def test_sparseness_and_complexity_of_known_frames() -> None:
    frames = torch.zeros(3, 8)
    frames[0] = 2.0
    frames[1, 3] = 5.0
    gini, entropy = sparseness(frames), complexity(frames)
    assert gini[:2].tolist() == pytest.approx([0.0, 1 - 1 / 8], abs=1e-6)
    assert entropy[:2].tolist() == pytest.approx([math.log(8), 0.0], abs=1e-6)
    assert gini[2].isnan() and entropy[2].isnan()


@given(seed=st.integers(0, 10**6), scale=st.floats(0.01, 100))
@settings(max_examples=30, deadline=None)
def test_size_and_order_of_bins_do_not_matter(seed: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    frames = torch.rand(4, 9, generator=generator)
    changed = scale * frames[:, torch.randperm(9, generator=generator)]
    torch.testing.assert_close(sparseness(changed), sparseness(frames))
    torch.testing.assert_close(complexity(changed), complexity(frames))


def test_sparseness_is_half_the_mean_difference_over_the_mean() -> None:
    """The definition of Gini's index, pair by pair."""
    x = torch.rand(7, dtype=torch.float64)
    pairs = (x[:, None] - x).abs().mean()
    expected = (pairs / (2 * x.mean())).item()
    assert sparseness(x[None]).item() == pytest.approx(expected)


def test_areas_of_known_curves() -> None:
    weights = area_weights([0.0, 0.1, 0.4, 1.0])
    x = torch.tensor([0.0, 0.1, 0.4, 1.0], dtype=torch.float64)
    assert weights.sum().item() == pytest.approx(1.0)
    assert (weights @ x).item() == pytest.approx(0.5)


@pytest.mark.parametrize("shares", [[0.0], [0.1, 1.0], [0, 0.5, 0.5, 1]])
def test_curves_run_from_nothing_to_all(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        area_weights(shares)
