"""Sparse NMF with unit-norm atoms: fit, online fit, transform."""

import copy
import logging
import math
from typing import Any, Optional

import torch

from explainable_seg.distributed import largest_over_ranks
from explainable_seg.errors import SettingsError
from explainable_seg.nmf.atoms import INITS, Statistics, Summary, initial_atoms
from explainable_seg.nmf.coding import converged_code
from explainable_seg.nmf.multiplicative import (
    DivergenceFit,
    multiplicative_code,
    scaled_weight,
)
from explainable_seg.nmf.numerics import (
    as_frames,
    check_atoms,
    check_bins,
    check_frames,
    check_start,
    full_precision,
    working_scale,
)
from explainable_seg.nmf.solvers import (
    BlockFit,
    Hals,
    MultiplicativeUpdates,
    Solver,
    check_descent,
    descend,
    learn_batch,
    warm_up,
)

logger = logging.getLogger(__name__)

SOLVERS: dict[str, type] = {"hals": Hals, "mu": MultiplicativeUpdates}


class SparseNMF:
    """Dictionary of spectral atoms learned by sparse NMF.

    Minimises ``0.5 ||X - H W'||_F^2 + mu ||H||_1`` over ``H >= 0`` and
    ``W >= 0`` with columns of unit Euclidean norm, the objective of Le Roux,
    Weninger and Hershey, "Sparse NMF: half-baked or well done?", 2015. By
    default each row of H and each column of W goes to its exact minimiser in
    turn (HALS); multiplicative updates are there for reference, and for the
    Kullback-Leibler and Itakura-Saito divergences in place of the squared
    error. The objective never rises; where rounding or an overflow makes it
    rise all the same, that is an error.

    Frames may be in any unit: those whose largest value is below 2**-10 or
    above 2**20 are divided by a power of two while they are worked on, ``mu``
    with them, and activations and objectives are given back in the unit of
    the frames. All is computed in the type of the frames, inside autocast too.

    Where ``torch.distributed`` is initialised, each process passes its own
    frames to ``fit`` and ``partial_fit``, all at the same time, and all learn
    the same atoms from all frames.

    Arguments
    ---------
    n_atoms : int
        Number of atoms K.
    mu : float
        Weight of the sparsity term.
    max_iter : int
        Most iterations of ``fit``.
    tol : float
        ``fit`` and ``transform`` stop when the objective falls by less than
        this share of its value in an iteration.
    seed : int
        Seed of all that is drawn.
    solver : str
        ``hals`` or ``mu`` (multiplicative updates).
    beta : int
        2: squared error; 1: Kullback-Leibler and 0: Itakura-Saito divergence,
        both with solver ``mu`` and without ``partial_fit``.
    init : str
        ``frames``, ``random`` or ``nndsvd``:
        :func:`~explainable_seg.nmf.atoms.initial_atoms`.
    forgetting : float
        Before batch t is counted in by ``partial_fit``, all earlier ones are
        weighted by ``(1 - 1 / t) ** forgetting`` (Mairal et al., 2010,
        section 3.4): 0 keeps what early atoms made of early batches for good.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Example
    -------
    >>> X = torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    >>> nmf = SparseNMF(n_atoms=2, mu=0.01).fit(X)
    >>> nmf.dictionary.shape, nmf.transform(X).shape
    (torch.Size([3, 2]), torch.Size([50, 2]))
    >>> online = SparseNMF(n_atoms=2, mu=0.01)
    >>> for batch in X.split(10):
    ...     online = online.partial_fit(batch)
    >>> online.n_batches
    5
    """

    def __init__(
        self,
        n_atoms: int = 128,
        mu: float = 1.0,
        max_iter: int = 50,
        tol: float = 1e-4,
        seed: int = 0,
        solver: str = "hals",
        beta: int = 2,
        init: str = "frames",
        forgetting: float = 2.0,
    ):
        if n_atoms < 1 or mu < 0 or max_iter < 1 or tol < 0 or forgetting < 0:
            raise SettingsError(
                "expected `n_atoms` and `max_iter` >= 1, and `mu`, `tol` and "
                f"`forgetting` >= 0, got n_atoms={n_atoms}, "
                f"max_iter={max_iter}, mu={mu}, tol={tol}, "
                f"forgetting={forgetting}"
            )
        if solver not in SOLVERS or init not in INITS:
            raise SettingsError(
                f"expected `solver` one of {tuple(SOLVERS)} and `init` one of "
                f"{INITS}, got {solver!r} and {init!r}"
            )
        if beta not in ((2,) if solver == "hals" else (2, 1, 0)):
            raise SettingsError(
                "expected `beta` 2, or 1 or 0 with solver 'mu', "
                f"got beta={beta} with solver {solver!r}"
            )
        self.n_atoms = n_atoms
        self.mu = mu
        self.max_iter = max_iter
        self.tol = tol
        self.seed = seed
        self.beta = beta
        self.init = init
        self.forgetting = forgetting
        self.solver = solver
        self._start_afresh()

    def _start_afresh(self) -> None:
        """Know nothing."""
        self.objectives: list[float] = []
        self.n_batches = 0
        self.summary: Optional[Summary] = None
        self._W: Optional[torch.Tensor] = None
        self._statistics: Optional[Statistics] = None

    def like(self, n_atoms: int) -> "SparseNMF":
        """Another one of these settings, with its own number of atoms.

        Arguments
        ---------
        n_atoms : int
            Number of atoms.

        Returns
        -------
        SparseNMF
            That has learned nothing yet.
        """
        other = copy.copy(self)
        other.n_atoms = n_atoms
        other._start_afresh()
        return other

    def _solver(self, scale: float = 1.0) -> Solver:
        """Steps for frames that have been divided by a scale."""
        solver: Solver = SOLVERS[self.solver](self.mu / scale)
        return solver

    @property
    def dictionary(self) -> torch.Tensor:
        """The atoms W [shape=(F, K)], columns of unit norm.

        Raises
        ------
        RuntimeError
            If nothing has been learned yet.
        """
        return self._atoms().contiguous()

    def _atoms(self) -> torch.Tensor:
        """The atoms, laid out one after the other."""
        if self._W is None:
            raise RuntimeError("expected a fitted SparseNMF; call fit(X) first")
        return self._W

    @torch.no_grad()
    @full_precision
    def fit(self, X: object) -> "SparseNMF":
        """Learn the dictionary of X, from nothing.

        Arguments
        ---------
        X : torch.Tensor or array_like [shape=(T, F)]
            Non-negative frames, finite, of float32 or float64.

        Returns
        -------
        SparseNMF
            This object; ``objectives`` holds the value after each iteration,
            summed over the frames. A warning says so where ``mu`` outweighs
            all frames.

        Raises
        ------
        ValueError
            If X is no matrix of float32 or float64, is empty, or has negative
            or non-finite values.
        FloatingPointError
            If the objective rises or is not finite, or an atom is not of unit
            norm: the frames are too extreme for their type.
        """
        X = as_frames(X)
        check_frames(X)
        self._start_afresh()
        generator = torch.Generator().manual_seed(self.seed)
        scale = working_scale(largest_over_ranks(X))
        frames = X if scale == 1.0 else X / scale
        W = self._initial_atoms(frames, generator)
        fit: BlockFit | DivergenceFit
        if self.beta == 2:
            warm_up(frames, W, self._solver(scale), generator)
            fit = BlockFit(frames, W, self._solver(scale))
        else:
            mu = scaled_weight(self.mu, scale, self.beta)
            fit = DivergenceFit(frames, W, mu, self.beta)
        unit = math.prod([scale] * self.beta)
        objectives = descend(fit, unit, self.max_iter, self.tol)
        check_atoms(fit.W)
        self._W, self.objectives = fit.W, objectives
        if isinstance(fit, BlockFit):
            self._statistics = fit.total.scaled(scale)
            self.n_batches = len(fit.frames)
            if fit.total.energy > 0 and fit.total.l1 == 0:
                logger.warning(
                    "all codes are zero, and nothing was learned: mu=%g "
                    "outweighs the frames; lower it, or scale the frames up",
                    self.mu,
                )
        logger.info(
            "sparse NMF: %d iterations, objective %.6g",
            len(self.objectives),
            self.objectives[-1],
        )
        return self

    def _initial_atoms(
        self, X: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Atoms [F, K] to start from."""
        W = initial_atoms(X, self.n_atoms, self.init, generator)
        return self._solver().prepared(W)

    @torch.no_grad()
    @full_precision
    def partial_fit(self, batch: object) -> "SparseNMF":
        """Learn from one more batch, and keep only its statistics.

        Memory does not depend on the number of frames seen. Batches of about
        500 to 4000 frames, each a mixture of the material, serve well. The
        initial atoms come from the first batch.

        Arguments
        ---------
        batch : torch.Tensor or array_like [shape=(T, F)]
            Non-negative frames, finite, of float32 or float64. Of several
            processes some may have none.

        Returns
        -------
        SparseNMF
            This object. ``summary`` tells how well the batch was rebuilt by
            the atoms that had not yet learned from it, over all processes;
            its objective, summed over the frames, is added to
            ``objectives``.

        Raises
        ------
        ValueError
            As of ``fit``; if the number of bins changes; if ``beta`` is not 2.
        FloatingPointError
            As of ``fit``; what was learned before is kept.
        """
        if self.beta != 2:
            raise ValueError(
                "expected `beta` 2 for partial_fit: other divergences have no "
                f"statistics of fixed size, got {self.beta}"
            )
        X = as_frames(batch)
        check_frames(X)
        scale = working_scale(largest_over_ranks(X))
        if self._W is None or self._statistics is None:
            generator = torch.Generator().manual_seed(self.seed)
            W = self._initial_atoms(X / scale, generator)
            seen = Statistics.zeros(W)
        else:
            check_bins(X, self._W)
            # A state may have been saved on another device than the data's.
            W = self._W.to(X.device).T.clone().T
            seen = self._statistics.to(X.device).scaled(1.0 / scale)
        share = 1.0 - 1.0 / (self.n_batches + 1)
        seen.decay_(share**self.forgetting)
        frames = (X if scale == 1.0 else X / scale).to(W)
        summary = learn_batch(frames, W, seen, self._solver(scale))
        check_atoms(W)
        objective = summary.objective * scale * scale
        check_descent([], objective, 0.0)
        self.objectives.append(objective * summary.n_frames)
        self._W, self._statistics = W, seen.scaled(scale)
        self.summary = summary._replace(objective=objective)
        self.n_batches += 1
        return self

    @torch.no_grad()
    @full_precision
    def transform(
        self,
        X: object,
        max_iter: int = 100,
        tol: Optional[float] = None,
        H0: Optional[object] = None,
    ) -> torch.Tensor:
        """Activations of X for the learned dictionary.

        Arguments
        ---------
        X : torch.Tensor or array_like [shape=(T, F)]
            Non-negative frames, finite, of float32 or float64; any number of
            them, gone through in blocks.
        max_iter : int
            Most sweeps over the atoms.
        tol : float, optional
            As in the constructor, whose value is the default.
        H0 : torch.Tensor or array_like, optional [shape=(T, K)]
            Activations to start from, such as those for an earlier W.

        Returns
        -------
        torch.Tensor [shape=(T, K)]
            Non-negative activations; with beta 2, exact zeros among them.

        Raises
        ------
        ValueError
            If X is not what was learned from, or H0 no start for it.
        FloatingPointError
            If activations overflow the type of X.
        """
        tol = self.tol if tol is None else tol
        X = as_frames(X)
        start = None if H0 is None else as_frames(H0, "H0")
        W = self._atoms().to(X)
        check_bins(X, W)
        if start is not None:
            check_start(start, torch.Size((len(X), self.n_atoms)))
        if len(X) == 0:
            return X.new_zeros(0, self.n_atoms)
        check_frames(X)
        if self.beta == 2:
            H = converged_code(X, W, self.mu, max_iter, tol, start)
        else:
            H = multiplicative_code(
                X, W, self.mu, self.beta, max_iter, tol, start
            )
        if not bool(H.isfinite().all()):
            raise FloatingPointError(
                "expected finite activations, got others; use float64, or less "
                "extreme frames"
            )
        return H

    def state_dict(self) -> dict[str, Any]:
        """All that has been learned, to go on from exactly.

        Nothing is drawn after the first batch, so no generator is part of it.
        """
        tensors = self._statistics.tensors() if self._statistics else {}
        return {
            "atoms": None if self._W is None else self._W.T.clone(),
            "statistics": {k: v.clone() for k, v in tensors.items()},
            "n_batches": self.n_batches,
            "objectives": list(self.objectives),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what another object of the same settings had learned.

        Arguments
        ---------
        state : dict[str, Any]
            From ``state_dict``.

        Raises
        ------
        ValueError
            If the state has another number of atoms.
        """
        atoms = state["atoms"]
        if atoms is not None and len(atoms) != self.n_atoms:
            raise ValueError(
                f"expected a state of {self.n_atoms} atoms, got {len(atoms)}"
            )
        self._start_afresh()
        self.n_batches = state["n_batches"]
        self.objectives = list(state["objectives"])
        if atoms is not None:
            self._W = atoms.clone().T
        if state["statistics"]:
            tensors = state["statistics"].items()
            self._statistics = Statistics(**{k: v.clone() for k, v in tensors})
