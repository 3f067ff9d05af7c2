"""Activations of frames for a fixed dictionary: non-negative sparse coding.

For every frame x of X on its own, ``0.5 ||x - W h||^2 + mu ||h||_1`` is
minimised subject to ``h >= 0``, a convex problem. The products ``C = W' X'``
and ``G = W' W`` are all that is needed, so the cost of a sweep does not depend
on the number of frequency bins.
"""

from typing import Callable, Iterator, Optional

import torch

from explainable_seg.nmf.numerics import (
    check_start,
    full_precision,
    powers_of_two,
)

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


# Frames worked on at once: their activations stay in the cache of a CPU core,
# and keep a GPU busy.
CPU_FRAMES = 4096
CUDA_FRAMES = 1 << 17


def frame_blocks(X: torch.Tensor) -> Iterator[slice]:
    """Slices of frames that suit the device of X.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames.

    Yields
    ------
    slice

    Example
    -------
    >>> list(frame_blocks(torch.zeros(5000, 1)))
    [slice(0, 4096, None), slice(4096, 5000, None)]
    """
    size = CUDA_FRAMES if X.is_cuda else CPU_FRAMES
    for start in range(0, len(X), size):
        yield slice(start, min(start + size, len(X)))


@full_precision
def objective(
    X: torch.Tensor, W: torch.Tensor, H: torch.Tensor, mu: float
) -> torch.Tensor:
    """Value of ``0.5 ||X - H W'||_F^2 + mu ||H||_1``, summed in float64.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Non-negative frames.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    H : torch.Tensor [shape=(T, K)]
        Activations.
    mu : float
        Weight of the sparsity term.

    Returns
    -------
    torch.Tensor [shape=(), dtype=float64]

    Example
    -------
    >>> X, W, H = torch.ones(1, 2), torch.eye(2), torch.zeros(1, 2)
    >>> objective(X, W, H, mu=1.0).item()
    1.0
    """
    value = mu * H.sum(dtype=torch.float64)
    for block in frame_blocks(X):
        residual = X[block] - H[block] @ W.T
        value = value + 0.5 * residual.square().sum(dtype=torch.float64)
    return value


@torch.no_grad()
@full_precision
def coordinate_code(
    C: torch.Tensor,
    G: torch.Tensor,
    H: torch.Tensor,
    mu: float | torch.Tensor,
    n_sweeps: int = 1,
) -> torch.Tensor:
    """Improve H by sweeps of exact coordinate minimisation (HALS).

    The minimiser over activation k, the others fixed, is ``max(0, c_k -
    sum_{j != k} G_kj h_j - mu) / G_kk`` (Cichocki and Phan, "Fast local
    algorithms for large scale nonnegative matrix and tensor factorizations",
    2009), so the objective never rises. An atom of zero norm gets zero
    activations. No gradients flow through.

    Arguments
    ---------
    C : torch.Tensor [shape=(K, T)]
        Products of atoms and frames, ``W' X'``.
    G : torch.Tensor [shape=(K, K)]
        Gram matrix ``W' W``.
    H : torch.Tensor [shape=(K, T)]
        Start, atoms first; changed in place.
    mu : float or torch.Tensor [shape=(T,)]
        Weight of the sparsity term, of each frame where there are several.
    n_sweeps : int
        Passes over all atoms.

    Returns
    -------
    torch.Tensor [shape=(K, T)]
        The same tensor as ``H``.
    """
    return _swept(C, G, H, mu, n_sweeps)


def _swept(
    C: torch.Tensor,
    G: torch.Tensor,
    H: torch.Tensor,
    mu: float | torch.Tensor,
    n_sweeps: int,
) -> torch.Tensor:
    """As :func:`coordinate_code`, in whatever precision the caller works."""
    norms = G.diagonal().unsqueeze(1)
    scale = torch.where(norms > 0, 1.0 / norms, 0.0)
    return sweep_rows((C - mu) * scale, G * scale, H, _positive, n_sweeps)


def _positive(value: torch.Tensor, row: torch.Tensor) -> None:
    """Write the positive part of ``value`` to ``row``."""
    torch.clamp(value, min=0.0, out=row)


@torch.no_grad()
@full_precision
def sparse_code(
    X: torch.Tensor, W: torch.Tensor, mu: float, n_sweeps: int
) -> torch.Tensor:
    """Activations of frames for a dictionary, from nothing, by whole sweeps.

    The number of operations is fixed, as a layer of a network wants it;
    :func:`~explainable_seg.nmf.coding.converged_code` is for the minimiser
    itself. No gradients flow
    through.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Non-negative frames.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    mu : float
        Weight of the sparsity term.
    n_sweeps : int
        Passes over the atoms.

    Returns
    -------
    torch.Tensor [shape=(T, K)]
        Non-negative; those of a frame depend on that frame alone.

    Example
    -------
    >>> sparse_code(torch.tensor([[3.0, 0.5]]), torch.eye(2), 1.0, 1)
    tensor([[2., 0.]])
    """
    atoms = W.T.contiguous()
    G = atoms @ W
    H = X.new_zeros(len(atoms), len(X))
    for block in frame_blocks(X):
        C = atoms @ X[block].T
        _swept(C, G, H[:, block], mu, n_sweeps)
    return H.T


