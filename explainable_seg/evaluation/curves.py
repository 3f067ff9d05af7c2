"""Precision and recall at every threshold, and average precision.

Frames are counted by score in fine bins of the logit, so memory does not grow
with the recordings and sums over them are exact. Frames of one bin count as
equal in score; bins of the probability would make all sure decisions equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from explainable_seg.brief import Brief
from explainable_seg.classes import CLASSES
from explainable_seg.explanation import bootstrap_means, interval

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


FileScores = Mapping[str, Mapping[str, Mapping[str, float | None]]]
MACRO = "macro"
"""In place of a class: the mean over classes."""


def f1_intervals(files: FileScores) -> dict[str, list[float] | None]:
    """Interval of the F1 of each class and of their mean.

    Arguments
    ---------
    files : Mapping
        Scores of each recording and class, as ``files`` of
        :func:`~explainable_seg.evaluation.detection.score`; not empty.

    Returns
    -------
    dict[str, list[float] or None]
        Lower and upper end for each class scored and ``macro``; None with fewer than
        two recordings in which the class is annotated.
    """
    return _told(files, _draws(files))


def f1_differences(
    ours: FileScores, theirs: FileScores
) -> dict[str, dict[str, float] | None]:
    """By how much one model is ahead of another on the same recordings.

    Both are drawn with the same recordings, so what makes a recording hard for
    both does not blur the difference.

    Arguments
    ---------
    ours : Mapping
        As for :func:`f1_intervals`.
    theirs : Mapping
        Likewise, what is compared with.

    Returns
    -------
    dict[str, dict[str, float] or None]
        ``difference``, ``low`` and ``high`` for each class and ``macro``; an
        interval that holds 0 cannot tell the two apart. None as above.

    Raises
    ------
    ValueError
        If the recordings are not the same.
    """
    if ours.keys() != theirs.keys():
        raise ValueError(
            f"expected scores of the same recordings, got {sorted(ours)} and "
            f"{sorted(theirs)}"
        )
    values = (_f1(ours) - _f1(theirs)).tolist()
    ends = _told(ours, _draws(ours) - _draws(theirs))
    return {
        name: None
        if pair is None
        else {"difference": value, "low": pair[0], "high": pair[1]}
        for value, (name, pair) in zip(values, ends.items())
    }


def _told(
    files: FileScores, draws: torch.Tensor
) -> dict[str, list[float] | None]:
    """Interval of draws [B, C + 1], None where it means nothing."""
    ends = torch.stack(interval(draws), dim=1)
    known = _enough(files) & ~ends.isnan().any(dim=1)
    return {
        name: ends[i].tolist() if known[i] else None
        for i, name in enumerate((*_classes(files), MACRO))
    }


def _classes(files: FileScores) -> list[str]:
    """Classes that were scored, the same in all recordings."""
    return list(next(iter(files.values())))


def _draws(files: FileScores) -> torch.Tensor:
    """F1 of each class, and the mean, of each draw: [B, C + 1]."""
    return _with_macro(bootstrap_means(*_sums(files)))


def _f1(files: FileScores) -> torch.Tensor:
    """F1 of each class, and the mean, of all recordings: [C + 1]."""
    hits, seconds = _sums(files)
    return _with_macro((hits.sum(dim=0) / seconds.sum(dim=0))[None])[0]


def _with_macro(f1: torch.Tensor) -> torch.Tensor:
    """The mean over the classes that have an F1 behind them."""
    return torch.cat([f1, f1.nanmean(dim=1, keepdim=True)], dim=1)


def _sums(files: FileScores) -> tuple[torch.Tensor, torch.Tensor]:
    """Twice the hits, and reference and found seconds together: [R, C]."""
    rows = [list(map(_seconds, row.values())) for row in files.values()]
    sums = torch.tensor(rows, dtype=torch.float64)
    return sums[..., 0], sums[..., 1]


def _seconds(scores: Mapping[str, float | None]) -> tuple[float, float]:
    """Twice the hits, and reference and found seconds, of a recording."""
    relevant = scores["reference_seconds"] or 0.0
    retrieved = scores["hypothesis_seconds"] or 0.0
    return 2 * (scores["precision"] or 0.0) * retrieved, relevant + retrieved


def _enough(files: FileScores) -> torch.Tensor:
    """Whether two recordings annotate a class; the mean: any class, [C + 1]."""
    annotated = torch.tensor(
        [
            [scores["reference_seconds"] is not None for scores in row.values()]
            for row in files.values()
        ]
    )
    enough = annotated.sum(dim=0) > 1
    return torch.cat([enough, enough.any(dim=0, keepdim=True)])
