"""How well H is grounded in the sound: measured, never assumed."""

from collections.abc import Sequence

import torch

from explainable_seg.classes import CLASSES
from explainable_seg.evaluation.agreement import pearson
from explainable_seg.explanation.grounding import permute_frequencies
from explainable_seg.explanation.relevance import (
    band_shares,
    relevance_spectrum,
)
from explainable_seg.nmf.coding import overshoot
from explainable_seg.nmf.converged import converged_code
from explainable_seg.nmf.distributed import sum_over_ranks
from explainable_seg.nmf.numerics import full_precision

CODES = ("student", "nmf")


class RepresentationStats:
    """Grounding of activations, accumulated over recordings as sums.

    Beside the student's activations H stand those of the NMF transform of the
    same frames, computed to convergence: the best that the atoms can do under
    the sparsity of the dictionary.

    Arguments
    ---------
    dictionary : torch.Tensor [shape=(F, K)]
        Atoms W, unit-norm.
    mu : float
        Sparsity weight of the transform.
    theta : torch.Tensor [shape=(C, K)]
        Classification weights, for the share of relevance a band.
    control : bool
        Whether to transform with permuted frequencies too, which takes as long
        as the transform.
    classes : Sequence[str]
        Names of the C rows.
    """

    def __init__(
        self,
        dictionary: torch.Tensor,
        mu: float,
        theta: torch.Tensor,
        control: bool = True,
        classes: Sequence[str] = CLASSES,
    ):
        self.classes = tuple(classes)
        self.W = dictionary.detach().cpu().float()
        self.theta = theta.detach().cpu().float()
        self.mu = mu
        n_bins, n_atoms = self.W.shape
        self.permuted_W = permute_frequencies(self.W) if control else None
        shapes: dict[str, tuple[int, ...]] = {
            "n_frames": (),
            "energy": (),
            "input_by_bin": (n_bins,),
            "residual": (len(CODES),),
            "used": (len(CODES), n_atoms),
            "positive": tuple(self.theta.shape),
            "heard": tuple(self.theta.shape),
            "supported": tuple(self.theta.shape),
            # Of h, g, p, h^2, g^2, p^2, h g, h p over frames and atoms, for
            # the activations of student, transform and control.
            "moments": (8,),
        }
        self.sums = {
            name: torch.zeros(shape, dtype=torch.float64)
            for name, shape in shapes.items()
        }

    @full_precision
    def update(self, X: torch.Tensor, H: torch.Tensor) -> None:
        """Add the frames of a recording.

        Arguments
        ---------
        X : torch.Tensor [shape=(T, F)]
            Spectrogram.
        H : torch.Tensor [shape=(T, K)]
            The student's activations.
        """
        X, H = X.cpu().float(), H.cpu().float()
        code = converged_code(X, self.W, self.mu)
        control = torch.zeros_like(code)  # constant: no correlation
        if self.permuted_W is not None:
            control = converged_code(X, self.permuted_W, self.mu)
        sums = self.sums
        sums["n_frames"] += len(X)
        sums["energy"] += X.double().square().sum()
        sums["input_by_bin"] += X.double().sum(dim=0)
        for i, activations in enumerate((H, code)):
            residual = (X - activations @ self.W.T).double()
            sums["residual"][i] += residual.square().sum()
            sums["used"][i] += (activations > 0).double().sum(dim=0)
        weights = self.theta.clamp(min=0).double()
        supported = H - overshoot(X, self.W, H)
        sums["positive"] += weights * H.double().sum(dim=0)
        sums["heard"] += weights * torch.minimum(H, code).double().sum(dim=0)
        sums["supported"] += weights * supported.double().sum(dim=0)
        terms = (H, code, control)
        products = [*terms, *(term * term for term in terms)]
        products += [H * code, H * control]
        sums["moments"] += torch.stack([p.double().sum() for p in products])

    def sum_over_ranks(self) -> None:
        """Count the frames of all processes; each calls this, once."""
        sum_over_ranks(*self.sums.values())

    def summary(self) -> dict[str, float | None]:
        """Measures over all frames.

        Returns
        -------
        dict[str, float or None]
            ``error`` and ``nmf_error`` (||X - W H|| / ||X||), their
            ``error_ratio``, active ``atoms`` and ``nmf_atoms`` a frame, their
            ``atoms_ratio``, ``dead`` and ``nmf_dead`` (share of atoms that no
            frame uses), ``correlation`` of H with the transform (Pearson,
            frames and atoms pooled), ``permuted_correlation``, the same with
            the transform for a W whose frequencies are exchanged (None
            without a control). Of the
            positive relevance, ``heard_relevance`` is the share that
            activations up to those of the transform carry, and
            ``supported_relevance`` the share without their
            :func:`~explainable_seg.nmf.coding.overshoot`: the first asks for
            the transform's own choice of atoms, the second for any atoms
            that the sound needs.

        Raises
        ------
        ValueError
            If no frame that sounds was added.
        """
        sums = self.sums
        if sums["energy"] == 0.0:
            raise ValueError("expected frames that sound, got none")
        error, nmf_error = (sums["residual"] / sums["energy"]).sqrt().tolist()
        used = sums["used"]
        atoms, nmf_atoms = (used.sum(dim=1) / sums["n_frames"]).tolist()
        dead, nmf_dead = (used == 0).double().mean(dim=1).tolist()
        correlation, permuted = self._correlations()
        positive, heard, supported = (
            sums[name].sum().item()
            for name in ("positive", "heard", "supported")
        )
        return {
            "error": error,
            "nmf_error": nmf_error,
            "error_ratio": error / nmf_error if nmf_error else None,
            "atoms": atoms,
            "nmf_atoms": nmf_atoms,
            "atoms_ratio": atoms / nmf_atoms if nmf_atoms else None,
            "dead": dead,
            "nmf_dead": nmf_dead,
            "correlation": correlation,
            "permuted_correlation": permuted,
            "heard_relevance": heard / positive if positive else None,
            "supported_relevance": supported / positive if positive else None,
        }

    def band_shares(self) -> dict[str, list[float] | None]:
        """Share of each band in the positive relevance of each class.

        Returns
        -------
        dict[str, list[float] or None]
            For ``input`` (the spectrogram itself) and each class the shares of
            :data:`~explainable_seg.explanation.relevance.BANDS_HZ`; None for a
            class without positive relevance.
        """
        shares = {"input": band_shares(self.sums["input_by_bin"])}
        for name, relevance in zip(self.classes, self.sums["positive"]):
            spectrum = relevance_spectrum(relevance, self.W)
            shares[name] = band_shares(spectrum)
        return shares

    def _correlations(self) -> tuple[float | None, float | None]:
        """Pearson correlation over frames and atoms, and the control's."""
        n_values = self.sums["n_frames"] * self.W.shape[1]
        means = self.sums["moments"] / n_values
        h, g, p, hh, gg, pp, hg, hp = means.tolist()
        return pearson(h, g, hh, gg, hg), pearson(h, p, hh, pp, hp)
