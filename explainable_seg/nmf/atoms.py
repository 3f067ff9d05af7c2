"""The atoms: their update from statistics, and new ones for dead ones."""

import dataclasses
from typing import NamedTuple, Optional

import torch

from explainable_seg.distributed import (
    gather_over_ranks,
    rank_and_size,
    sum_over_ranks,
)
from explainable_seg.nmf.coding import frame_blocks, sweep_rows
from explainable_seg.nmf.numerics import powers_of_two


class Summary(NamedTuple):
    """How well, and with what, frames are rebuilt.

    ``n_frames``; ``objective``, a frame; ``relative_error``, ``||X - H W'|| / ||X||``;
    ``atoms_per_frame`` in use; ``usage`` [K], the share of the frames that
    each atom is used in.
    """

    n_frames: float
    objective: float
    relative_error: float
    atoms_per_frame: float
    usage: torch.Tensor


@dataclasses.dataclass
class Statistics:
    """Sums over frames, in float64, from which the atoms are updated.

    As in online dictionary learning (Mairal, Bach, Ponce and Sapiro, "Online
    learning for matrix factorization and sparse coding", 2010): ``A = X' H``
    and ``B = H' H`` replace the frames. With three scalars they also give the
    objective for any W.

    Arguments
    ---------
    A : torch.Tensor [shape=(F, K)]
        ``X' H``.
    B : torch.Tensor [shape=(K, K)]
        ``H' H``.
    n_active : torch.Tensor [shape=(K,)]
        Number of frames that use each atom.
    energy : torch.Tensor [shape=()]
        ``||X||_F^2``.
    l1 : torch.Tensor [shape=()]
        ``||H||_1``.
    n_frames : torch.Tensor [shape=()]
        Number of frames.

    Example
    -------
    >>> X, W = torch.tensor([[3.0, 0.0]]), torch.eye(2)
    >>> seen = Statistics.of(X, torch.tensor([[2.0], [0.0]]))
    >>> seen.objective(W, mu=1.0)
    2.5
    """

    A: torch.Tensor
    B: torch.Tensor
    n_active: torch.Tensor
    energy: torch.Tensor
    l1: torch.Tensor
    n_frames: torch.Tensor

    @classmethod
    def zeros(cls, W: torch.Tensor) -> "Statistics":
        """Statistics of no frames, for atoms [F, K]."""
        n_bins, n_atoms = W.shape
        shapes = ((n_bins, n_atoms), (n_atoms, n_atoms), (n_atoms,), (), (), ())
        return cls(
            *(
                torch.zeros(shape, dtype=torch.float64, device=W.device)
                for shape in shapes
            )
        )

    @classmethod
    def of(
        cls,
        X: torch.Tensor,
        H: torch.Tensor,
        energy: Optional[torch.Tensor] = None,
    ) -> "Statistics":
        """Statistics of frames and their activations, over all processes.

        Arguments
        ---------
        X : torch.Tensor [shape=(T, F)]
            Frames.
        H : torch.Tensor [shape=(K, T)]
            Activations, atoms first.
        energy : torch.Tensor, optional [shape=()]
            ``||X||_F^2`` of this process, where it is known already.

        Returns
        -------
        Statistics
        """
        if energy is None:
            energy = frame_energy(X)
        statistics = cls(
            A=(H @ X).T.double(),
            B=(H @ H.T).double(),
            n_active=torch.count_nonzero(H, dim=1).double(),
            energy=energy.clone(),
            l1=H.sum(dtype=torch.float64),
            n_frames=torch.full_like(energy, len(X)),
        )
        sum_over_ranks(*statistics.tensors().values())
        return statistics

    def to(self, device: torch.device) -> "Statistics":
        """These sums on a device; themselves, if they are there."""
        tensors = self.tensors().items()
        return Statistics(**{name: t.to(device) for name, t in tensors})

    def tensors(self) -> dict[str, torch.Tensor]:
        """The sums by name."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
        }

    def add_(self, other: "Statistics", weight: float = 1.0) -> None:
        """Count the frames of ``other`` in, or out with weight -1."""
        for name, tensor in self.tensors().items():
            tensor.add_(getattr(other, name), alpha=weight)

    def plus(self, other: "Statistics") -> "Statistics":
        """Of these frames and those of ``other``."""
        tensors = self.tensors().items()
        return Statistics(
            **{name: tensor + getattr(other, name) for name, tensor in tensors}
        )

    def scaled(self, factor: float) -> "Statistics":
        """Of the same frames, all of them ``factor`` times as large; a copy."""
        square = factor * factor
        return Statistics(
            A=self.A * square,
            B=self.B * square,
            n_active=self.n_active.clone(),
            energy=self.energy * square,
            l1=self.l1 * factor,
            n_frames=self.n_frames.clone(),
        )

    def levelled(self) -> tuple[torch.Tensor, torch.Tensor]:
        """A [F, K] and B [K, K], the columns of each atom divided by one number.

        A power of two, which leaves what an atom moves to as it is, and fits
        the sums over any number of frames into float32.
        """
        largest = torch.maximum(self.A.amax(dim=0), self.B.amax(dim=0))
        scales = powers_of_two(largest)
        return self.A / scales, self.B / scales

    def copy_(self, other: "Statistics") -> None:
        """Take the sums of ``other``."""
        for name, tensor in self.tensors().items():
            tensor.copy_(getattr(other, name))

    def decay_(self, factor: float) -> None:
        """Let all frames so far count ``factor`` times as much."""
        for tensor in self.tensors().values():
            tensor.mul_(factor)

    def forget_atoms_(self, atoms: torch.Tensor) -> None:
        """Drop the past of atoms [n] that have been replaced."""
        self.A[:, atoms] = 0.0
        self.B[atoms] = 0.0
        self.B[:, atoms] = 0.0
        self.n_active[atoms] = 0.0

    def dead_atoms(self, share: float = 0.0) -> torch.Tensor:
        """Indices [n] of atoms that at most this share of frames uses."""
        return (self.n_active <= share * self.n_frames).nonzero()[:, 0]

    def residual(self, W: torch.Tensor) -> float:
        """``||X - H W'||_F^2`` for a dictionary W [F, K]."""
        W = W.double()
        rebuilt = ((W.T @ W) * self.B).sum()
        return (self.energy - 2 * (W * self.A).sum() + rebuilt).item()

    def objective(self, W: torch.Tensor, mu: float) -> float:
        """``0.5 ||X - H W'||_F^2 + mu ||H||_1`` for a dictionary W [F, K]."""
        return 0.5 * self.residual(W) + mu * self.l1.item()

    def summary(self, W: torch.Tensor, mu: float) -> Summary:
        """What to log of these frames, for a dictionary W [F, K]."""
        tiny = torch.finfo(torch.float64).tiny
        n_frames = max(self.n_frames.item(), tiny)
        energy = max(self.energy.item(), tiny)
        return Summary(
            n_frames=n_frames,
            objective=self.objective(W, mu) / n_frames,
            relative_error=(max(self.residual(W), 0.0) / energy) ** 0.5,
            atoms_per_frame=self.n_active.sum().item() / n_frames,
            usage=self.n_active / n_frames,
        )


