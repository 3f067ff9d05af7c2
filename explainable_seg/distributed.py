"""Sums over the processes of a distributed run; of one process, itself."""

import torch
import torch.distributed as dist


def is_distributed() -> bool:
    """Whether several processes share the work."""
    return (
        dist.is_available()
        and dist.is_initialized()
        and dist.get_world_size() > 1
    )


def rank_and_size() -> tuple[int, int]:
    """Number of this process, and how many there are.

    Example
    -------
    >>> rank_and_size()
    (0, 1)
    """
    if is_distributed():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def sum_over_ranks(*tensors: torch.Tensor) -> None:
    """Replace tensors of one type, in place, by their sums over processes.

    Arguments
    ---------
    *tensors : torch.Tensor
        Of the same shapes on each process; one message carries all.
    """
    if not is_distributed():
        return
    message = torch.cat([tensor.flatten() for tensor in tensors])
    if dist.get_backend() == "nccl":  # which carries tensors of GPUs only
        message = message.cuda()
    dist.all_reduce(message)
    parts = message.split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts):
        tensor.copy_(part.view_as(tensor))


def largest_over_ranks(X: torch.Tensor) -> torch.Tensor:
    """The largest value that any process has; 0 if there is none above.

    Arguments
    ---------
    X : torch.Tensor
        Of this process; it may be empty.

    Returns
    -------
    torch.Tensor [shape=()]

    Example
    -------
    >>> largest_over_ranks(torch.tensor([1.0, 3.0]))
    tensor(3.)
    """
    largest = X.amax() if X.numel() > 0 else X.new_zeros(())
    return gather_over_ranks(largest).amax().clamp(min=0)


def gather_over_ranks(tensor: torch.Tensor) -> torch.Tensor:
    """Tensors of all processes under each other, in the order of ranks.

    Arguments
    ---------
    tensor : torch.Tensor [shape=(...)]
        Of the same shape on each process.

    Returns
    -------
    torch.Tensor [shape=(n_processes, ...)]

    Example
    -------
    >>> gather_over_ranks(torch.tensor(3))
    tensor([3])
    """
    rank, size = rank_and_size()
    gathered = tensor.new_zeros(size, *tensor.shape)
    gathered[rank] = tensor
    sum_over_ranks(gathered)
    return gathered


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
