"""What the atoms need to know of the frames, whatever their number."""

import dataclasses
from typing import NamedTuple, Optional

import torch

from explainable_seg.nmf.distributed import sum_over_ranks
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
