"""Multiplicative updates with unit-norm atoms, for three divergences.

The objective is ``D_beta(X | H W') + mu ||H||_1`` with the columns of W of
unit Euclidean norm: half the squared error (beta 2), the generalised
Kullback-Leibler divergence (1) or that of Itakura and Saito (0). H moves as in
Fevotte and Idier, "Algorithms for nonnegative matrix factorization with the
beta-divergence", 2011, which cannot raise it. W moves along the ratio of the
negative to the positive part of the gradient of the *normalised* objective (Le
Roux, Weninger and Hershey, "Sparse NMF: half-baked or well done?", 2015). That
step comes without a proof, so it is shortened until the objective does not
rise: the ratio's logarithm is a descent direction.
"""

from typing import Callable, Optional

import torch

from explainable_seg.nmf.atoms import unit_columns
from explainable_seg.nmf.coding import frame_blocks
from explainable_seg.nmf.numerics import full_precision, working_scale

FLOOR = 1e-8  # of a frame or a rebuilt frame, in beta 1 and 0
SHORTEST_STEP = 2.0**-8

Terms = tuple[torch.Tensor, torch.Tensor]


def divergence(
    X: torch.Tensor, W: torch.Tensor, H: torch.Tensor, beta: int
) -> torch.Tensor:
    """Beta-divergence of frames from what the atoms rebuild, in float64.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames; raised to ``FLOOR`` in beta 1 and 0.
    W : torch.Tensor [shape=(F, K)]
        Atoms.
    H : torch.Tensor [shape=(K, T)]
        Activations, atoms first.
    beta : int
        2, 1 or 0.

    Returns
    -------
    torch.Tensor [shape=(), dtype=float64]

    Example
    -------
    >>> X, W, H = torch.full((1, 1), 2.0), torch.eye(1), torch.ones(1, 1)
    >>> [round(divergence(X, W, H, beta).item(), 4) for beta in (2, 1, 0)]
    [0.5, 0.3863, 0.3069]
    """
    rebuilt = H.T @ W.T
    if beta == 2:
        return 0.5 * (X - rebuilt).square().sum(dtype=torch.float64)
    X, rebuilt = X.clamp(min=FLOOR), rebuilt.clamp_(min=FLOOR)
    ratio = X / rebuilt
    if beta == 1:
        values = X * ratio.log() - X + rebuilt
    else:
        values = ratio - ratio.log() - 1.0
    return values.sum(dtype=torch.float64)


def _weighted(
    X: torch.Tensor, W: torch.Tensor, H: torch.Tensor, beta: int
) -> Terms:
    """``L^(beta-2) X`` and ``L^(beta-1)`` [T, F] of rebuilt frames L."""
    rebuilt = (H.T @ W.T).clamp_(min=FLOOR)
    ratio = X.clamp(min=FLOOR) / rebuilt
    if beta == 1:
        return ratio, torch.ones_like(rebuilt)
    return ratio / rebuilt, rebuilt.reciprocal()


def code_step(
    X: torch.Tensor, W: torch.Tensor, H: torch.Tensor, mu: float, beta: int
) -> torch.Tensor:
    """One multiplicative update of the activations.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames.
    W : torch.Tensor [shape=(F, K)]
        Atoms.
    H : torch.Tensor [shape=(K, T)]
        Positive activations, atoms first; changed in place.
    mu : float
        Weight of the sparsity term.
    beta : int
        2, 1 or 0.

    Returns
    -------
    torch.Tensor [shape=(K, T)]
        The same tensor as ``H``.
    """
    if beta == 2:
        negative, positive = W.T @ X.T, (W.T @ W) @ H
    else:
        toward, away = _weighted(X, W, H, beta)
        negative, positive = W.T @ toward.T, W.T @ away.T
    tiny = torch.finfo(H.dtype).tiny
    ratio = negative / (positive + mu).clamp_(min=tiny)
    return H.mul_(ratio.sqrt_() if beta == 0 else ratio)


def atom_terms(
    X: torch.Tensor, W: torch.Tensor, H: torch.Tensor, beta: int
) -> Terms:
    """Negative and positive part of the gradient over W, beta 1 or 0.

    For beta 2 these are A and ``W B``, of which the frames are no part.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames.
    W : torch.Tensor [shape=(F, K)]
        Atoms.
    H : torch.Tensor [shape=(K, T)]
        Activations, atoms first.
    beta : int
        1 (Kullback-Leibler) or 0 (Itakura-Saito).

    Returns
    -------
    tuple[torch.Tensor, torch.Tensor] [shape=(F, K)]
        Both non-negative.
    """
    toward, away = _weighted(X, W, H, beta)
    return toward.T @ H.T, away.T @ H.T


def normalised_terms(W: torch.Tensor, terms: Terms) -> Terms:
    """Parts of the gradient of the objective of ``W / ||W||``, at unit W.

    Arguments
    ---------
    W : torch.Tensor [shape=(F, K)]
        Unit-norm atoms.
    terms : tuple[torch.Tensor, torch.Tensor]
        Negative and positive part [F, K] of the gradient over W itself.

    Returns
    -------
    tuple[torch.Tensor, torch.Tensor]
        Negative and positive part [F, K], both non-negative.
    """
    negative, positive = terms
    return (
        negative + W * (W * positive).sum(dim=0),
        positive + W * (W * negative).sum(dim=0),
    )


