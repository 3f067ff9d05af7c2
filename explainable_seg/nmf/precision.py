"""Full precision, whatever the context asks for."""

from contextlib import AbstractContextManager, nullcontext

import torch


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Context in which nothing is cast to a lower precision.

    Arguments
    ---------
    device : torch.device
        Where the tensors are. One that has no lower precision, as ``meta``,
        has no context either to leave it.

    Returns
    -------
    context manager

    Example
    -------
    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     with full_precision(torch.device("cpu")):
    ...         (torch.ones(1, 1) @ torch.ones(1, 1)).dtype
    torch.float32
    """
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()
