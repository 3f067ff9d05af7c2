"""Full precision and an ordinary range, whatever the caller works in."""

import functools
import math
import warnings
from contextlib import ExitStack
from typing import Callable, ParamSpec, TypeVar

import torch

from explainable_seg.distributed import is_distributed

UNIT = 1e-3  # by how much the norm of an atom may differ from one


def as_frames(X: object, name: str = "X") -> torch.Tensor:
    """Frames as a tensor, in the memory that they are in where that can be.

    Arguments
    ---------
    X : torch.Tensor or array_like [shape=(T, F)]
        Of float32 or float64: a tensor, an array or nested lists.
    name : str
        How to call it in an error.

    Returns
    -------
    torch.Tensor [shape=(T, F)]

    Raises
    ------
    ValueError
        If X is of another kind, sparse, masked, or of another type.

    Example
    -------
    >>> as_frames([[1.0, 2.0]])
    tensor([[1., 2.]])
    """
    kind = f"{type(X).__module__}.{type(X).__qualname__}"
    if kind.startswith(("scipy.sparse", "numpy.ma")):
        raise ValueError(
            f"expected `{name}` dense and complete, got {kind}; make it an array "
            "by its method `toarray` or `filled`"
        )
    if not isinstance(X, torch.Tensor):
        X = _as_tensor(X, kind, name)
    if X.layout != torch.strided:
        raise ValueError(
            f"expected `{name}` dense, got a tensor of layout {X.layout}; "
            "pass its to_dense()"
        )
    if X.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"expected `{name}` float32 or float64, got {X.dtype}; "
            "convert it first"
        )
    return X


def _as_tensor(X: object, kind: str, name: str) -> torch.Tensor:
    """A tensor of an array, a table of numbers or nested lists."""
    try:
        if hasattr(X, "__array__"):
            X = X.__array__()
        with warnings.catch_warnings():
            # Frames are read only, as an array on a disk may be.
            warnings.filterwarnings("ignore", ".*not writable")
            return torch.as_tensor(X)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"expected `{name}` a tensor, an array or lists of float32 or "
            f"float64, got {kind}: {reason}"
        ) from error


def check_frames(X: torch.Tensor) -> None:
    """Refuse what the factorisation is not defined for.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames.

    Raises
    ------
    ValueError
        If X is no matrix, has negative or non-finite values, or no frames,
        unless other processes may have some.
    """
    if X.ndim != 2 or X.shape[1] == 0:
        raise ValueError(f"expected `X` [T, F], F > 0, got {tuple(X.shape)}")
    if len(X) == 0:
        # Where a batch is shared out, there may be none left for a process.
        if is_distributed():
            return
        raise ValueError("expected `X` [T, F] with T > 0, got no frames")
    # A NaN is the smallest and the largest value of all.
    smallest, largest = torch.aminmax(X)
    if not (smallest >= 0 and largest < float("inf")):
        raise ValueError(
            "expected `X` finite and >= 0, got values from "
            f"{smallest.item()} to {largest.item()}"
        )


def check_bins(X: torch.Tensor, W: torch.Tensor) -> None:
    """Refuse frames of another length than the atoms'.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames.
    W : torch.Tensor [shape=(F, K)]
        Atoms.

    Raises
    ------
    ValueError
        If the numbers of bins F differ.
    """
    if X.ndim != 2 or X.shape[1] != len(W):
        raise ValueError(
            f"expected `X` of {len(W)} bins, got shape {tuple(X.shape)}"
        )


def check_start(H0: torch.Tensor, shape: torch.Size) -> None:
    """Refuse activations that no descent can start from.

    Arguments
    ---------
    H0 : torch.Tensor [shape=(T, K)]
        Activations.
    shape : torch.Size
        T and K.

    Raises
    ------
    ValueError
        If they have another shape, or negative or non-finite values.
    """
    if H0.shape != shape:
        raise ValueError(
            f"expected `H0` of shape {tuple(shape)}, got {tuple(H0.shape)}"
        )
    if not bool(((H0 >= 0) & H0.isfinite()).all()):
        raise ValueError("expected `H0` finite and >= 0, got other values")


def check_atoms(W: torch.Tensor) -> None:
    """Raise if a fit has left atoms that are none.

    Arguments
    ---------
    W : torch.Tensor [shape=(F, K)]
        Atoms.

    Raises
    ------
    FloatingPointError
        If the norm of an atom is not one, as that of a zero or a NaN.
    """
    off = ~((W.norm(dim=0) - 1.0).abs() <= UNIT)
    if bool(off.any()):
        raise FloatingPointError(
            f"expected atoms of unit norm, got {int(off.sum())} of {len(off)} "
            "that are zero or not finite; use float64, or less extreme frames"
        )


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
