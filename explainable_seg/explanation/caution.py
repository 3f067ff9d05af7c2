"""When to trust an explanation with care: the decision was close.

Which sign tells that a segment found is wrong, or that the sound of its atoms
alone would not be found again, is measured by ``benchmarks/grounding_flag.py``
(``docs/results.md``): a small margin does, a high reconstruction error does
not.
"""

import math

CLOSE = 1.0
"""Margin, in units of the logit, below which a decision is called close.

Chosen on the dev part of realbroadcast."""


def threshold_logit(threshold: float | None) -> float | None:
    """The logit from which a class counts as found.

    Arguments
    ---------
    threshold : float or None
        Probability from which it does, if known.

    Returns
    -------
    float or None
        None where every logit passes the threshold, or none, or it is
        unknown.

    Example
    -------
    >>> threshold_logit(0.5), threshold_logit(1.0)
    (0.0, None)
    """
    if threshold is None or not 0.0 < threshold < 1.0:
        return None
    return math.log(threshold / (1.0 - threshold))


def margin(logit: float, threshold: float | None) -> float | None:
    """How far a mean logit lies above what is needed.

    Arguments
    ---------
    logit : float
        Mean logit of a class over a passage.
    threshold : float or None
        Probability from which the class counts as found, if known.

    Returns
    -------
    float or None
        Negative where it is not reached; None where no logit is needed.

    Example
    -------
    >>> margin(1.5, 0.5)
    1.5
    """
    needed = threshold_logit(threshold)
    return None if needed is None else logit - needed
