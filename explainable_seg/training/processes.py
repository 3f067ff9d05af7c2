"""Losses of several processes that equal the loss of one."""

import torch

from explainable_seg.nmf.distributed import is_distributed, sum_over_ranks


def total(values: torch.Tensor) -> torch.Tensor:
    """Sum over the processes, with a gradient; of one process, itself.

    A loss made of such sums is the loss of the whole batch on each process,
    and what ``DistributedDataParallel`` then averages is its gradient: a mean
    over known frames stays one, however these are spread over processes.
    Without gradients, as in validation, where processes may have different
    numbers of batches, each process keeps its own.

    Arguments
    ---------
    values : torch.Tensor
        Sums over the frames of this process.

    Returns
    -------
    torch.Tensor
        Of the same shape.

    Example
    -------
    >>> total(torch.tensor(2.0))
    tensor(2.)
    """
    if not (is_distributed() and torch.is_grad_enabled()):
        return values
    # Imported on use: one process needs none of it.
    from torch.distributed.nn.functional import all_reduce

    return all_reduce(values)


def mean_over_ranks(value: float, count: int) -> float:
    """Mean of all processes, each of which has the mean of ``count`` values.

    Arguments
    ---------
    value : float
        Mean of this process.
    count : int
        Of how many values it is the mean.

    Returns
    -------
    float

    Example
    -------
    >>> mean_over_ranks(0.5, 3)
    0.5
    """
    sums = torch.tensor([value * count, count], dtype=torch.float64)
    sum_over_ranks(sums)
    return float(sums[0] / sums[1])
