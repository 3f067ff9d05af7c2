"""Full precision and an ordinary range, whatever the caller works in."""

import functools
import math
from contextlib import ExitStack
from typing import Callable, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")

# Sums of squares over millions of frames stay far from both ends of float32.
SMALLEST_ORDINARY = 2.0**-10
LARGEST_ORDINARY = 2.0**20


def full_precision(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function work in the type of its tensors, inside autocast too.

    Autocast rounds each product to 8 or 11 bits. That suits the layers of a
    network; a descent that compares objectives stops early for it.

    Arguments
    ---------
    function : callable
        Computes with tensors.

    Returns
    -------
    callable
        The same, in which autocast is switched off.

    Example
    -------
    >>> product = full_precision(torch.matmul)
    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     product(torch.eye(2), torch.eye(2)).dtype
    torch.float32
    """

    @functools.wraps(function)
    def precise(*args: P.args, **kwargs: P.kwargs) -> R:
        with ExitStack() as stack:
            for device in ("cpu", "cuda"):
                if torch.is_autocast_enabled(device):
                    stack.enter_context(torch.autocast(device, enabled=False))
            return function(*args, **kwargs)

    return precise


def working_scale(largest: torch.Tensor) -> float:
    """What to divide frames by before working on them.

    Arguments
    ---------
    largest : torch.Tensor [shape=()]
        Their largest value, finite and >= 0.

    Returns
    -------
    float
        1 where the largest value is ordinary, as those of log-power spectra
        are, or zero; else a power of two, which divides without rounding.

    Example
    -------
    >>> working_scale(torch.tensor(20.0))
    1.0
    >>> working_scale(torch.tensor(3e9)) == 2.0**32
    True
    """
    if SMALLEST_ORDINARY <= largest.item() <= LARGEST_ORDINARY:
        return 1.0
    return powers_of_two(largest).item()


def powers_of_two(values: torch.Tensor) -> torch.Tensor:
    """The power of two just above each value, as far as it has an inverse.

    Arguments
    ---------
    values : torch.Tensor
        Finite and >= 0.

    Returns
    -------
    torch.Tensor
        Of the same shape and type; 1 for zero.

    Example
    -------
    >>> powers_of_two(torch.tensor([5.0, 0.2, 0.0]))
    tensor([8.0000, 0.2500, 1.0000])
    """
    most = math.frexp(torch.finfo(values.dtype).max)[1] - 8
    exponents = torch.frexp(values).exponent.clamp(-most, most)
    return torch.ldexp(torch.ones_like(values), exponents)
