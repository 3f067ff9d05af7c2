"""Faithfulness accumulated over passages and recordings, as sums."""

import math
from collections.abc import Mapping

import torch

from explainable_seg.classes import class_index, class_order
from explainable_seg.explanation.faithfulness import (
    average_drop,
    average_gain,
    average_increase,
    complexity,
    faithfulness,
    input_fidelity,
    sparseness,
)

MEASURES: tuple[str, ...] = (
    "AI",
    "AD",
    "AG",
    "FF",
    "Fid-In",
    "SPS",
    "COMP",
    "p",
    "q_in",
    "q_out",
    "energy",
)
LOWER_IS_BETTER = frozenset({"AD", "COMP", "deletion"})


class FaithfulnessStats:
    """Faithfulness of masks to a model, for each class.

    Every figure is a mean, kept as a sum and a count, so parts of a data set
    that were worked on apart add up exactly (:meth:`merge`), and a sum of
    ``sums`` and ``counts`` over processes is all that a distributed run needs.

    Rows of both are :data:`MEASURES`, then one row for each class that may
    rise; columns are the class that the mask explains. The rows of classes
    are the complement: ``q_out - p`` of another class in the frames where the
    model did not mark it. Above zero, taking the explanation away makes the
    model hear that class.

    Arguments
    ---------
    thresholds : Mapping[str, float or None]
        For each class of the model, the lowest probability that counts as
        found; None: it is never found.

    Example
    -------
    >>> stats = FaithfulnessStats({"speech": 0.5, "music": 0.5})
    >>> p = torch.tensor([[0.8, 0.1]])
    >>> stats.update(
    ...     "speech", torch.tensor([True]), p, 0.5 * p, 0 * p, torch.ones(1, 2)
    ... )
    >>> round(stats.summary()["speech"]["AD"], 3)
    50.0
    """

    def __init__(self, thresholds: Mapping[str, float | None]):
        self.classes = class_order(thresholds)
        chosen = [thresholds[name] for name in self.classes]
        self.thresholds = [math.inf if x is None else x for x in chosen]
        shape = (len(MEASURES) + len(self.classes), len(self.classes))
        self.sums = torch.zeros(shape, dtype=torch.float64)
        self.counts = torch.zeros(shape, dtype=torch.int64)

    def update(
        self,
        class_name: str,
        frames: torch.Tensor,
        p: torch.Tensor,
        q_in: torch.Tensor,
        q_out: torch.Tensor,
        attribution: torch.Tensor,
        energy: float | None = None,
    ) -> None:
        """Add the mask of a class on a passage.

        Arguments
        ---------
        class_name : str
            The class that the mask explains.
        frames : torch.Tensor [shape=(T,), dtype=bool]
            Frames where the model marks the class, inside annotated time.
        p : torch.Tensor [shape=(T, C)]
            Probabilities for the sound itself.
        q_in : torch.Tensor [shape=(T, C)]
            Probabilities for what the mask keeps.
        q_out : torch.Tensor [shape=(T, C)]
            Probabilities for what it leaves.
        attribution : torch.Tensor [shape=(T, F)]
            The mask, or the attribution that it was made from; negative
            values count as none.
        energy : float, optional
            Share of the energy of the passage that the mask keeps; None where
            the passage is silent.
        """
        c = class_index(class_name, self.classes)
        p, q_in, q_out = (x[frames].double().cpu() for x in (p, q_in, q_out))
        evidence = attribution[frames].double().cpu().clamp(min=0)
        values = _frame_values(
            p[:, c], q_in[:, c], q_out[:, c], evidence, self.thresholds[c]
        )
        kept = [] if energy is None or not len(p) else [energy]
        values["energy"] = torch.tensor(kept, dtype=torch.float64)
        for row, name in enumerate(MEASURES):
            self._add(row, c, values[name])
        marked = p >= torch.tensor(self.thresholds, device=p.device)
        rise = torch.where(marked, torch.nan, q_out - p)
        for other in range(len(self.classes)):
            if other != c:
                self._add(len(MEASURES) + other, c, rise[:, other])

    def _add(self, row: int, c: int, values: torch.Tensor) -> None:
        """Add values to a mean; NaN stands for none."""
        known = values[~values.isnan()]
        self.sums[row, c] += known.sum()
        self.counts[row, c] += len(known)

    def merge(self, other: "FaithfulnessStats") -> None:
        """Add what another one has seen.

        Arguments
        ---------
        other : FaithfulnessStats
            Of the same thresholds.

        Raises
        ------
        ValueError
            If its thresholds are others.
        """
        if (other.classes, other.thresholds) != (self.classes, self.thresholds):
            raise ValueError(
                f"expected thresholds {self.thresholds}, got {other.thresholds}"
            )
        self.sums += other.sums
        self.counts += other.counts

    def summary(self) -> dict[str, dict[str, float | int | None]]:
        """Means of each class, and over classes.

        Returns
        -------
        dict[str, dict[str, float or int or None]]
            For each class its measures, ``raises <class>`` for each other
            class, and ``frames``, the number of frames; None where no frame
            counts. ``macro`` is the mean over the classes that have a value.
        """
        means = (self.sums / self.counts).tolist()
        names = [*MEASURES, *(f"raises {name}" for name in self.classes)]
        table: dict[str, dict[str, float | int | None]] = {}
        for c, class_name in enumerate(self.classes):
            table[class_name] = {
                name: means[row][c] if self.counts[row, c] else None
                for row, name in enumerate(names)
                if name != f"raises {class_name}"
            }
            frames = int(self.counts[MEASURES.index("p"), c])
            table[class_name]["frames"] = frames
        table["macro"] = {name: _mean_known(table, name) for name in MEASURES}
        return table


def _frame_values(
    p: torch.Tensor,
    q_in: torch.Tensor,
    q_out: torch.Tensor,
    evidence: torch.Tensor,
    threshold: float,
) -> dict[str, torch.Tensor]:
    """Measures of the frames [T] of a class, but for the energy."""
    return {
        "AI": average_increase(p, q_in),
        "AD": average_drop(p, q_in),
        "AG": average_gain(p, q_in),
        "FF": faithfulness(p, q_out),
        "Fid-In": input_fidelity(q_in, threshold),
        "SPS": sparseness(evidence),
        "COMP": complexity(evidence),
        "p": p,
        "q_in": q_in,
        "q_out": q_out,
    }


def _mean_known(
    table: Mapping[str, Mapping[str, float | int | None]], name: str
) -> float | None:
    """Mean over the classes that have a value; None if there is none."""
    values = [v for row in table.values() if (v := row[name]) is not None]
    return sum(values) / len(values) if values else None