@full_precision
def overshoot(
    X: torch.Tensor, W: torch.Tensor, H: torch.Tensor
) -> torch.Tensor:
    """What of each activation the frame does not support.

    With the other activations as they are, atom k fits the frame best at
    ``h_k - g_k``, where ``g = W'(W h - x)`` is the gradient of the squared
    error. So ``g_k`` is by how much h_k exceeds what it can rebuild. Of two
    atoms that are alike either may carry a sound; only what both claim of it
    is too much.

    Arguments
    ---------
    X : torch.Tensor [shape=(..., F)]
        Non-negative frames.
    W : torch.Tensor [shape=(F, K)]
        Dictionary, unit-norm atoms.
    H : torch.Tensor [shape=(..., K)]
        Non-negative activations.

    Returns
    -------
    torch.Tensor [shape=(..., K)]
        Between 0 and H.

    Example
    -------
    >>> X, W = torch.tensor([[3.0, 0.0]]), torch.eye(2)
    >>> overshoot(X, W, torch.tensor([[4.0, 2.0]]))
    tensor([[1., 2.]])
    """
    gradient = H @ (W.T @ W) - X @ W
    return torch.minimum(gradient.clamp(min=0), H)


START_SHARE = 0.8  # measured: of 0.5 to 0.9, fewest sweeps to a given value
ROUND = 4  # sweeps between two looks at what has converged


@torch.no_grad()
@full_precision
def threshold_start(
    C: torch.Tensor, G: torch.Tensor, mu: float | torch.Tensor
) -> torch.Tensor:
    """Activations from which few sweeps are left to go.

    Each frame starts with the atoms that are almost as like it as the best
    one, all scaled by the one factor that minimises the objective. From
    zeros, a sweep gives each sound to whichever atom comes first, and later
    sweeps have to undo that.

    Arguments
    ---------
    C : torch.Tensor [shape=(K, T)]
        Products of atoms and frames, ``W' X'``.
    G : torch.Tensor [shape=(K, K)]
        Gram matrix ``W' W``.
    mu : float or torch.Tensor [shape=(T,)]
        Weight of the sparsity term, of each frame where there are several.

    Returns
    -------
    torch.Tensor [shape=(K, T)]
        Non-negative; never worse than zeros.

    Example
    -------
    >>> C = torch.tensor([[3.0], [0.5]])
    >>> threshold_start(C, torch.eye(2), mu=1.0).round(decimals=3)
    tensor([[2.],
            [0.]])
    """
    H = (C - START_SHARE * C.amax(dim=0)).clamp_(min=0.0)
    gain = ((C - mu) * H).sum(dim=0)
    power = ((G @ H) * H).sum(dim=0)
    tiny = torch.finfo(C.dtype).tiny
    return H.mul_(gain.div_(power.clamp_(min=tiny)).clamp_(min=0.0))


@torch.no_grad()
@full_precision
def converged_code(
    X: torch.Tensor,
    W: torch.Tensor,
    mu: float,
    max_sweeps: int = 100,
    tol: float = 1e-4,
    H0: Optional[torch.Tensor] = None,
) -> torch.Tensor:
    """Activations of frames for a dictionary, to convergence.

    Memory beyond X and the result does not depend on the number of frames.
    Each frame is brought to ordinary size by a power of two, and ``mu`` with
    it, so that its code is the same in any unit.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Non-negative frames.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    mu : float
        Weight of the sparsity term.
    max_sweeps : int
        Most passes over the atoms.
    tol : float
        A frame is done when a sweep lowers its objective by less than this
        share of it.
    H0 : torch.Tensor, optional [shape=(T, K)]
        Non-negative start; by default :func:`threshold_start`.

    Returns
    -------
    torch.Tensor [shape=(T, K)]
        Non-negative, with exact zeros; those of a frame depend on that frame
        alone.

    Raises
    ------
    ValueError
        If H0 is no start for X and W.

    Example
    -------
    >>> converged_code(torch.tensor([[3.0, 0.5]]), torch.eye(2), mu=1.0)
    tensor([[2., 0.]])
    """
    codes = X.new_empty(len(X), W.shape[1])
    if H0 is not None:
        check_start(H0, codes.shape)
    atoms = W.T.contiguous()
    G = atoms @ W
    for block in frame_blocks(X):
        scales = powers_of_two(X[block].amax(dim=1))
        frames, weights = X[block] / scales[:, None], mu / scales
        C = atoms @ frames.T
        if H0 is None:
            H = threshold_start(C, G, weights)
        else:
            H = (H0[block].to(C).T / scales).contiguous()
        energy = 0.5 * frames.square().sum(dim=1)
        H = _converge(C, G, H, energy, weights, max_sweeps, tol)
        codes[block] = (H * scales).T
    return codes


def _converge(
    C: torch.Tensor,
    G: torch.Tensor,
    H: torch.Tensor,
    energy: torch.Tensor,
    mu: torch.Tensor,
    max_sweeps: int,
    tol: float,
) -> torch.Tensor:
    """Sweep in rounds, each over the frames that the last one still moved."""
    moving = torch.arange(C.shape[1], device=C.device)
    h, before = H, energy + _gram_values(C, G, H, mu)
    for done in range(0, max_sweeps, ROUND):
        n_sweeps = min(ROUND, max_sweeps - done)
        _swept(C, G, h, mu, n_sweeps)
        after = energy + _gram_values(C, G, h, mu)
        if h is not H:
            H[:, moving] = h
        on = (before - after > tol * n_sweeps * after.abs()).nonzero()[:, 0]
        if len(on) == 0:
            break
        moving, energy, before = moving[on], energy[on], after[on]
        mu = mu[on]
        C, h = C[:, on], h[:, on]
    return H


def _gram_values(
    C: torch.Tensor, G: torch.Tensor, H: torch.Tensor, mu: torch.Tensor
) -> torch.Tensor:
    """Objective of each frame [T], less half its energy."""
    return (H * torch.addmm(C - mu, G, H, beta=-1, alpha=0.5)).sum(dim=0)
