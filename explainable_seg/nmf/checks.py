"""What frames have to be."""

import torch

from explainable_seg.nmf.distributed import is_distributed


def check_frames(X: torch.Tensor) -> None:
    """Refuse what the factorisation is not defined for.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames.

    Raises
    ------
    ValueError
        If X is no matrix of float32 or float64, has negative or non-finite
        values, or no frames, unless other processes may have some.
    """
    if X.ndim != 2 or X.shape[1] == 0:
        raise ValueError(f"expected `X` [T, F], F > 0, got {tuple(X.shape)}")
    if X.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"expected `X` float32 or float64, got {X.dtype}")
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
