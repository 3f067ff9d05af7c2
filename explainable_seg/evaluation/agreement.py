"""How far two models say the same: a student and its teacher."""

import math
from collections.abc import Mapping

import torch

from explainable_seg.classes import CLASSES, class_columns, class_order

ROUNDING = 1e-12  # share of a mean square, in float64


class AgreementStats:
    """Decisions and scores of two models, accumulated over recordings.

    Arguments
    ---------
    ours : Mapping[str, float or None]
        Thresholds of the first model, probability a class that it was trained
        for; None where it does not decide.
    theirs : Mapping[str, float or None]
        Thresholds of the second. Compared are the classes of both.

    Example
    -------
    >>> half = dict.fromkeys(CLASSES, 0.5)
    >>> stats = AgreementStats(half, half)
    >>> logits = torch.tensor([[1.0], [2.0], [-1.0], [-3.0]]).expand(4, 4)
    >>> stats.update(logits, 2 * logits - 1, torch.zeros(4, 4))
    >>> stats.summary()["music"]["decisions"]
    1.0
    """

    def __init__(
        self,
        ours: Mapping[str, float | None],
        theirs: Mapping[str, float | None],
    ):
        both = (ours, theirs)
        self.classes = tuple(c for c in CLASSES if c in ours and c in theirs)
        self.columns = [
            [class_order(one).index(c) for c in self.classes] for one in both
        ]
        self.thresholds = [
            torch.tensor([nan_of(one[name]) for name in self.classes])
            for one in both
        ]
        # Frames by the decisions of both: [ours, theirs, class].
        n_classes = len(self.classes)
        self.decided = torch.zeros(2, 2, n_classes, dtype=torch.float64)
        # Sums of x, y, x^2, y^2, x y of the logits: [term, class].
        self.moments = torch.zeros(5, n_classes, dtype=torch.float64)

    def update(
        self, ours: torch.Tensor, theirs: torch.Tensor, targets: torch.Tensor
    ) -> None:
        """Add frames.

        Arguments
        ---------
        ours : torch.Tensor [shape=(T, C)]
            Logits of the first model.
        theirs : torch.Tensor [shape=(T, C)]
            Logits of the second.
        targets : torch.Tensor [shape=(T, 4)]
            Of all classes. What is true does not matter; -1 where the class is unknown is not
            counted, so that all measures speak of the same frames.
        """
        known = (targets[:, class_columns(self.classes)] >= 0).cpu().double()
        logits = [
            values.detach().cpu().float()[:, columns]
            for values, columns in zip((ours, theirs), self.columns)
        ]
        found = [
            (values.sigmoid() >= thresholds).double()
            for values, thresholds in zip(logits, self.thresholds)
        ]
        for i in (0, 1):
            for j in (0, 1):
                both = (found[0] == i) & (found[1] == j)
                self.decided[i, j] += (both * known).sum(dim=0)
        x, y = (values.double() for values in logits)
        terms = torch.stack([x, y, x * x, y * y, x * y])
        self.moments += (terms * known).sum(dim=1)

    def summary(self) -> dict[str, dict[str, float | None] | None]:
        """Agreement of each class.

        Returns
        -------
        dict[str, dict or None]
            For each class of both models. ``decisions``: share of the frames
            that both decide alike; ``kappa``: what of it is more than chance
            (Cohen, 1960), for a rare class is absent in most frames anyway;
            ``correlation`` of the logits (Pearson). The latter two are None
            where a model says the same of all frames, the former two where
            one does not decide. None for a class that is nowhere known.
        """
        return {name: self._of_class(c) for c, name in enumerate(self.classes)}

    def _of_class(self, c: int) -> dict[str, float | None] | None:
        """Agreement of a class by its column."""
        counts = self.decided[..., c]
        n_frames = counts.sum().item()
        if not n_frames:
            return None
        ours, theirs = counts.sum(dim=1), counts.sum(dim=0)
        alike = counts.trace().item() / n_frames
        chance = (ours @ theirs).item() / n_frames**2
        varied = bool((ours > 0).all()) and bool((theirs > 0).all())
        both_decide = not any(bool(t[c].isnan()) for t in self.thresholds)
        varied = varied and both_decide
        return {
            "decisions": alike if both_decide else None,
            "kappa": (alike - chance) / (1 - chance) if varied else None,
            "correlation": pearson(*(self.moments[:, c] / n_frames).tolist()),
        }


def nan_of(value: float | None) -> float:
    """NaN for None, which no probability reaches."""
    return math.nan if value is None else value


def pearson(
    x: float, y: float, xx: float, yy: float, xy: float
) -> float | None:
    """Correlation from means.

    Arguments
    ---------
    x : float
        Mean of the first variable.
    y : float
        Mean of the second.
    xx : float
        Mean square of the first.
    yy : float
        Mean square of the second.
    xy : float
        Mean of the products.

    Returns
    -------
    float or None
        None where one of the two is constant.

    Example
    -------
    >>> pearson(0.0, 0.0, 1.0, 4.0, 2.0)
    1.0
    """
    variance_x, variance_y = xx - x * x, yy - y * y
    # What is left of a constant by rounding is no variance.
    if variance_x <= ROUNDING * xx or variance_y <= ROUNDING * yy:
        return None
    return (xy - x * y) / (variance_x * variance_y) ** 0.5
