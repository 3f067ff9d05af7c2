"""How well H is grounded in the sound: measured, never assumed."""

import torch

from explainable_seg.frames import SAMPLE_RATE
from explainable_seg.nmf.coding import coordinate_code

BANDS_HZ = ((0, 100), (100, 1000), (1000, 4000), (4000, 8000))


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
    n_sweeps : int
        Passes of the transform.
    """

    def __init__(
        self,
        dictionary: torch.Tensor,
        mu: float,
        theta: torch.Tensor,
        n_sweeps: int = 15,
    ):
        self.W = dictionary.detach().cpu().float()
        self.theta = theta.detach().cpu().float()
        self.mu = mu
        self.n_sweeps = n_sweeps
        n_atoms = self.W.shape[1]
        # A fixed permutation without fixed points: every atom is exchanged.
        self._shift = max(1, n_atoms // 2)
        self.n_frames = 0
        self.energy = 0.0
        self.input_by_bin = torch.zeros(self.W.shape[0], dtype=torch.float64)
        self.residual = {"student": 0.0, "nmf": 0.0}
        self.active = {"student": 0, "nmf": 0}
        self.used = {
            name: torch.zeros(n_atoms, dtype=torch.int64)
            for name in ("student", "nmf")
        }
        self.positive = torch.zeros_like(self.theta, dtype=torch.float64)
        # Sums of h, g, h^2, g^2, hg (and hg of the permuted control).
        self.moments = torch.zeros(6, n_atoms, dtype=torch.float64)

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
        code = torch.zeros(self.W.shape[1], len(X))
        G = self.W.T @ self.W
        coordinate_code(self.W.T @ X.T, G, code, self.mu, self.n_sweeps)
        code = code.T.contiguous()
        self.n_frames += len(X)
        self.energy += X.double().square().sum().item()
        self.input_by_bin += X.double().sum(dim=0)
        for name, activations in (("student", H), ("nmf", code)):
            residual = (X - activations @ self.W.T).double()
            self.residual[name] += residual.square().sum().item()
            self.active[name] += int((activations > 0).sum())
            self.used[name] += (activations > 0).sum(dim=0)
        self.positive += self.theta.clamp(min=0) * H.double().sum(dim=0)
        permuted = code.roll(self._shift, dims=1)
        products = (H, code, H * H, code * code, H * code, H * permuted)
        self.moments += torch.stack([p.double().sum(dim=0) for p in products])

    def summary(self) -> dict[str, float]:
        """Measures over all frames.

        Returns
        -------
        dict[str, float]
            ``error`` and ``nmf_error`` (||X - W H|| / ||X||), their
            ``error_ratio``, active ``atoms`` and ``nmf_atoms`` a frame, their
            ``atoms_ratio``, ``dead`` and ``nmf_dead`` (share of atoms that no
            frame uses), ``correlation`` of H with the transform (mean over
            atoms), and ``permuted_correlation``, the same with the atoms of
            the transform exchanged.

        Raises
        ------
        ValueError
            If no frame that sounds was added.
        """
        if self.energy == 0.0:
            raise ValueError("expected frames that sound, got none")
        error, nmf_error = (
            (self.residual[name] / self.energy) ** 0.5
            for name in ("student", "nmf")
        )
        atoms, nmf_atoms = (
            self.active[name] / self.n_frames for name in ("student", "nmf")
        )
        dead, nmf_dead = (
            (self.used[name] == 0).double().mean().item()
            for name in ("student", "nmf")
        )
        correlation, permuted = self._correlations()
        return {
            "error": error,
            "nmf_error": nmf_error,
            "error_ratio": error / nmf_error,
            "atoms": atoms,
            "nmf_atoms": nmf_atoms,
            "atoms_ratio": atoms / nmf_atoms,
            "dead": dead,
            "nmf_dead": nmf_dead,
            "correlation": correlation,
            "permuted_correlation": permuted,
        }

    def band_shares(self) -> dict[str, list[float]]:
        """Share of each band in the positive relevance of each class.

        The relevance of an atom is spread over the bins as its spectrum is.

        Returns
        -------
        dict[str, list[float]]
            For ``input`` and each row of Theta (``0``, ``1``, ...) the shares
            of :data:`BANDS_HZ`, which sum to 1; ``input`` is the spectrogram's
            own.
        """
        spectra = self.W.double() / self.W.double().sum(dim=0).clamp(min=1e-12)
        rows = {"input": self.input_by_bin}
        for c, relevance in enumerate(self.positive):
            rows[str(c)] = spectra @ relevance
        bins = torch.linspace(0, SAMPLE_RATE / 2, len(self.W))
        shares = {}
        for name, spectrum in rows.items():
            total = spectrum.sum().clamp(min=1e-12)
            shares[name] = [
                (
                    spectrum[
                        (bins >= low) & (bins < high + (high == 8000))
                    ].sum()
                    / total
                ).item()
                for low, high in BANDS_HZ
            ]
        return shares

    def _correlations(self) -> tuple[float, float]:
        """Mean Pearson correlation over atoms, and that of the control."""
        h, g, hh, gg, hg, hp = self.moments / self.n_frames
        deviation_h = (hh - h * h).clamp(min=0).sqrt()
        deviation_g = (gg - g * g).clamp(min=0).sqrt()

        def mean(product: torch.Tensor, first: torch.Tensor) -> float:
            mean_g, deviation = first
            scale = deviation_h * deviation
            defined = scale > 0
            values = (product - h * mean_g)[defined] / scale[defined]
            return values.mean().item()

        rolled = torch.stack([g, deviation_g]).roll(self._shift, dims=1)
        return mean(hg, torch.stack([g, deviation_g])), mean(hp, rolled)
