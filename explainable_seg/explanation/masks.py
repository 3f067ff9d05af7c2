"""The part of each time-frequency point that selected atoms account for."""

import torch

from explainable_seg.nmf.numerics import full_precision

EPSILON = 1e-10


@full_precision
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


@full_precision
def class_masks(
    H: torch.Tensor,
    W: torch.Tensor,
    weights: torch.Tensor,
    eps: float = EPSILON,
) -> torch.Tensor:
    """Soft masks of all classes at once, atoms weighted by a class.

    ``M_c = sum_k w_ck h_k W_k / (W h + eps)``: :func:`class_mask` where the
    weights are 0 and 1. Classes may claim the same sound, so the masks need
    not sum to one.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Non-negative activations.
    W : torch.Tensor [shape=(F, K)]
        Non-negative dictionary.
    weights : torch.Tensor [shape=(C, K)]
        Weight of each atom for each class, in [0, 1].
    eps : float
        Keeps silence from dividing by zero.

    Returns
    -------
    torch.Tensor [shape=(C, T, F)]
        Values in [0, 1].

    Example
    -------
    >>> H = torch.tensor([[3.0, 1.0]])
    >>> W = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    >>> class_masks(H, W, torch.tensor([[1.0, 0.0], [0.5, 1.0]])).tolist()
    [[[0.75, 0.0]], [[0.625, 1.0]]]
    """
    kept = torch.einsum("tk,ck,fk->ctf", H, weights.to(H), W)
    return (kept / (H @ W.T + eps)).clamp(max=1.0)


@full_precision
def evidence_map(
    H: torch.Tensor, W: torch.Tensor, theta_c: torch.Tensor
) -> torch.Tensor:
    """Where in time and frequency the evidence for a class lies.

    Each atom spreads what it adds to the logit, where that is positive, over
    the bins in proportion to its spectrum. Loud points rank above faint ones
    of the same atoms, which in a mask, a ratio, they do not.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Non-negative activations.
    W : torch.Tensor [shape=(F, K)]
        Non-negative dictionary.
    theta_c : torch.Tensor [shape=(K,)]
        Row of the classifier for the class.

    Returns
    -------
    torch.Tensor [shape=(T, F)]
        In units of the logit: a frame sums to its positive contributions, but
        for atoms that are zero everywhere.

    Example
    -------
    >>> W = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    >>> evidence_map(torch.ones(1, 2), W, torch.tensor([2.0, -1.0])).tolist()
    [[1.0, 1.0]]
    """
    totals = W.sum(dim=0)
    shapes = torch.where(totals > 0, W / totals, 0.0)
    return (H * theta_c.clamp(min=0)) @ shapes.T
