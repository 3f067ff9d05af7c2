"""Per-class thresholds: F1 at every threshold from one pass over the frames."""

import dataclasses
from collections.abc import Sequence

import torch

from explainable_seg.classes import CLASSES
from explainable_seg.distributed import sum_over_ranks

# Beta of the F-beta that is highest there: how many times recall counts.
F_BETAS = {"recall": 2.0, "precision": 0.5}


@dataclasses.dataclass(frozen=True)
class ThresholdChoice:
    """Thresholds and what they give on the frames they were chosen on.

    ``thresholds`` a class; ``f1`` a class; ``predicted`` is the share of known
    frames that are detected; ``operating_points`` are thresholds a class that
    favour one of the two errors, by name. All are None of a class that never
    occurs in these frames, or is not annotated there: nothing says where its
    threshold would lie.
    """

    thresholds: dict[str, float | None]
    f1: dict[str, float | None]
    predicted: dict[str, float | None]
    operating_points: dict[str, dict[str, float | None]] = dataclasses.field(
        default_factory=dict
    )

    @property
    def macro_f1(self) -> float | None:
        """Mean F1 of the classes that have one."""
        values = list(self.known_f1.values())
        return sum(values) / len(values) if values else None

    @property
    def known_f1(self) -> dict[str, float]:
        """F1 of the classes that have one."""
        return {c: f1 for c, f1 in self.f1.items() if f1 is not None}


def f_beta(
    hits: torch.Tensor,
    found: torch.Tensor,
    relevant: torch.Tensor,
    beta: float = 1.0,
) -> torch.Tensor:
    """F-beta of counts, or of seconds.

    Arguments
    ---------
    hits : torch.Tensor [shape=(...)]
        Of what is found, what is right.
    found : torch.Tensor [shape=(...)]
        What is found.
    relevant : torch.Tensor [shape=(...)]
        What there is to find.
    beta : float
        How many times recall counts.

    Returns
    -------
    torch.Tensor [shape=(...)]
        NaN where nothing is found and nothing is there.

    Example
    -------
    >>> f_beta(torch.tensor(2.0), torch.tensor(2.0), torch.tensor(4.0))
    tensor(0.6667)
    """
    weight = beta**2  # of recall against precision
    return (1 + weight) * hits / (found + weight * relevant)


def best_index(scores: torch.Tensor) -> int:
    """Place of the highest score: the middle of those that are as high.

    The middle of a plateau generalises better than its edge.

    Arguments
    ---------
    scores : torch.Tensor [shape=(N,)]
        Along a line of thresholds; NaN is the lowest.

    Returns
    -------
    int

    Example
    -------
    >>> best_index(torch.tensor([0.1, 0.5, 0.5, 0.5, 0.2]))
    2
    """
    best = scores.nan_to_num(-1.0)
    plateau = torch.nonzero(best >= best.max() - 1e-9).squeeze(1)
    return int(plateau[len(plateau) // 2])


class ThresholdSweep:
    """Counts of positives and negatives by score, accumulated over batches.

    Two histograms a class hold all that F1 needs at every threshold, so memory
    is flat and sums over batches (or processes) are exact.

    Arguments
    ---------
    n_bins : int
        Bins of probability: thresholds are multiples of ``1 / n_bins``.
    classes : Sequence[str]
        Names of the C columns.

    Example
    -------
    >>> sweep = ThresholdSweep(n_bins=10)
    >>> scores = torch.tensor([[0.95] * 4, [0.05] * 4])
    >>> targets = torch.tensor([[1] * 4, [0] * 4])
    >>> sweep.update(scores, targets)
    >>> sweep.best().macro_f1
    1.0
    """

    def __init__(self, n_bins: int = 200, classes: Sequence[str] = CLASSES):
        self.n_bins = n_bins
        self.classes = tuple(classes)
        # [negative or positive, class, bin]
        self.counts = torch.zeros(
            2, len(self.classes), n_bins, dtype=torch.int64
        )

    def update(
        self, probabilities: torch.Tensor, targets: torch.Tensor
    ) -> None:
        """Add frames.

        Arguments
        ---------
        probabilities : torch.Tensor [shape=(..., C)]
            Scores in [0, 1].
        targets : torch.Tensor [shape=(..., C)]
            1, 0, or -1 where the class is unknown.
        """
        n_classes = len(self.classes)
        scores = probabilities.detach().reshape(-1, n_classes).cpu()
        truth = targets.reshape(-1, n_classes).cpu()
        bins = (scores * self.n_bins).long().clamp(0, self.n_bins - 1)
        for c in range(n_classes):
            for value in (0, 1):
                chosen = bins[truth[:, c] == value, c]
                self.counts[value, c] += torch.bincount(
                    chosen, minlength=self.n_bins
                )

    def sum_over_ranks(self) -> None:
        """Count the frames of all processes; each calls this, once."""
        sum_over_ranks(self.counts)

    def best(self) -> ThresholdChoice:
        """Thresholds of the highest F1; None where a class never occurs."""
        f1, predicted = self._curves()
        points = {
            name: self._as_thresholds(self._best_bins(self._curves(beta)[0]))
            for name, beta in F_BETAS.items()
        }
        return self._choice(self._best_bins(f1), f1, predicted, points)

    def _best_bins(self, scores: torch.Tensor) -> dict[str, int | None]:
        """Bin of the highest score [C, n_bins] of each class."""
        return {
            name: best_index(scores[c]) if self.counts[1, c].any() else None
            for c, name in enumerate(self.classes)
        }

    def _as_thresholds(
        self, bins: dict[str, int | None]
    ) -> dict[str, float | None]:
        """Probabilities at which bins begin."""
        return {
            name: None if bin is None else bin / self.n_bins
            for name, bin in bins.items()
        }

    def _curves(self, beta: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
        """F-beta and share of detected frames [C, n_bins], NaN if undefined."""
        detected = self.counts.flip(-1).cumsum(-1).flip(-1).double()
        false, true = detected
        positives = self.counts[1].sum(-1, keepdim=True)
        known = self.counts.sum(dim=(0, 2)).unsqueeze(-1)
        found = true + false
        return f_beta(true, found, positives, beta), found / known

    def _choice(
        self,
        chosen: dict[str, int | None],
        f1: torch.Tensor,
        predicted: torch.Tensor,
        operating_points: dict[str, dict[str, float | None]],
    ) -> ThresholdChoice:
        """Choice of a bin a class; a class without one has no figures."""

        def values(table: torch.Tensor) -> dict[str, float | None]:
            return {
                name: None if bin is None else table[c, bin].item()
                for c, (name, bin) in enumerate(chosen.items())
            }

        return ThresholdChoice(
            self._as_thresholds(chosen),
            values(f1),
            values(predicted),
            operating_points,
        )
