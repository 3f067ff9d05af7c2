"""Sparse NMF with unit-norm atoms, by block-coordinate updates."""

import logging

import torch

from explainable_seg.nmf.coding import coordinate_code, objective

logger = logging.getLogger(__name__)

SWEEPS = 2  # passes over the activations for one over the atoms


class SparseNMF:
    """Dictionary of spectral atoms learned by sparse NMF.

    Minimises ``0.5 ||X - H W'||_F^2 + mu ||H||_1`` over ``H >= 0`` and
    ``W >= 0`` with columns of unit Euclidean norm. (Le Roux, Weninger and
    Hershey, "Sparse NMF: half-baked or well done?", 2015, minimise the same
    objective by multiplicative updates; here each row of H and each column of
    W goes to its exact minimiser in turn, so the objective never rises.)

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
        Seed of the initial atoms, which are frames drawn from X.

    Example
    -------
    >>> X = torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    >>> nmf = SparseNMF(n_atoms=2, mu=0.01).fit(X)
    >>> nmf.dictionary.shape, nmf.transform(X).shape
    (torch.Size([3, 2]), torch.Size([50, 2]))
    """

    def __init__(
        self,
        n_atoms: int = 128,
        mu: float = 1.0,
        max_iter: int = 50,
        tol: float = 1e-4,
        seed: int = 0,
    ):
        if n_atoms < 1 or mu < 0:
            raise ValueError(
                "expected `n_atoms` >= 1 and `mu` >= 0, "
                f"got n_atoms={n_atoms}, mu={mu}"
            )
        self.n_atoms = n_atoms
        self.mu = mu
        self.max_iter = max_iter
        self.tol = tol
        self.seed = seed
        self.objectives: list[float] = []
        self._dictionary: torch.Tensor | None = None

    @property
    def dictionary(self) -> torch.Tensor:
        """The atoms W [shape=(F, K)], columns of unit norm.

        Raises
        ------
        RuntimeError
            If ``fit`` has not been called.
        """
        if self._dictionary is None:
            raise RuntimeError("expected a fitted SparseNMF; call fit(X) first")
        return self._dictionary

    def fit(self, X: torch.Tensor) -> "SparseNMF":
        """Learn the dictionary of X.

        Arguments
        ---------
        X : torch.Tensor [shape=(T, F)]
            Non-negative frames, finite.

        Returns
        -------
        SparseNMF
            This object; ``objectives`` holds the value after each iteration.

        Raises
        ------
        ValueError
            If X is no matrix, has negative or non-finite values, or has fewer
            frames that sound than atoms.
        """
        _check_frames(X)
        frames = X.T.contiguous()
        W = self._initial_atoms(X)
        H = torch.zeros(self.n_atoms, len(X), dtype=X.dtype, device=X.device)
        self.objectives = []
        for iteration in range(self.max_iter):
            coordinate_code(W.T @ frames, W.T @ W, H, self.mu, SWEEPS)
            W = update_atoms(W, frames @ H.T, H @ H.T)
            self.objectives.append(objective(X, W, H.T, self.mu).item())
            if iteration + 1 < self.max_iter:
                reseed_dead_atoms(W, H, X)
            if _has_converged(self.objectives, self.tol):
                break
        logger.info(
            "sparse NMF: %d iterations, objective %.4f a frame",
            len(self.objectives),
            self.objectives[-1] / len(X),
        )
        self._dictionary = W
        return self

    def transform(
        self, X: torch.Tensor, max_iter: int = 100, tol: float | None = None
    ) -> torch.Tensor:
        """Activations of X for the learned dictionary.

        Arguments
        ---------
        X : torch.Tensor [shape=(T, F)]
            Non-negative frames, finite.
        max_iter : int
            Most sweeps over the atoms.
        tol : float, optional
            As in the constructor, whose value is the default.

        Returns
        -------
        torch.Tensor [shape=(T, K)]
            Non-negative activations with exact zeros.
        """
        _check_frames(X)
        tol = self.tol if tol is None else tol
        W = self.dictionary.to(X)
        C, G = W.T @ X.T, W.T @ W
        H = torch.zeros_like(C)
        values: list[float] = []
        for _ in range(max_iter):
            coordinate_code(C, G, H, self.mu)
            values.append(objective(X, W, H.T, self.mu).item())
            if _has_converged(values, tol):
                break
        return H.T.contiguous()

    def _initial_atoms(self, X: torch.Tensor) -> torch.Tensor:
        """Unit-norm frames of X, drawn without replacement."""
        sounding = torch.nonzero(X.sum(dim=1) > 0).squeeze(1)
        if len(sounding) < self.n_atoms:
            raise ValueError(
                f"expected at least {self.n_atoms} frames that sound for "
                f"{self.n_atoms} atoms, got {len(sounding)}"
            )
        generator = torch.Generator().manual_seed(self.seed)
        drawn = torch.randperm(len(sounding), generator=generator)
        frames = X[sounding[drawn[: self.n_atoms].to(X.device)]]
        return torch.nn.functional.normalize(frames.T, dim=0).contiguous()


