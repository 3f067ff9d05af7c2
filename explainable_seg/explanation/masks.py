"""The part of each time-frequency point that selected atoms account for."""

import torch

EPSILON = 1e-10


def class_mask(
    H: torch.Tensor,
    W: torch.Tensor,
    selected: torch.Tensor,
    eps: float = EPSILON,
) -> torch.Tensor:
    """Soft mask of the selected atoms among all atoms.

    ``M = (W_sel H_sel) / (W H + eps)``, the ratio mask of L2I
    (arXiv 2202.11479). Mask-in is M, mask-out ``1 - M``. Where no atom is
    active the mask is zero.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Non-negative activations.
    W : torch.Tensor [shape=(F, K)]
        Non-negative dictionary.
    selected : torch.Tensor [shape=(K,), dtype=bool]
        Atoms to keep.
    eps : float
        Keeps silence from dividing by zero.

    Returns
    -------
    torch.Tensor [shape=(T, F)]
        Values in [0, 1].

    Example
    -------
    >>> H = torch.tensor([[3.0, 1.0]])
    >>> W = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    >>> class_mask(H, W, torch.tensor([True, False])).tolist()
    [[0.75, 0.0]]
    """
    kept = H[:, selected] @ W[:, selected].T
    # Two products round differently, so the ratio may pass 1 by a rounding.
    return (kept / (H @ W.T + eps)).clamp(max=1.0)
