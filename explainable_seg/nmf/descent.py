"""Iterate until the objective stands, and see that it never rises."""

import math
from collections.abc import Sequence
from typing import Protocol

# Share of the size of the problem by which the objective, a difference of sums
# of float32 products, may seem to rise.
ROUNDING = 1e-4


class Fit(Protocol):
    """Atoms and activations that are improved together."""

    @property
    def size(self) -> float:
        """What the rounding of the objective is a share of."""

    def iterate(self) -> None:
        """Lower the objective."""

    def objective(self) -> float:
        """Its value."""

    def reseed(self) -> int:
        """Replace atoms that are not used; how many."""


def descend(fit: Fit, unit: float, max_iter: int, tol: float) -> list[float]:
    """Iterate until the objective stands.

    Arguments
    ---------
    fit : Fit
        What to iterate.
    unit : float
        The objectives are given in; positive.
    max_iter : int
        Most iterations.
    tol : float
        Stop when an iteration lowers the objective by no more than this share.

    Returns
    -------
    list[float]
        The objective after each iteration.

    Raises
    ------
    FloatingPointError
        If it is not finite or rises.
    """
    objectives: list[float] = []
    for iteration in range(max_iter):
        if iteration > 0:
            fit.reseed()
        fit.iterate()
        value = fit.objective() * unit
        rounding = ROUNDING * (fit.size * unit + abs(value))
        check_descent(objectives, value, rounding)
        objectives.append(value)
        if iteration > 0:
            before = objectives[-2]
            if before - value <= tol * abs(before):
                break
    return objectives


def check_descent(
    objectives: Sequence[float], value: float, rounding: float
) -> None:
    """Raise if a descent does not descend.

    Arguments
    ---------
    objectives : Sequence[float]
        Values so far.
    value : float
        The next one.
    rounding : float
        By how much it may seem to rise.

    Raises
    ------
    FloatingPointError
        If the value is not finite or above the last one.
    """
    before = objectives[-1] if objectives else math.inf
    if not value <= before + rounding or not math.isfinite(value):
        after = f" after {before:.9g}" if objectives else ""
        raise FloatingPointError(
            f"expected an objective that falls, got {value:.9g}{after}; use "
            "float64, or less extreme frames"
        )
