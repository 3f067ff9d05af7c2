"""Gauss-Seidel sweeps over the rows of a matrix: the kernel of HALS."""

from typing import Callable

import torch

GROUP = 16  # rows whose pull on each other is followed row by row

Projection = Callable[[torch.Tensor, torch.Tensor], object]


@torch.no_grad()
def sweep_rows(
    targets: torch.Tensor,
    couplings: torch.Tensor,
    rows: torch.Tensor,
    project: Projection,
    n_sweeps: int = 1,
) -> torch.Tensor:
    """Move each row to the projection of ``target_k - couplings_k @ rows``.

    Rows are moved one after the other, each seeing the newest values of all
    others. The product with the rows of other groups does not change within a
    group, so it is one matrix product (level-3 BLAS); only the group's own
    rows, few enough to stay in the cache, are gone through one by one.

    Arguments
    ---------
    targets : torch.Tensor [shape=(K, N)]
        Where each row would go if the others were zero.
    couplings : torch.Tensor [shape=(K, K)]
        Weight of row j in row k; the diagonal is taken as zero.
    rows : torch.Tensor [shape=(K, N)]
        Start, changed in place.
    project : Callable[[torch.Tensor, torch.Tensor], object]
        Called with the value [N], which it may spoil, and the row [N] to
        write its projection to.
    n_sweeps : int
        Passes over all rows.

    Returns
    -------
    torch.Tensor [shape=(K, N)]
        The same tensor as ``rows``.

    Example
    -------
    >>> positive = lambda value, row: torch.clamp(value, min=0, out=row)
    >>> couplings = torch.tensor([[0.0, 0.5], [0.5, 0.0]])
    >>> start = torch.zeros(2, 1)
    >>> sweep_rows(torch.tensor([[2.0], [3.0]]), couplings, start, positive)
    tensor([[2.],
            [2.]])
    """
    couplings = couplings.clone().fill_diagonal_(0.0)
    value = torch.empty_like(rows[0])
    pulled = torch.empty_like(targets[:GROUP])
    groups = []
    for start in range(0, len(rows), GROUP):
        group = slice(start, start + GROUP)
        within = couplings[group, group].clone()
        couplings[group, group] = 0.0
        groups.append(
            (targets[group], couplings[group], within.unbind(), rows[group])
        )
    for _ in range(n_sweeps):
        for target, outside, inside, members in groups:
            pull = torch.addmm(
                target, outside, rows, alpha=-1, out=pulled[: len(members)]
            )
            for base, weights, row in zip(pull, inside, members):
                torch.addmv(base, members.T, weights, alpha=-1, out=value)
                project(value, row)
    return rows
