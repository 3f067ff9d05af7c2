"""Which atoms to show: by a threshold, by a share of the evidence, or by rank.

The threshold of the paper is :func:`.relevance.select_atoms`. Every mode takes
relevances [K] and gives a mask [K], so any of them can be handed to
:func:`.explanation.explain_class` (with ``functools.partial`` for another
setting).
"""

from collections.abc import Callable

import torch

Selector = Callable[[torch.Tensor], torch.Tensor]
"""Maps relevances [K] to a mask [K] of the atoms to keep."""


def select_share(r: torch.Tensor, share: float = 0.9) -> torch.Tensor:
    """Fewest atoms that carry a share of the positive relevance.

    Arguments
    ---------
    r : torch.Tensor [shape=(K,)]
        Relevances.
    share : float
        In (0, 1].

    Returns
    -------
    torch.Tensor [shape=(K,), dtype=bool]
        None selected where no atom speaks for the class.

    Raises
    ------
    ValueError
        If the share is outside (0, 1].

    Example
    -------
    >>> select_share(torch.tensor([1.0, 6.0, 3.0, -2.0]), 0.9).tolist()
    [False, True, True, False]
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(f"expected `share` in (0, 1], got {share}")
    positive = r.double().clamp(min=0)
    ranked, order = positive.sort(descending=True)
    carried = ranked.cumsum(0)
    # A rounding must not ask for one atom more than the share does.
    enough = share * carried[-1] * (1 - 1e-9)
    needed = (carried - ranked < enough) & (ranked > 0)
    selected = torch.zeros_like(r, dtype=torch.bool)
    selected[order[needed]] = True
    return selected


def select_top(r: torch.Tensor, n: int = 5) -> torch.Tensor:
    """The n atoms that speak loudest for the class.

    Arguments
    ---------
    r : torch.Tensor [shape=(K,)]
        Relevances.
    n : int
        At least 1; fewer are selected where fewer speak for the class.

    Returns
    -------
    torch.Tensor [shape=(K,), dtype=bool]

    Raises
    ------
    ValueError
        If n is below 1.

    Example
    -------
    >>> select_top(torch.tensor([1.0, 6.0, 3.0, -2.0]), 2).tolist()
    [False, True, True, False]
    """
    if n < 1:
        raise ValueError(f"expected `n` >= 1, got {n}")
    selected = torch.zeros_like(r, dtype=torch.bool)
    selected[r.topk(min(n, len(r))).indices] = True
    return selected & (r > 0)


def select_against(r: torch.Tensor, n: int = 5) -> torch.Tensor:
    """Why not: the n atoms that speak loudest against the class.

    Arguments
    ---------
    r : torch.Tensor [shape=(K,)]
        Relevances.
    n : int
        At least 1; fewer are selected where fewer speak against the class.

    Returns
    -------
    torch.Tensor [shape=(K,), dtype=bool]

    Example
    -------
    >>> select_against(torch.tensor([1.0, -6.0, 3.0, -2.0]), 1).tolist()
    [False, True, False, False]
    """
    return select_top(-r, n)
