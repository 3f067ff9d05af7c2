"""How far two models say the same: a student and its teacher."""

from collections.abc import Mapping

import torch

from explainable_seg.classes import CLASSES

ROUNDING = 1e-12  # share of a mean square, in float64


class AgreementStats:
    """Decisions and scores of two models, accumulated over recordings.

    Arguments
    ---------
    ours : Mapping[str, float]
        Thresholds of the first model, probability a class.
    theirs : Mapping[str, float]
        Thresholds of the second.

    Example
    -------
    >>> half = dict.fromkeys(CLASSES, 0.5)
    >>> stats = AgreementStats(half, half)
    >>> logits = torch.tensor([[1.0], [2.0], [-1.0], [-3.0]]).expand(4, 4)
    >>> stats.update(logits, 2 * logits - 1, torch.zeros(4, 4))
    >>> stats.summary()["music"]["decisions"]
    1.0
    """

    def __init__(self, ours: Mapping[str, float], theirs: Mapping[str, float]):
        self.thresholds = [
            torch.tensor([values[name] for name in CLASSES])
            for values in (ours, theirs)
        ]
        # Frames by the decisions of both: [ours, theirs, class].
        self.decided = torch.zeros(2, 2, len(CLASSES), dtype=torch.float64)
        # Sums of x, y, x^2, y^2, x y of the logits: [term, class].
        self.moments = torch.zeros(5, len(CLASSES), dtype=torch.float64)

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
        targets : torch.Tensor [shape=(T, C)]
            What is true does not matter; -1 where the class is unknown is not
            counted, so that all measures speak of the same frames.
        """
        known = (targets >= 0).cpu().double()
        logits = [values.detach().cpu().float() for values in (ours, theirs)]
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
            ``decisions``: share of the frames that both decide alike;
            ``kappa``: what of it is more than chance (Cohen, 1960), for a rare
            class is absent in most frames anyway; ``correlation`` of the
            logits (Pearson). The latter two are None where a model says the
            same of all frames. None for a class that is nowhere known.
        """
        return {name: self._of_class(c) for c, name in enumerate(CLASSES)}

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
        return {
            "decisions": alike,
            "kappa": (alike - chance) / (1 - chance) if varied else None,
            "correlation": pearson(*(self.moments[:, c] / n_frames).tolist()),
        }


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
