"""What prototypes say of a representation: is it compact, is it modular?

The properties asked of H in arXiv 2406.13385, measured on relevances.
"""

import torch

from explainable_seg.explanation.selection import select_share
from explainable_seg.nmf.numerics import full_precision

CARRIED = 0.9  # share of the positive relevance


def compactness(p: torch.Tensor, share: float = CARRIED) -> int | None:
    """How few atoms carry a class.

    Arguments
    ---------
    p : torch.Tensor [shape=(K,)]
        Its prototype.
    share : float
        Of the positive relevance.

    Returns
    -------
    int or None
        None where no atom speaks for the class.

    Example
    -------
    >>> compactness(torch.tensor([5.0, 4.0, 0.5, 0.5, -9.0]))
    2
    """
    return int(select_share(p, share).sum()) or None


def modularity(prototypes: torch.Tensor) -> torch.Tensor:
    """How close each atom is to serving one class alone.

    ``1 - sum_{c != best} t_c^2 / (t_best^2 (C - 1))`` (Ridgeway and Mozer,
    2018, arXiv 1802.05312, equation 2), with t the positive relevances in
    place of mutual information.

    Arguments
    ---------
    prototypes : torch.Tensor [shape=(C, K)]
        Prototypes of at least two classes.

    Returns
    -------
    torch.Tensor [shape=(K,)]
        1 for an atom of one class, 0 for one that serves all alike; NaN for
        one that speaks for none.

    Example
    -------
    >>> modularity(torch.tensor([[2.0, 1.0, 0.0], [-1.0, 1.0, 0.0]]))
    tensor([1., 0., nan])
    """
    squares = prototypes.clamp(min=0).square()
    best = squares.amax(dim=0)
    others = squares.sum(dim=0) - best
    return 1 - others / (best * (len(prototypes) - 1))


@full_precision
def similarity(prototypes: torch.Tensor) -> torch.Tensor:
    """Cosine of the angle between the prototypes of each two classes.

    Arguments
    ---------
    prototypes : torch.Tensor [shape=(C, K)]
        Prototypes.

    Returns
    -------
    torch.Tensor [shape=(C, C)]
        1 for the same mix of atoms, -1 for the opposite; NaN for a prototype
        that is zero.

    Example
    -------
    >>> similarity(torch.tensor([[1.0, 0.0], [3.0, 4.0]]))[0].tolist()
    [1.0, 0.6000000238418579]
    """
    norms = prototypes.norm(dim=1)
    return (prototypes @ prototypes.T) / torch.outer(norms, norms)
