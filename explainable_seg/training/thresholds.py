"""Per-class thresholds: F1 at every threshold from one pass over the frames."""

import dataclasses

import torch

from explainable_seg.classes import CLASSES


@dataclasses.dataclass(frozen=True)
class ThresholdChoice:
    """Thresholds and what they give on the frames they were chosen on.

    ``thresholds`` a class; ``f1`` a class, None where the class has neither
    reference nor detections or is not annotated; ``predicted`` is the share of
    known frames that are detected.
    """

    thresholds: dict[str, float]
    f1: dict[str, float | None]
    predicted: dict[str, float | None]

    @property
    def macro_f1(self) -> float | None:
        """Mean F1 of the classes that have one."""
        values = list(self.known_f1.values())
        return sum(values) / len(values) if values else None

    @property
    def known_f1(self) -> dict[str, float]:
        """F1 of the classes that have one."""
        return {c: f1 for c, f1 in self.f1.items() if f1 is not None}


class ThresholdSweep:
    """Counts of positives and negatives by score, accumulated over batches.

    Two histograms a class hold all that F1 needs at every threshold, so memory
    is flat and sums over batches (or processes) are exact.

    Arguments
    ---------
    n_bins : int
        Bins of probability: thresholds are multiples of ``1 / n_bins``.

    Example
    -------
    >>> sweep = ThresholdSweep(n_bins=10)
    >>> scores = torch.tensor([[0.95] * 4, [0.05] * 4])
    >>> targets = torch.tensor([[1] * 4, [0] * 4])
    >>> sweep.update(scores, targets)
    >>> sweep.best().macro_f1
    1.0
    """

    def __init__(self, n_bins: int = 200):
        self.n_bins = n_bins
        # [negative or positive, class, bin]
        self.counts = torch.zeros(2, len(CLASSES), n_bins, dtype=torch.int64)

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
        scores = probabilities.detach().reshape(-1, len(CLASSES)).cpu()
        truth = targets.reshape(-1, len(CLASSES)).cpu()
        bins = (scores * self.n_bins).long().clamp(0, self.n_bins - 1)
        for c in range(len(CLASSES)):
            for value in (0, 1):
                chosen = bins[truth[:, c] == value, c]
                self.counts[value, c] += torch.bincount(
                    chosen, minlength=self.n_bins
                )

    def best(self) -> ThresholdChoice:
        """Thresholds of the highest F1, 0.5 where a class has no F1."""
        f1, predicted = self._curves()
        chosen = {}
        for c, name in enumerate(CLASSES):
            if bool(torch.isnan(f1[c]).all()):
                chosen[name] = self.n_bins // 2
                continue
            best = f1[c].nan_to_num(-1.0)
            # The middle of a plateau generalises better than its edge.
            plateau = torch.nonzero(best >= best.max() - 1e-9).squeeze(1)
            chosen[name] = int(plateau[len(plateau) // 2])
        return self._choice(chosen, f1, predicted)

    def _curves(self) -> tuple[torch.Tensor, torch.Tensor]:
        """F1 and share of detected frames [C, n_bins], NaN if undefined."""
        detected = self.counts.flip(-1).cumsum(-1).flip(-1).double()
        false, true = detected
        positives = self.counts[1].sum(-1, keepdim=True)
        known = self.counts.sum(dim=(0, 2)).unsqueeze(-1)
        f1 = 2 * true / (true + false + positives)
        annotated = known > 0
        f1 = torch.where(annotated, f1, torch.nan)
        return f1, (true + false) / known

    def _choice(
        self,
        chosen: dict[str, int],
        f1: torch.Tensor,
        predicted: torch.Tensor,
    ) -> ThresholdChoice:
        """Choice of a bin a class, with NaN turned into None."""

        def value(table: torch.Tensor, c: int, name: str) -> float | None:
            entry = table[c, chosen[name]].item()
            return None if entry != entry else entry

        return ThresholdChoice(
            {name: bin / self.n_bins for name, bin in chosen.items()},
            {n: value(f1, c, n) for c, n in enumerate(CLASSES)},
            {n: value(predicted, c, n) for c, n in enumerate(CLASSES)},
        )