def atom_step(
    W: torch.Tensor,
    terms: Terms,
    value: Callable[[torch.Tensor], float],
) -> torch.Tensor:
    """One multiplicative update of the atoms on the unit sphere.

    Arguments
    ---------
    W : torch.Tensor [shape=(F, K)]
        Unit-norm atoms.
    terms : tuple[torch.Tensor, torch.Tensor]
        Negative and positive part [F, K] of the gradient over W.
    value : Callable[[torch.Tensor], float]
        The objective of any W; it is not let rise.

    Returns
    -------
    torch.Tensor [shape=(F, K)]
        New atoms, or W itself if no step helps.
    """
    pull, push = normalised_terms(W, terms)
    tiny = torch.finfo(W.dtype).tiny
    # An atom without activations has neither: it stays.
    ratio = torch.where(push > tiny, pull / push.clamp(min=tiny), 1.0)
    before, exponent = value(W), 1.0
    while exponent >= SHORTEST_STEP:
        moved = unit_columns(W * ratio**exponent)
        if value(moved) <= before:
            return moved
        exponent /= 2
    return W


class DivergenceFit:
    """Full fit in beta 1 or 0: all activations move, then all atoms.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames.
    W : torch.Tensor [shape=(F, K)]
        Unit-norm atoms to start from.
    mu : float
        Weight of the sparsity term.
    beta : int
        1 or 0.
    """

    def __init__(self, X: torch.Tensor, W: torch.Tensor, mu: float, beta: int):
        self.X = X
        self.W = W
        self.H = positive_start(X, W)
        self.mu = mu
        self.beta = beta

    @property
    def size(self) -> float:
        """Sum of the terms that cancel in a good fit."""
        if self.beta == 1:
            return self.X.sum(dtype=torch.float64).item()
        return float(self.X.numel())

    def objective(self) -> float:
        """Of all frames."""
        return self._value(self.W)

    def _value(self, W: torch.Tensor) -> float:
        """The objective of other atoms [F, K]."""
        total = self.mu * self.H.sum(dtype=torch.float64)
        for block in frame_blocks(self.X):
            total = total + divergence(
                self.X[block], W, self.H[:, block], self.beta
            )
        return total.item()

    def iterate(self) -> None:
        """One update of H, then of W, frames gone through in blocks."""
        negative = torch.zeros_like(self.W, dtype=torch.float64)
        positive = torch.zeros_like(negative)
        for block in frame_blocks(self.X):
            X, H = self.X[block], self.H[:, block]
            code_step(X, self.W, H, self.mu, self.beta)
            toward, away = atom_terms(X, self.W, H, self.beta)
            negative += toward
            positive += away
        terms = negative.to(self.W), positive.to(self.W)
        self.W = atom_step(self.W, terms, self._value)

    def reseed(self) -> int:
        """No atom dies by multiplication: none is replaced."""
        return 0


@full_precision
def multiplicative_code(
    X: torch.Tensor,
    W: torch.Tensor,
    mu: float,
    beta: int,
    max_iter: int,
    tol: float,
    H0: Optional[torch.Tensor] = None,
) -> torch.Tensor:
    """Activations of frames for a dictionary, in any of the divergences.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames.
    W : torch.Tensor [shape=(F, K)]
        Unit-norm atoms.
    mu : float
        Weight of the sparsity term.
    beta : int
        2, 1 or 0.
    max_iter : int
        Most updates.
    tol : float
        A block of frames is done when an update lowers its objective by less
        than this share of it.
    H0 : torch.Tensor, optional [shape=(T, K)]
        Start; zeros stay zero. By default :func:`positive_start`.

    Returns
    -------
    torch.Tensor [shape=(T, K)]
        Non-negative.
    """
    scale = working_scale(X.amax())
    mu = scaled_weight(mu, scale, beta)
    codes = X.new_empty(len(X), W.shape[1])
    for block in frame_blocks(X):
        frames = X[block] / scale
        if H0 is None:
            H = positive_start(frames, W)
        else:
            H = H0[block].to(frames).T / scale
        before = float("inf")
        for _ in range(max_iter):
            code_step(frames, W, H, mu, beta)
            penalty = mu * H.sum(dtype=torch.float64)
            after = (divergence(frames, W, H, beta) + penalty).item()
            if before - after <= tol * abs(after):
                break
            before = after
        codes[block] = H.T * scale
    return codes


def scaled_weight(mu: float, scale: float, beta: int) -> float:
    """Weight of the sparsity term for frames that a number has divided.

    Arguments
    ---------
    mu : float
        Weight in the unit of the frames.
    scale : float
        What they have been divided by.
    beta : int
        2, 1 or 0.

    Returns
    -------
    float
        With it the best activations are divided by the scale as well.

    Example
    -------
    >>> [scaled_weight(6.0, 2.0, beta) for beta in (2, 1, 0)]
    [3.0, 6.0, 12.0]
    """
    return float(mu * scale ** (1 - beta))


def positive_start(X: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
    """Activations to start from, all positive: likeness to the atoms.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames.
    W : torch.Tensor [shape=(F, K)]
        Unit-norm atoms.

    Returns
    -------
    torch.Tensor [shape=(K, T)]
        Inner products with the atoms, shared out among all K.
    """
    H = W.T @ X.T / W.shape[1]
    return H.clamp_(min=FLOOR)
