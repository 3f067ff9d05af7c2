"""Whether a probability of 0.7 is right seven times in ten."""

from collections.abc import Sequence
from typing import Any

import torch

from explainable_seg.classes import CLASSES

N_BINS = 15  # as in Guo et al., 2017


class CalibrationStats:
    """Reliability of each class, accumulated over recordings as sums.

    Known frames are put into bins of equal width by the probability p of the
    class; bin m of M holds ``(m-1)/M < p <= m/M`` (and p = 0 the first), as in
    Guo et al., "On calibration of modern neural networks", ICML 2017. The
    expected calibration error of the class is ``sum_m n_m/n |o_m - e_m|``,
    where e_m is the mean p in bin m and o_m the share of its frames that hold
    the class: the form for a binary decision of Naeini et al., "Obtaining well
    calibrated probabilities using Bayesian binning", AAAI 2015.

    Arguments
    ---------
    n_bins : int
        Number of bins M.
    classes : Sequence[str]
        Names of the C columns.

    Example
    -------
    >>> stats = CalibrationStats(n_bins=2)
    >>> probability = torch.tensor([0.75, 0.75, 0.25, 0.25])
    >>> truth = torch.tensor([1, 1, 0, 1])[:, None].expand(4, 4)
    >>> stats.update(probability.logit()[:, None].expand(4, 4), truth)
    >>> round(stats.summary()["music"]["ece"], 6)
    0.25
    """

    def __init__(self, n_bins: int = N_BINS, classes: Sequence[str] = CLASSES):
        self.n_bins = n_bins
        self.classes = tuple(classes)
        n_classes = len(self.classes)
        self.n_frames = torch.zeros(n_classes, n_bins, dtype=torch.float64)
        self.confidence = torch.zeros_like(self.n_frames)
        self.positives = torch.zeros_like(self.n_frames)
        self.squares = torch.zeros(n_classes, dtype=torch.float64)

    def update(self, logits: torch.Tensor, targets: torch.Tensor) -> None:
        """Add frames.

        Arguments
        ---------
        logits : torch.Tensor [shape=(T, C)]
            Scores before the sigmoid.
        targets : torch.Tensor [shape=(T, C)]
            1, 0, or -1 where the class is unknown: not counted.
        """
        probabilities = logits.detach().cpu().double().sigmoid()
        edges = torch.linspace(0, 1, self.n_bins + 1, dtype=torch.float64)[1:-1]
        targets = targets.cpu()
        for c in range(len(self.classes)):
            known = targets[:, c] >= 0
            p, y = probabilities[known, c], targets[known, c].double()
            bins = torch.bucketize(p, edges)
            for sums, values in (
                (self.n_frames, torch.ones_like(p)),
                (self.confidence, p),
                (self.positives, y),
            ):
                sums[c].index_add_(0, bins, values)
            self.squares[c] += (p - y).square().sum()

    def summary(self) -> dict[str, dict[str, Any] | None]:
        """Reliability of each class.

        Returns
        -------
        dict[str, dict or None]
            ``ece`` as defined above; ``brier``, the mean of ``(p - y)^2``
            (Brier, 1950); and ``table``: for each bin that holds frames its
            ends ``low`` and ``high``, the number of ``frames``, their mean
            probability ``confidence`` and the share ``frequency`` of them
            that hold the class. None for a class that is nowhere known.
        """
        return {name: self._of_class(c) for c, name in enumerate(self.classes)}

    def _of_class(self, c: int) -> dict[str, Any] | None:
        """Reliability of a class by its column."""
        n_frames = self.n_frames[c].sum().item()
        if not n_frames:
            return None
        gaps = (self.positives[c] - self.confidence[c]).abs()
        return {
            "ece": gaps.sum().item() / n_frames,
            "brier": self.squares[c].item() / n_frames,
            "table": [
                {
                    "low": m / self.n_bins,
                    "high": (m + 1) / self.n_bins,
                    "frames": int(n),
                    "confidence": self.confidence[c, m].item() / n,
                    "frequency": self.positives[c, m].item() / n,
                }
                for m, n in enumerate(self.n_frames[c].tolist())
                if n
            ],
        }
