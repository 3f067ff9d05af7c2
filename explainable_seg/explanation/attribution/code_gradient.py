"""Gradient of the sparse code with respect to the frame that it is of."""

from typing import Any

import torch

from explainable_seg.nmf.coding import sparse_code

RIDGE = 1e-6  # keeps atoms that are alike from making the system singular


class SparseCode(torch.autograd.Function):
    """Sparse code whose gradient is that of the minimiser.

    Around a frame x the minimiser of ``0.5 ||x - W h||^2 + mu ||h||_1`` over
    ``h >= 0`` is linear: with S the atoms that are active, ``h_S = (W_S'
    W_S)^-1 (W_S' x - mu)`` (Mairal et al., "Task-driven dictionary learning",
    2012, proposition 1). So the gradient needs one small linear system a
    frame, whatever the number of sweeps that found the code.
    """

    @staticmethod
    def forward(
        ctx: Any, X: torch.Tensor, W: torch.Tensor, mu: float, n_sweeps: int
    ) -> torch.Tensor:
        """Code [N, K] of frames X [N, F] for a dictionary W [F, K]."""
        H = sparse_code(X, W, mu, n_sweeps)
        ctx.save_for_backward(H > 0, W)
        return H

    @staticmethod
    def backward(
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor, None, None, None]:
        """Gradient with respect to the frames."""
        active, W = ctx.saved_tensors
        # Few atoms are active: the systems are as large as most are at once.
        size = max(1, int(active.sum(dim=1).max()))
        atoms = active.int().argsort(dim=1, descending=True)[:, :size]
        support = active.gather(1, atoms).to(W.dtype)
        G = (W.T @ W)[atoms[:, :, None], atoms[:, None, :]]
        system = support[:, :, None] * G * support[:, None, :]
        # Places to spare get an equation of their own: 0.
        system.diagonal(dim1=1, dim2=2).add_(1 - support + RIDGE)
        wanted = gradients[0].gather(1, atoms) * support
        solved = torch.linalg.solve(system, wanted[:, :, None])[:, :, 0]
        H = torch.zeros_like(gradients[0]).scatter(1, atoms, solved)
        return H @ W.T, None, None, None