def frame_energy(X: torch.Tensor) -> torch.Tensor:
    """``||X||_F^2`` [shape=()] in float64, without a copy of X."""
    return torch.linalg.vector_norm(X, dtype=torch.float64).square()


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


INITS = ("frames", "random", "nndsvd")

NEGLIGIBLE = 1e-6  # share of the largest eigenvalue: noise in float32


def initial_atoms(
    X: torch.Tensor, n_atoms: int, init: str, generator: torch.Generator
) -> torch.Tensor:
    """Unit-norm atoms, the same on all processes that share the frames.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Non-negative frames of this process.
    n_atoms : int
        Number of atoms K.
    init : str
        ``frames``: frames drawn without replacement. ``random``: uniform
        noise. ``nndsvd``: the leading non-negative parts of the singular
        vectors (Boutsidis and Gallopoulos, "SVD based initialization", 2008).
        Atoms that the frames do not suffice for are drawn as the next of
        these: nndsvd, frames, random.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    torch.Tensor [shape=(F, K)]

    Raises
    ------
    ValueError
        If ``init`` is none of these.

    Example
    -------
    >>> X = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    >>> initial_atoms(X, 1, "frames", torch.Generator())
    tensor([[0.6000],
            [0.8000]])
    """
    if init not in INITS:
        raise ValueError(f"expected `init` one of {INITS}, got {init!r}")
    noise = torch.rand(n_atoms, X.shape[1], generator=generator).to(X)
    parts = [noise]
    if init != "random":
        parts.insert(0, draw_frames(X, n_atoms, generator))
    if init == "nndsvd":
        parts.insert(0, _singular_parts(X, n_atoms))
    return unit_columns(torch.cat(parts)[:n_atoms].T)


def draw_frames(
    X: torch.Tensor, n_frames: int, generator: torch.Generator
) -> torch.Tensor:
    """Frames that sound, drawn without replacement from all processes.

    Arguments
    ---------
    X : torch.Tensor [shape=(T, F)]
        Frames of this process.
    n_frames : int
        How many to draw.
    generator : torch.Generator
        On the CPU, in the same state on each process.

    Returns
    -------
    torch.Tensor [shape=(n, F)]
        The same on all processes; n <= n_frames, where fewer sound.
    """
    sounding = (X.amax(dim=1) > 0).nonzero()[:, 0]
    counts = gather_over_ranks(torch.tensor(len(sounding), device=X.device))
    drawn = torch.randperm(int(counts.sum()), generator=generator)
    own = drawn[:n_frames].to(X.device)
    own = own - counts[: rank_and_size()[0]].sum()
    here = (own >= 0) & (own < len(sounding))
    frames = X.new_zeros(len(own), X.shape[1])
    frames[here] = X[sounding[own[here]]]
    sum_over_ranks(frames)
    return frames


def _singular_parts(X: torch.Tensor, n_atoms: int) -> torch.Tensor:
    """Of each leading singular vector, the part of either sign with more.

    From the second moments [F, F], so that the frames are gone through in
    blocks.
    """
    moments = X.new_zeros(X.shape[1], X.shape[1], dtype=torch.float64)
    for block in frame_blocks(X):
        moments += X[block].T @ X[block]
    sum_over_ranks(moments)
    values, vectors = torch.linalg.eigh(moments)
    values, vectors = values.flip(0)[:n_atoms], vectors.flip(1)[:, :n_atoms]
    vectors = vectors[:, values > NEGLIGIBLE * values[0]]
    energies = X.new_zeros(2, vectors.shape[1], dtype=torch.float64)
    for block in frame_blocks(X):
        scores = X[block] @ vectors.to(X)
        for energy, part in zip(energies, (scores, -scores)):
            energy += part.clamp(min=0.0).square().sum(dim=0)
    sum_over_ranks(energies)
    positive, negative = vectors.clamp(min=0.0), (-vectors).clamp(min=0.0)
    prefer = energies[0] * positive.square().sum(dim=0) >= energies[
        1
    ] * negative.square().sum(dim=0)
    return torch.where(prefer, positive, negative).T.to(X)
