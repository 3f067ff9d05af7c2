"""Activations of frames for a fixed dictionary: non-negative sparse coding.

For every frame x of X on its own, ``0.5 ||x - W h||^2 + mu ||h||_1`` is
minimised subject to ``h >= 0``, a convex problem. The products ``C = W' X'``
and ``G = W' W`` are all that is needed, so the cost of a sweep does not depend
on the number of frequency bins.
"""

from typing import Iterator

import torch

from explainable_seg.nmf.numerics import full_precision
from explainable_seg.nmf.sweeps import sweep_rows

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
    :func:`~explainable_seg.nmf.converged.converged_code` is for the minimiser
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
        coordinate_code(C, G, H[:, block], mu, n_sweeps)
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
