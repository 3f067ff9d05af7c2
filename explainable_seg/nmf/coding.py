"""Activations of frames for a fixed dictionary: non-negative sparse coding.

For every frame x of X on its own, ``0.5 ||x - W h||^2 + mu ||h||_1`` is
minimised subject to ``h >= 0``, a convex problem. The products ``C = W' X'``
and ``G = W' W`` are all that is needed, so the cost of a sweep does not depend
on the number of frequency bins.
"""

import torch


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
    residual = (X - H @ W.T).double()
    return 0.5 * residual.square().sum() + mu * H.double().sum()


def coordinate_code(
    C: torch.Tensor,
    G: torch.Tensor,
    H: torch.Tensor,
    mu: float,
    n_sweeps: int = 1,
) -> torch.Tensor:
    """Improve H by sweeps of exact coordinate minimisation (HALS).

    With unit-norm atoms, the minimiser over activation k, the others fixed, is
    ``max(0, c_k - sum_{j != k} G_kj h_j - mu)`` (Cichocki and Phan, 2009), so
    the objective never rises. An atom of zero norm keeps zero activations.

    Arguments
    ---------
    C : torch.Tensor [shape=(K, T)]
        Products of atoms and frames, ``W' X'``.
    G : torch.Tensor [shape=(K, K)]
        Gram matrix ``W' W``.
    H : torch.Tensor [shape=(K, T)]
        Start, atoms first; changed in place.
    mu : float
        Weight of the sparsity term.
    n_sweeps : int
        Passes over all atoms.

    Returns
    -------
    torch.Tensor [shape=(K, T)]
        The same tensor as ``H``.
    """
    norms = torch.diagonal(G).tolist()
    for _ in range(n_sweeps):
        for k, norm in enumerate(norms):
            if norm == 0.0:
                H[k] = 0.0
                continue
            gradient = C[k] - mu - G[k] @ H
            H[k] = torch.add(H[k], gradient, alpha=1.0 / norm).clamp_(min=0.0)
    return H


def sparse_code(
    X: torch.Tensor, W: torch.Tensor, mu: float, n_sweeps: int
) -> torch.Tensor:
    """Activations of frames for a dictionary, from nothing, by whole sweeps.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Non-negative frames.
    W : torch.Tensor [shape=(F, K)]
        Dictionary.
    mu : float
        Weight of the sparsity term.
    n_sweeps : int
        Passes over all atoms.

    Returns
    -------
    torch.Tensor [shape=(T, K)]
        Non-negative; those of a frame depend on that frame alone.

    Example
    -------
    >>> sparse_code(torch.tensor([[3.0, 0.5]]), torch.eye(2), 1.0, 1)
    tensor([[2., 0.]])
    """
    C = W.T @ X.T
    return coordinate_code(C, W.T @ W, torch.zeros_like(C), mu, n_sweeps).T


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
