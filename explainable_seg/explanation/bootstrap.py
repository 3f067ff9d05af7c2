"""Bootstrap intervals of means that are kept as sums (Efron, 1979).

The unit that is drawn is a recording: frames of one recording are too much
alike to count as independent.
"""

import torch

LEVEL = 0.95
DRAWS = 2000


def resample(
    sums: torch.Tensor,
    counts: torch.Tensor,
    draws: int = DRAWS,
    seed: int = 0,
) -> torch.Tensor:
    """Means of data sets whose recordings are drawn with replacement.

    The same seed draws the same recordings, so differences of two results are
    paired.

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

    Example
    -------
    >>> sums, counts = torch.tensor([2.0, 2.0]), torch.tensor([1, 1])
    >>> resample(sums, counts, draws=3).tolist()
    [2.0, 2.0, 2.0]
    """
    generator = torch.Generator().manual_seed(seed)
    n = len(sums)
    drawn = torch.randint(n, (draws, n), generator=generator)
    times = torch.nn.functional.one_hot(drawn, n).sum(dim=1).double()
    return torch.tensordot(times, sums.double(), dims=1) / torch.tensordot(
        times, counts.double(), dims=1
    )


def interval(
    values: torch.Tensor, level: float = LEVEL
) -> tuple[torch.Tensor, torch.Tensor]:
    """Percentile interval over the first axis.

    Arguments
    ---------
    values : torch.Tensor [shape=(B, ...)]
        From :func:`resample`; NaN is left out.
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
    ends = values.new_tensor([tail, 1 - tail])
    low, high = values.nanquantile(ends, dim=0)
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
    return interval(resample(sums, counts, seed=seed))


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
    return interval(resample(ours - theirs, counts, seed=seed))
