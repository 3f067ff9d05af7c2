"""Per-class thresholds: F1 at every threshold from one pass over the frames."""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import torch

from explainable_seg.classes import CLASSES, class_order, parse_class
from explainable_seg.corpora import (
    Region,
    ScoreSource,
    load_truth,
    region_targets,
)
from explainable_seg.distributed import sum_over_ranks
from explainable_seg.errors import ExplainableSegError

logger = logging.getLogger(__name__)


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
        chosen: dict[str, int | None] = {}
        for c, name in enumerate(self.classes):
            if not bool(self.counts[1, c].any()):
                chosen[name] = None
                continue
            best = scores[c].nan_to_num(-1.0)
            # The middle of a plateau generalises better than its edge.
            plateau = torch.nonzero(best >= best.max() - 1e-9).squeeze(1)
            chosen[name] = int(plateau[len(plateau) // 2])
        return chosen

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
        weight = beta**2  # of recall against precision
        f_beta = (1 + weight) * true / (true + false + weight * positives)
        return f_beta, (true + false) / known

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


def choose_classes(
    asked: Optional[Sequence[str]],
    train: Sequence[Region],
    dev: Sequence[Region],
    teacher: Optional[Sequence[str]] = None,
    scores: Optional[Mapping[str, Any]] = None,
) -> tuple[str, ...]:
    """Classes that a model is trained for.

    Arguments
    ---------
    asked : Sequence[str] or None
        What the settings name; None for all that there is to learn from.
    train : Sequence[Region]
        Rows of the manifest for training.
    dev : Sequence[Region]
        Rows of the manifest for validation.
    teacher : Sequence[str], optional
        Classes of the teacher, which are then those of its student.
    scores : Mapping[str, Any], optional
        Of :class:`~explainable_seg.corpora.scores.ScoreSource`: what other
        systems say of training.

    Returns
    -------
    tuple[str, ...]
        In the order of the classes.

    Raises
    ------
    ExplainableSegError
        If there is nothing to learn a class from, the student is asked for
        other classes than its teacher's, or no class ever occurs on dev, by
        which checkpoints and thresholds are chosen.
    """
    scored = ScoreSource.of(scores).classes if scores else {}
    known = teacher or [
        name
        for name in CLASSES
        if name in scored or any(region.uems[name] for region in train)
    ]
    classes = tuple(known) if asked is None else _asked(asked)
    what = "its teacher" if teacher else "train.csv, or 'scores',"
    if teacher and classes != tuple(teacher):
        raise ExplainableSegError(
            f"expected the classes of the teacher, {', '.join(teacher)}, got "
            f"{', '.join(classes)}, in the settings; leave 'classes' out or "
            "train a teacher for them"
        )
    if not classes or not set(classes) <= set(known):
        raise ExplainableSegError(
            f"expected classes that {what} knows, {', '.join(known) or 'none'}, "
            f"got {', '.join(classes) or 'none'}, in the settings; name others "
            "or prepare the corpus with their labels"
        )
    if not set(scored) <= set(classes):
        raise ExplainableSegError(
            f"expected scores of {', '.join(classes)}, which are trained, got "
            f"{', '.join(scored)}, in the settings; leave the others out of "
            "the classes of 'scores'"
        )
    _check_dev(dev, classes)
    others = [name for name in CLASSES if name not in classes]
    logger.info(
        "trained for %s; not for %s",
        ", ".join(classes),
        ", ".join(others) or "no other",
    )
    return classes


def _asked(asked: Sequence[str]) -> tuple[str, ...]:
    """Classes that the settings name, in order."""
    names = [asked] if isinstance(asked, str) else asked
    where = "the setting 'classes'"
    try:
        return class_order([parse_class(str(name), where) for name in names])
    except (TypeError, ValueError) as error:
        raise ExplainableSegError(
            f"{error}, in {where}; give a list such as [speech, music]"
        ) from None


def _check_dev(regions: Sequence[Region], classes: Sequence[str]) -> None:
    """Raise unless a class occurs in a frame of dev that is annotated."""
    truths = load_truth(regions)
    columns = [CLASSES.index(name) for name in classes]
    for region in regions:
        targets = region_targets(region, truths[region.recording])
        if (targets[:, columns] == 1).any():
            return
    raise ExplainableSegError(
        f"expected {' or '.join(classes)} in a recording of dev, got none that "
        "is annotated, in dev.csv; by dev the best checkpoint and the "
        "thresholds are chosen: move recordings that hold them there"
    )
