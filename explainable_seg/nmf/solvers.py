"""The two ways to minimise over activations and over atoms, beta 2."""

import math
from collections.abc import Sequence
from typing import Optional, Protocol

import torch

from explainable_seg.nmf.atoms import Statistics, unit_columns, update_atoms
from explainable_seg.nmf.coding import coordinate_code, threshold_start
from explainable_seg.nmf.multiplicative import (
    atom_step,
    code_step,
    positive_start,
)

SMALLEST = 1e-3  # of a start for multiplicative updates, to which zero is final


class Solver(Protocol):
    """A step over the activations, a step over the atoms, none a step up."""

    mu: float  # weight of the sparsity term
    reseeds: bool  # whether an atom can die, and be woken again

    def prepared(self, W: torch.Tensor) -> torch.Tensor:
        """Make initial atoms fit for this solver.

        Arguments
        ---------
        W : torch.Tensor [shape=(F, K)]
            Unit-norm atoms, non-negative.

        Returns
        -------
        torch.Tensor [shape=(F, K)]
            Likewise; it may be the same tensor.
        """

    def code(
        self,
        X: torch.Tensor,
        W: torch.Tensor,
        H: Optional[torch.Tensor],
        n_sweeps: int,
    ) -> torch.Tensor:
        """Better activations of frames, the atoms fixed.

        Arguments
        ---------
        X : torch.Tensor [shape=(T, F)]
            Frames, non-negative.
        W : torch.Tensor [shape=(F, K)]
            Unit-norm atoms.
        H : torch.Tensor, optional [shape=(K, T)]
            Activations to go on from, changed in place; by default the
            solver's own start.
        n_sweeps : int
            How often each of them moves.

        Returns
        -------
        torch.Tensor [shape=(K, T)]
            Of an objective that is no larger.
        """

    def move_atoms(self, W: torch.Tensor, statistics: Statistics) -> None:
        """Better atoms, in place, the activations fixed.

        Arguments
        ---------
        W : torch.Tensor [shape=(F, K)]
            Unit-norm atoms; they stay so.
        statistics : Statistics
            Of the frames and their activations.
        """


class Hals:
    """Hierarchical alternating least squares: exact coordinate minimisers.

    Arguments
    ---------
    mu : float
        Weight of the sparsity term.
    """

    reseeds = True

    def __init__(self, mu: float):
        self.mu = mu

    def prepared(self, W: torch.Tensor) -> torch.Tensor:
        """The atoms [F, K] as they are."""
        return W

    def code(
        self,
        X: torch.Tensor,
        W: torch.Tensor,
        H: Optional[torch.Tensor],
        n_sweeps: int,
    ) -> torch.Tensor:
        """Coordinate sweeps, at first from the threshold start; H [K, T]."""
        C, G = W.T @ X.T, W.T @ W
        H = threshold_start(C, G, self.mu) if H is None else H
        return coordinate_code(C, G, H, self.mu, n_sweeps)

    def move_atoms(self, W: torch.Tensor, statistics: Statistics) -> None:
        """One sweep over the atoms [F, K]."""
        update_atoms(W, *statistics.levelled())


class MultiplicativeUpdates:
    """Multiplicative updates on the unit sphere, of the squared error.

    Arguments
    ---------
    mu : float
        Weight of the sparsity term.
    """

    reseeds = False

    def __init__(self, mu: float):
        self.mu = mu

    def prepared(self, W: torch.Tensor) -> torch.Tensor:
        """The atoms [F, K] without zeros, which no update could raise."""
        return unit_columns(W.clamp(min=SMALLEST / W.shape[0] ** 0.5))

    def code(
        self,
        X: torch.Tensor,
        W: torch.Tensor,
        H: Optional[torch.Tensor],
        n_sweeps: int,
    ) -> torch.Tensor:
        """Multiplicative updates, at first from a positive start; H [K, T]."""
        H = positive_start(X, W) if H is None else H
        for _ in range(n_sweeps):
            code_step(X, W, H, self.mu, beta=2)
        return H

    def move_atoms(self, W: torch.Tensor, statistics: Statistics) -> None:
        """One update of W [F, K], shortened if the objective would rise."""
        A, B = statistics.levelled()
        terms = A.to(W), W @ B.to(W)
        W.copy_(atom_step(W, terms, lambda V: statistics.objective(V, self.mu)))


# Share of the size of the problem by which the objective, a difference of sums
# of float32 products, may seem to rise.
ROUNDING = 1e-4


class Fit(Protocol):
    """Atoms and activations that are improved together."""

    @property
    def size(self) -> float:
        """What the rounding of the objective is a share of."""

    def iterate(self) -> None:
        """Lower the objective."""

    def objective(self) -> float:
        """Its value."""

    def reseed(self) -> int:
        """Replace atoms that are not used; how many."""


def descend(fit: Fit, unit: float, max_iter: int, tol: float) -> list[float]:
    """Iterate until the objective stands.

    Arguments
    ---------
    fit : Fit
        What to iterate.
    unit : float
        The objectives are given in; positive.
    max_iter : int
        Most iterations.
    tol : float
        Stop when an iteration lowers the objective by no more than this share.

    Returns
    -------
    list[float]
        The objective after each iteration.

    Raises
    ------
    FloatingPointError
        If it is not finite or rises.
    """
    objectives: list[float] = []
    for iteration in range(max_iter):
        if iteration > 0:
            fit.reseed()
        fit.iterate()
        value = fit.objective() * unit
        rounding = ROUNDING * (fit.size * unit + abs(value))
        check_descent(objectives, value, rounding)
        objectives.append(value)
        if iteration > 0:
            before = objectives[-2]
            if before - value <= tol * abs(before):
                break
    return objectives


def check_descent(
    objectives: Sequence[float], value: float, rounding: float
) -> None:
    """Raise if a descent does not descend.

    Arguments
    ---------
    objectives : Sequence[float]
        Values so far.
    value : float
        The next one.
    rounding : float
        By how much it may seem to rise.

    Raises
    ------
    FloatingPointError
        If the value is not finite or above the last one.
    """
    before = objectives[-1] if objectives else math.inf
    if not value <= before + rounding or not math.isfinite(value):
        after = f" after {before:.9g}" if objectives else ""
        raise FloatingPointError(
            f"expected an objective that falls, got {value:.9g}{after}; use "
            "float64, or less extreme frames"
        )
