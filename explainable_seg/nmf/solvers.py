"""One step of the sparse NMF, and one pass over the frames."""

import math
from collections.abc import Sequence
from typing import Optional, Protocol

import torch

from explainable_seg.distributed import gather_over_ranks
from explainable_seg.nmf.atoms import (
    Statistics,
    Summary,
    frame_energy,
    replace_atoms,
    unit_columns,
    update_atoms,
    worst_residuals,
)
from explainable_seg.nmf.coding import (
    coordinate_code,
    frame_blocks,
    threshold_start,
)
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


START_SWEEPS = 4  # over the activations of frames that are seen first
SWEEPS = 3  # over those of frames that are seen again
REFINEMENTS = 3  # times that a batch is coded, each followed by the atoms
DEAD_SHARE = 1e-5  # of the frames of a stream: an atom used by less is dead
WARM_UP_BATCHES = 16
WARM_UP_FRAMES = 512


def learn_batch(
    X: torch.Tensor,
    W: torch.Tensor,
    past: Statistics,
    solver: Solver,
    refinements: int = REFINEMENTS,
) -> Summary:
    """Code a batch, move the atoms, and again; then let go of the batch.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames of this process.
    W : torch.Tensor [shape=(F, K)]
        Atoms; changed in place, alike on all processes.
    past : Statistics
        Of the batches before, as far as they count; this one is added.
    solver : Solver
        Steps over activations and atoms.
    refinements : int
        Times that the batch is coded.

    Returns
    -------
    Summary
        Of the batch, over all processes, before the atoms learned from it.
    """
    energy = frame_energy(X)
    H = solver.code(X, W, None, START_SWEEPS)
    batch = Statistics.of(X, H, energy)
    summary = batch.summary(W, solver.mu)
    total = past.plus(batch)
    solver.move_atoms(W, total)
    for _ in range(refinements - 1):
        H = solver.code(X, W, H, SWEEPS)
        total = past.plus(Statistics.of(X, H, energy))
        solver.move_atoms(W, total)
    if solver.reseeds:
        dead = total.dead_atoms(DEAD_SHARE)
        if len(dead) > 0:
            worst = worst_residuals(X, W, H, len(dead))
            replace_atoms(W, total, dead, worst)
    past.copy_(total)
    return summary


def warm_up(
    X: torch.Tensor,
    W: torch.Tensor,
    solver: Solver,
    generator: torch.Generator,
) -> None:
    """Learn from a few small batches, drawn at random, and forget them.

    The atoms move once for 512 frames instead of once for a block, at a small
    part of the cost of a pass over all frames. Sets that are hardly larger
    than these batches are left alone.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames of this process.
    W : torch.Tensor [shape=(F, K)]
        Atoms; changed in place.
    solver : Solver
        Steps over activations and atoms.
    generator : torch.Generator
        On the CPU.
    """
    counts = gather_over_ranks(torch.tensor(len(X), device=X.device))
    wanted = WARM_UP_BATCHES * WARM_UP_FRAMES // len(counts)
    if int(counts.min()) < 2 * wanted:
        return
    drawn = torch.randperm(len(X), generator=generator)[:wanted].to(X.device)
    past = Statistics.zeros(W)
    for count, batch in enumerate(drawn.chunk(WARM_UP_BATCHES), start=1):
        past.decay_((1.0 - 1.0 / count) ** 2)
        learn_batch(X[batch], W, past, solver, refinements=1)


class BlockFit:
    """Full fit whose atoms move after each block of frames.

    Activations and statistics of all blocks are kept; when a block is coded
    anew, its old statistics leave the total and the new ones enter. So each
    move of the atoms minimises the objective over *all* frames, and the
    objective never rises from one pass to the next, as in incremental
    majorisation (Mairal, "Incremental majorization-minimization optimization",
    2015), with many moves of the atoms a pass.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames of this process.
    W : torch.Tensor [shape=(F, K)]
        Atoms; changed in place, alike on all processes.
    solver : Solver
        Steps over activations and atoms.
    """

    def __init__(self, X: torch.Tensor, W: torch.Tensor, solver: Solver):
        self.W = W
        self.solver = solver
        wanted = torch.tensor(len(list(frame_blocks(X))), device=X.device)
        n_blocks = int(gather_over_ranks(wanted).max())
        # Every n-th frame: each block is a sample of the whole set.
        self.frames = [X[first::n_blocks] for first in range(n_blocks)]
        self.energies = [frame_energy(frames) for frames in self.frames]
        self.codes = [
            solver.code(frames, W, None, START_SWEEPS) for frames in self.frames
        ]
        self.blocks = [
            Statistics.of(*block)
            for block in zip(self.frames, self.codes, self.energies)
        ]
        self.total = Statistics.zeros(W)
        for block in self.blocks:
            self.total.add_(block)
        solver.move_atoms(W, self.total)

    @property
    def size(self) -> float:
        """The objective of no activations, which rounding is a share of."""
        return 0.5 * self.total.energy.item()

    def objective(self) -> float:
        """Of all frames, on all processes."""
        return self.total.objective(self.W, self.solver.mu)

    def iterate(self) -> None:
        """One pass over the blocks, the atoms moved after each."""
        for i, frames in enumerate(self.frames):
            self.solver.code(frames, self.W, self.codes[i], SWEEPS)
            new = Statistics.of(frames, self.codes[i], self.energies[i])
            self.total.add_(new)
            self.total.add_(self.blocks[i], weight=-1.0)
            self.blocks[i] = new
            self.solver.move_atoms(self.W, self.total)

    def reseed(self) -> int:
        """Put worst-fitted frames in the place of atoms that no frame uses.

        Their activations are zero, so the objective does not change.

        Returns
        -------
        int
            Number of atoms replaced.
        """
        dead = self.total.dead_atoms()
        if not self.solver.reseeds or len(dead) == 0:
            return 0
        worst = torch.cat(
            [
                worst_residuals(frames, self.W, H, len(dead))
                for frames, H in zip(self.frames, self.codes)
            ]
        )
        return replace_atoms(self.W, self.total, dead, worst)
