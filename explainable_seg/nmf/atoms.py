"""The atoms: their update from statistics, and new ones for dead ones."""

import torch

from explainable_seg.nmf.distributed import gather_over_ranks
from explainable_seg.nmf.numerics import powers_of_two
from explainable_seg.nmf.statistics import Statistics
from explainable_seg.nmf.sweeps import sweep_rows


def unit_columns(W: torch.Tensor) -> torch.Tensor:
    """Columns of unit Euclidean norm; a zero column stays zero.

    The atoms lie one after the other in memory, which is how they are used.

    Arguments
    ---------
    W : torch.Tensor [shape=(F, K)]
        Atoms.

    Returns
    -------
    torch.Tensor [shape=(F, K)]
        A new tensor.
    """
    atoms = W.T / powers_of_two(W.amax(dim=0))[:, None]
    return torch.nn.functional.normalize(atoms, dim=1).contiguous().T


def update_atoms(
    W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, n_sweeps: int = 1
) -> torch.Tensor:
    """Sweeps over the atoms, each moved to its exact minimiser.

    For fixed H and the other atoms, the unit-norm ``w_k >= 0`` of least
    squared error is the normalised positive part of ``R_k' h_k = A_k -
    sum_{j != k} B_kj w_j``, R_k being the residual without atom k. An atom
    whose positive part vanishes, as one without activations, stays as it is.

    Arguments
    ---------
    W : torch.Tensor [shape=(F, K)]
        Unit-norm atoms; changed in place.
    A : torch.Tensor [shape=(F, K)]
        ``X' H``.
    B : torch.Tensor [shape=(K, K)]
        ``H' H``. Columns k of A and of B may be divided by one number.
    n_sweeps : int
        Passes over all atoms.

    Returns
    -------
    torch.Tensor [shape=(F, K)]
        The same tensor as ``W``.
    """
    targets = A.T.to(W.dtype).contiguous()
    couplings = B.T.to(W.dtype).contiguous()
    sweep_rows(targets, couplings, W.T, _unit_positive, n_sweeps)
    return W


def _unit_positive(value: torch.Tensor, row: torch.Tensor) -> None:
    """Write the normalised positive part to ``row``, unless it vanishes.

    Without a branch, so that a GPU need not be waited for.
    """
    norm = value.clamp_(min=0.0).norm()
    torch.where(norm > 0, value.div_(norm), row, out=row)


def worst_residuals(
    X: torch.Tensor, W: torch.Tensor, H: torch.Tensor, n_frames: int
) -> torch.Tensor:
    """What the atoms leave of the frames that they fit worst.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames.
    W : torch.Tensor [shape=(F, K)]
        Atoms.
    H : torch.Tensor [shape=(K, T)]
        Activations, atoms first.
    n_frames : int
        How many residuals are asked for.

    Returns
    -------
    torch.Tensor [shape=(n_frames, F)]
        Positive parts of ``x - W h``, worst first, zeros where X has not as
        many frames.
    """
    residual = (X - H.T @ W.T).clamp_(min=0.0)
    errors = residual.square().sum(dim=1)
    worst = errors.topk(min(n_frames, len(X))).indices
    padded = X.new_zeros(n_frames, X.shape[1])
    padded[: len(worst)] = residual[worst]
    return padded


def replace_atoms(
    W: torch.Tensor,
    statistics: Statistics,
    atoms: torch.Tensor,
    residuals: torch.Tensor,
) -> int:
    """Put the largest residuals of all processes in the place of atoms.

    Arguments
    ---------
    W : torch.Tensor [shape=(F, K)]
        Atoms; changed in place.
    statistics : Statistics
        In which the new atoms have no past; changed in place.
    atoms : torch.Tensor [shape=(n,)]
        Indices of atoms to replace.
    residuals : torch.Tensor [shape=(m, F)]
        Candidates of this process, m >= n the same on each.

    Returns
    -------
    int
        Number of atoms replaced: fewer than n where frames are rebuilt
        exactly.
    """
    candidates = gather_over_ranks(residuals).flatten(0, 1)
    norms = candidates.norm(dim=1)
    worst = norms.topk(len(atoms)).indices
    worst = worst[norms[worst] > 0]
    atoms = atoms[: len(worst)]
    W[:, atoms] = unit_columns(candidates[worst].T)
    statistics.forget_atoms_(atoms)
    return len(atoms)
