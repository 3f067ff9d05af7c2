"""How well atoms rebuild the spectrogram, by class and by band.

The activations may be anybody's: the NMF transform's, a student's. A dictionary
that is trained jointly with its student may fail at high frequencies
(arXiv 2401.08268), where there is little energy: an error over all frequencies
does not show it, one a band does.
"""

from typing import Any

import torch

from explainable_seg.classes import CLASSES
from explainable_seg.explanation.relevance import BANDS_HZ, band_masks
from explainable_seg.nmf.coding import frame_blocks
from explainable_seg.nmf.distributed import sum_over_ranks
from explainable_seg.nmf.numerics import full_precision


class ReconstructionStats:
    """Errors and use of the atoms, accumulated over recordings as sums.

    Every figure is kept for all frames, and for the frames in which each class
    is active according to the reference.

    Arguments
    ---------
    dictionary : torch.Tensor [shape=(F, K)]
        Atoms W. Frames are worked on where it is.

    Example
    -------
    >>> stats = ReconstructionStats(torch.eye(2))
    >>> X = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    >>> H = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    >>> music = torch.tensor([[0, 1, -1, 0], [0, 0, -1, 0]])
    >>> stats.update(X, H, music)
    >>> summary = stats.summary()
    >>> summary["classes"]["music"]["error"], summary["atoms"]
    (0.8, 1.0)
    """

    def __init__(self, dictionary: torch.Tensor):
        self.W = dictionary.detach().float()
        n_bins, n_atoms = self.W.shape
        self.masks = band_masks(n_bins).to(self.W)
        n_groups = 1 + len(CLASSES)  # all frames, then those of each class
        zeros = self.W.new_zeros(n_groups, dtype=torch.float64)
        self.n_frames = zeros.clone()
        self.residual = zeros[:, None].repeat(1, len(BANDS_HZ))
        self.energy = torch.zeros_like(self.residual)
        self.used = zeros[:, None].repeat(1, n_atoms)

    def update(
        self, X: torch.Tensor, H: torch.Tensor, targets: torch.Tensor
    ) -> None:
        """Add the frames of a recording.

        Arguments
        ---------
        X : torch.Tensor [shape=(T, F)]
            Spectrogram.
        H : torch.Tensor [shape=(T, K)]
            Activations, non-negative.
        targets : torch.Tensor [shape=(T, C)]
            1 where the class is active; 0, or -1 where it is unknown.

        Raises
        ------
        ValueError
            If the three do not fit each other and the dictionary.
        """
        n_bins, n_atoms = self.W.shape
        shapes = [tuple(tensor.shape) for tensor in (X, H, targets)]
        expected = [(len(X), n) for n in (n_bins, n_atoms, len(CLASSES))]
        if shapes != expected:
            raise ValueError(
                f"expected `X`, `H` and `targets` of shapes {expected}, got "
                f"{shapes}"
            )
        for block in frame_blocks(X):
            self._add(X[block], H[block], targets[block])

    @torch.no_grad()
    @full_precision
    def _add(
        self, X: torch.Tensor, H: torch.Tensor, targets: torch.Tensor
    ) -> None:
        """Add a block of frames."""
        X, H = X.to(self.W), H.to(self.W)
        everywhere = torch.ones_like(targets[:, :1])
        groups = torch.cat([everywhere, targets], dim=1) == 1
        groups = groups.to(self.W).double().T  # [1 + C, T]
        self.n_frames += groups.sum(dim=1)
        # Within a band float32 will do; over recordings it would not.
        self.energy += groups @ (X.square() @ self.masks.T).double()
        residual = (X - H @ self.W.T).square() @ self.masks.T
        self.residual += groups @ residual.double()
        self.used += groups @ (H > 0).double()

    def sum_over_ranks(self) -> None:
        """Count the frames of all processes; each calls this, once."""
        sum_over_ranks(self.n_frames, self.residual, self.energy, self.used)

    def summary(self) -> dict[str, Any]:
        """Measures over all frames and over those of each class.

        Returns
        -------
        dict[str, Any]
            ``frames`` (how many), ``error`` (``||X - W H|| / ||X||``, the root
            of the share of the energy that is left), ``error_by_band`` (the
            same within each of
            :data:`~explainable_seg.explanation.relevance.BANDS_HZ`), ``atoms``
            (active ones a frame), ``usage`` (K shares of the frames, in which
            each atom is active), ``dead`` (share of the atoms that no frame
            uses); and under ``classes`` the first five of them for the frames
            of each class. None where no frame, or no sound, was added.
        """
        whole = self._group(0)
        unused = (self.used[0] == 0).double().mean().item()
        return {
            **whole,
            "dead": unused if whole["frames"] else None,
            "classes": {
                name: self._group(1 + c) for c, name in enumerate(CLASSES)
            },
        }

    def _group(self, group: int) -> dict[str, Any]:
        """Measures over the frames of one group."""
        residual, energy = self.residual[group], self.energy[group]
        n_frames = self.n_frames[group]
        errors = _relative(residual, energy)
        known = bool(n_frames > 0)
        usage = (self.used[group] / n_frames).tolist() if known else None
        return {
            "frames": int(n_frames),
            "error": _relative(residual.sum(), energy.sum())[0],
            "error_by_band": errors,
            "atoms": sum(usage) if usage is not None else None,
            "usage": usage,
        }


def _relative(
    residual: torch.Tensor, energy: torch.Tensor
) -> list[float | None]:
    """Root of the share of each energy that is left; None of no energy."""
    shares = (residual / energy).sqrt().reshape(-1).tolist()
    return [
        share if whole > 0 else None
        for share, whole in zip(shares, energy.reshape(-1).tolist())
    ]
