"""Bootstrap intervals: known cases, and the coverage that they promise."""

import pytest
import torch

from explainable_seg.explanation import bootstrap
from explainable_seg.explanation.bootstrap import (
    bootstrap_means,
    difference_interval,
    interval,
    mean_interval,
)


def test_recordings_that_agree_leave_no_doubt() -> None:
    counts = torch.tensor([[1.0], [5.0], [3.0]])
    low, high = mean_interval(2 * counts, counts)
    assert low.item() == high.item() == 2.0


def test_a_class_that_no_recording_has_is_not_known() -> None:
    sums = torch.tensor([[1.0, 0.0], [2.0, 0.0]])
    low, high = mean_interval(sums, torch.tensor([[1, 0], [1, 0]]))
    assert not low[0].isnan() and low[1].isnan() and high[1].isnan()


def test_draws_without_the_class_are_left_out() -> None:
    sums, counts = torch.tensor([[6.0], [0.0]]), torch.tensor([[2], [0]])
    draws = bootstrap_means(sums, counts)
    assert draws.isnan().any()
    low, high = interval(draws)
    assert low.item() == high.item() == 3.0


def test_long_recordings_weigh_more() -> None:
    sums = torch.tensor([[10.0], [0.0]])
    draws = bootstrap_means(sums, torch.tensor([[10], [90]]))
    assert draws.unique().tolist() == [0.0, 0.1, 1.0]


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(30, 200, generator=generator)
    low, high = mean_interval(values, torch.ones(30, 200))
    covered = ((low <= 0) & (0 <= high)).double().mean().item()
    assert 0.88 < covered < 0.98


def test_a_paired_difference_is_told_where_single_means_are_not() -> None:
    base = torch.linspace(-5, 5, 12)[:, None]
    ones = torch.ones_like(base)
    ours, theirs = mean_interval(base + 0.2, ones), mean_interval(base, ones)
    assert ours[0] < theirs[1]  # the intervals touch
    low, _ = difference_interval(base + 0.2, base, ones)
    assert low.item() > 0.19


def test_each_draw_is_the_mean_of_the_recordings_that_it_drew() -> None:
    sums, counts = torch.arange(1.0, 5.0), torch.tensor([1.0, 2.0, 3.0, 9.0])
    drawn = torch.randint(4, (6, 4), generator=torch.Generator().manual_seed(3))
    expected = sums[drawn].sum(dim=1) / counts[drawn].sum(dim=1)
    found = bootstrap_means(sums, counts, draws=6, seed=3)
    torch.testing.assert_close(found, expected.double())


def test_draws_do_not_depend_on_how_many_are_made_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sums, counts = torch.rand(7, 3), torch.rand(7, 1)
    expected = bootstrap_means(sums, counts, draws=50)
    ends = interval(expected)
    monkeypatch.setattr(bootstrap, "AT_ONCE", 20)
    torch.testing.assert_close(
        bootstrap_means(sums, counts, draws=50), expected
    )
    monkeypatch.setattr(bootstrap, "AT_ONCE", 101)
    for found, end in zip(interval(expected), ends):
        assert torch.equal(found, end)


def test_archives_and_many_columns_fit_into_memory() -> None:
    # One number for each draw and pair of recordings would be 6 TB.
    sums = torch.ones(20_000, 1)
    assert mean_interval(2 * sums, sums)[0].item() == 2.0
    low, high = interval(torch.ones(2000, 9000))  # 18 million values
    assert low.shape == high.shape == (9000,)
    assert low.unique().tolist() == high.unique().tolist() == [1.0]


@pytest.mark.parametrize("n_sums, n_counts", [(0, 0), (3, 2)])
def test_no_recording_and_others_counts_are_refused(
    n_sums: int, n_counts: int
) -> None:
    with pytest.raises(ValueError, match=f"got {n_sums} and {n_counts}"):
        bootstrap_means(torch.ones(n_sums), torch.ones(n_counts))
