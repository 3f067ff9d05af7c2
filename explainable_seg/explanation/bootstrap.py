"""Bootstrap intervals of means that are kept as sums (Efron, 1979).

The unit that is drawn is a recording: frames of one recording are too much
alike to count as independent.
"""

import torch

LEVEL = 0.95
DRAWS = 2000
AT_ONCE = 1 << 22  # numbers that are held beside the means


def bootstrap_means(
    sums: torch.Tensor,
    counts: torch.Tensor,
    draws: int = DRAWS,
    seed: int = 0,
) -> torch.Tensor:
    """Means of data sets whose recordings are drawn with replacement.

    The same seed draws the same recordings, so differences of two results are
    paired. Memory beyond the means does not depend on the number of
    recordings, as long as the draws of one data set are few millions.

    Arguments
    ---------
    sums : torch.Tensor [shape=(R, ...)]
        Sum of each recording.
    counts : torch.Tensor [shape=(R, ...)]
        What it is a sum of.
    draws : int
        Number of data sets B.
    seed : int
        Of the draws.

    Returns
    -------
    torch.Tensor [shape=(B, ...), dtype=float64]
        NaN where the recordings drawn count nothing.

    Raises
    ------
    ValueError
        If there is no recording, or the two are not of the same ones.

    Example
    -------
    >>> sums, counts = torch.tensor([2.0, 2.0]), torch.tensor([1, 1])
    >>> bootstrap_means(sums, counts, draws=3).tolist()
    [2.0, 2.0, 2.0]
    """
    n = len(sums)
    if n == 0 or len(counts) != n:
        raise ValueError(
            "expected `sums` and `counts` of the same recordings, one or "
            f"more, got {n} and {len(counts)}"
        )
    generator = torch.Generator().manual_seed(seed)
    sums, counts = sums.double(), counts.double()
    means = []
    rows = max(1, AT_ONCE // n)
    for first in range(0, draws, rows):
        shape = (min(rows, draws - first), n)
        drawn = torch.randint(n, shape, generator=generator)
        ones = torch.ones_like(drawn, dtype=torch.float64)
        times = torch.zeros_like(ones).scatter_add_(1, drawn, ones)
        means.append(
            torch.tensordot(times, sums, dims=1)
            / torch.tensordot(times, counts, dims=1)
        )
    return torch.cat(means)


def interval(
    values: torch.Tensor, level: float = LEVEL
) -> tuple[torch.Tensor, torch.Tensor]:
    """Percentile interval over the first axis.

    Arguments
    ---------
    values : torch.Tensor [shape=(B, ...)]
        From :func:`bootstrap_means`; NaN is left out.
    level : float
        Share of the values inside.

    Returns
    -------
    tuple[torch.Tensor, torch.Tensor] [shape=(...)]
        Lower and upper end; NaN where there is no value.

    Example
    -------
    >>> low, high = interval(torch.arange(101.0), level=0.9)
    >>> round(low.item(), 6), round(high.item(), 6)
    (5.0, 95.0)
    """
    values = values.double()
    tail = (1 - level) / 2
    ranks = values.new_tensor([tail, 1 - tail])
    columns = values.reshape(len(values), -1)
    # A quantile takes 16 million values at most.
    width = max(1, AT_ONCE // len(values))
    ends = [c.nanquantile(ranks, dim=0) for c in columns.split(width, dim=1)]
    low, high = torch.cat(ends, dim=1).reshape(2, *values.shape[1:])
    return low, high


def mean_interval(
    sums: torch.Tensor, counts: torch.Tensor, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Interval of a mean over recordings.

    Arguments
    ---------
    sums : torch.Tensor [shape=(R, ...)]
        Sum of each recording.
    counts : torch.Tensor [shape=(R, ...)]
        What it is a sum of.
    seed : int
        Of the draws.

    Returns
    -------
    tuple[torch.Tensor, torch.Tensor] [shape=(...)]
        Lower and upper end.
    """
    return interval(bootstrap_means(sums, counts, seed=seed))


def difference_interval(
    ours: torch.Tensor,
    theirs: torch.Tensor,
    counts: torch.Tensor,
    seed: int = 0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Interval of the difference of two means over the same recordings.

    Arguments
    ---------
    ours : torch.Tensor [shape=(R, ...)]
        Sum of each recording.
    theirs : torch.Tensor [shape=(R, ...)]
        Sum of each recording, what is compared with.
    counts : torch.Tensor [shape=(R, ...)]
        What both are sums of.
    seed : int
        Of the draws.

    Returns
    -------
    tuple[torch.Tensor, torch.Tensor] [shape=(...)]
        Both above zero: ours is more; both below: less; else it cannot be
        told.
    """
    return interval(bootstrap_means(ours - theirs, counts, seed=seed))
