"""Precision and recall at every threshold, and average precision.

Frames are counted by score in fine bins of the logit, so memory does not grow
with the recordings and sums over them are exact. Frames of one bin count as
equal in score; bins of the probability would make all sure decisions equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explainable_seg.brief import Brief
from explainable_seg.classes import CLASSES

LIMIT = 16.0  # scores beyond this logit count as equal: 1e-7 from 0 or 1
BINS_A_LOGIT = 128
SHOWN_POINTS = 200  # of a curve that is written or drawn


@dataclass(frozen=True, eq=False, repr=False)
class Curve(Brief):
    """Precision and recall of one class, from the strictest threshold on.

    Arguments
    ---------
    thresholds : np.ndarray [shape=(P,)]
        Probabilities, falling: frames that reach them are found.
    precision : np.ndarray [shape=(P,)]
        Share of what is found that is right.
    recall : np.ndarray [shape=(P,)]
        Share of the class that is found, rising to 1.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray

    @property
    def average_precision(self) -> float:
        """Area below the steps: ``sum_n (R_n - R_{n-1}) P_n``.

        As scikit-learn's ``average_precision_score`` defines it; nothing is
        interpolated, for that would be too optimistic (Davis and Goadrich,
        "The relationship between precision-recall and ROC curves", 2006).
        """
        return float(np.diff(self.recall, prepend=0.0) @ self.precision)

    def thinned(self, n_points: int = SHOWN_POINTS) -> "Curve":
        """Points about equally far apart on the picture, both ends with them.

        Far in recall or in precision: where one hardly changes, the other may.
        """
        steps = abs(np.diff(self.recall)) + abs(np.diff(self.precision))
        passed = np.append(0.0, steps.cumsum())
        chosen = np.searchsorted(passed, np.linspace(0, passed[-1], n_points))
        chosen = np.unique(chosen.clip(max=len(passed) - 1))
        return Curve(
            self.thresholds[chosen], self.precision[chosen], self.recall[chosen]
        )

    def as_lists(self) -> dict[str, list[float]]:
        """Plain values, for JSON."""
        return {
            "thresholds": self.thresholds.tolist(),
            "precision": self.precision.tolist(),
            "recall": self.recall.tolist(),
        }


class PrecisionRecallStats:
    """Frames of each class counted by score, present and absent ones apart.

    Arguments
    ---------
    classes : Sequence[str]
        Names of the C columns.

    Example
    -------
    >>> stats = PrecisionRecallStats()
    >>> logits = torch.tensor([[2.0], [1.0], [0.0]]).expand(3, 4)
    >>> music = torch.tensor(
    ...     [[-1, 1, -1, -1], [-1, 0, -1, -1], [-1, 1, -1, -1]]
    ... )
    >>> stats.update(logits, music)
    >>> round(stats.average_precision()["music"], 3)
    0.833
    >>> print(stats.average_precision()["speech"])
    None
    """

    def __init__(self, classes: Sequence[str] = CLASSES) -> None:
        self.classes = tuple(classes)
        self.n_bins = round(2 * LIMIT * BINS_A_LOGIT)
        # [absent or present, class, bin]
        self.counts = torch.zeros(
            2, len(self.classes), self.n_bins, dtype=torch.int64
        )

    def update(self, logits: torch.Tensor, targets: torch.Tensor) -> None:
        """Add frames.

        Arguments
        ---------
        logits : torch.Tensor [shape=(T, C)]
            Scores before the sigmoid.
        targets : torch.Tensor [shape=(T, C)]
            1, 0, or -1 where the class is unknown: not counted.
        """
        bins = ((logits.detach().cpu() + LIMIT) * BINS_A_LOGIT).floor().long()
        bins = bins.clamp(0, self.n_bins - 1)
        targets = targets.cpu()
        for c in range(len(self.classes)):
            for value in (0, 1):
                self.counts[value, c] += torch.bincount(
                    bins[targets[:, c] == value, c], minlength=self.n_bins
                )

    def curves(self) -> dict[str, Curve | None]:
        """Curve of each class; None where no frame is known to hold it."""
        return {name: self._curve(c) for c, name in enumerate(self.classes)}

    def average_precision(self) -> dict[str, float | None]:
        """Average precision of each class; None without a curve."""
        return {
            name: curve.average_precision if curve else None
            for name, curve in self.curves().items()
        }

    def _curve(self, c: int) -> Curve | None:
        """Curve of a class by its column, at each bin that holds a frame."""
        counts = self.counts[:, c].flip(-1).numpy()
        occupied = np.flatnonzero(counts.sum(axis=0))
        false, true = counts[:, occupied].cumsum(axis=1)
        if not len(occupied) or not true[-1]:
            return None
        edges = (self.n_bins - 1 - occupied) / BINS_A_LOGIT - LIMIT
        return Curve(
            1 / (1 + np.exp(-edges)), true / (true + false), true / true[-1]
        )