def update_atoms(
    W: torch.Tensor, A: torch.Tensor, B: torch.Tensor
) -> torch.Tensor:
    """One sweep over the atoms, each moved to its exact minimiser.

    For fixed H and the other atoms, the unit-norm ``w_k >= 0`` of least
    squared error is the normalised positive part of ``R_k' h_k``, R_k being
    the residual without atom k. An atom without activations, or whose positive
    part vanishes, stays as it is.

    Arguments
    ---------
    W : torch.Tensor [shape=(F, K)]
        Unit-norm atoms.
    A : torch.Tensor [shape=(F, K)]
        ``X' H``.
    B : torch.Tensor [shape=(K, K)]
        ``H' H``.

    Returns
    -------
    torch.Tensor [shape=(F, K)]
        New atoms, unit-norm.
    """
    W = W.clone()
    for k in range(W.shape[1]):
        direction = A[:, k] - W @ B[:, k] + W[:, k] * B[k, k]
        direction = direction.clamp_(min=0.0)
        norm = direction.norm()
        if B[k, k] > 0 and norm > 0:
            W[:, k] = direction / norm
    return W


def reseed_dead_atoms(W: torch.Tensor, H: torch.Tensor, X: torch.Tensor) -> int:
    """Replace atoms that no frame uses by the worst-fitted frames.

    Their activations are zero, so the objective does not change.

    Arguments
    ---------
    W : torch.Tensor [shape=(F, K)]
        Atoms; changed in place.
    H : torch.Tensor [shape=(K, T)]
        Activations.
    X : torch.Tensor [shape=(T, F)]
        Frames.

    Returns
    -------
    int
        Number of atoms replaced.
    """
    dead = torch.nonzero(H.sum(dim=1) == 0).squeeze(1)
    if len(dead) == 0:
        return 0
    residual = (X - H.T @ W.T).clamp_(min=0.0)
    worst = residual.square().sum(dim=1).topk(min(len(dead), len(X))).indices
    atoms = residual[worst].T
    usable = atoms.norm(dim=0) > 0
    dead = dead[: len(worst)][usable]
    W[:, dead] = torch.nn.functional.normalize(atoms[:, usable], dim=0)
    return len(dead)


def _has_converged(values: list[float], tol: float) -> bool:
    """Whether the last step lowered the objective by less than ``tol``."""
    return len(values) > 1 and values[-2] - values[-1] <= tol * values[-2]


def _check_frames(X: torch.Tensor) -> None:
    """Refuse what the factorisation is not defined for."""
    if X.ndim != 2:
        raise ValueError(f"expected `X` [T, F], got shape {tuple(X.shape)}")
    if not bool(torch.isfinite(X).all()) or bool((X < 0).any()):
        raise ValueError("expected `X` finite and >= 0, got other values")
