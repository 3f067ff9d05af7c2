"""Warnings of trainings that went wrong in ways a loss does not show."""

import logging

from explainable_seg.training.thresholds import ThresholdChoice

logger = logging.getLogger(__name__)

SILENT_SHARE = 1e-4  # of the annotated frames


def silent_classes(choice: ThresholdChoice) -> list[str]:
    """Classes that are annotated on dev but never detected there.

    Arguments
    ---------
    choice : ThresholdChoice
        Decisions on dev.

    Returns
    -------
    list[str]
    """
    return [
        name
        for name, share in choice.predicted.items()
        if share is not None and share < SILENT_SHARE
    ]


def warn_of_undecided_classes(choice: ThresholdChoice) -> list[str]:
    """Warn of classes that nothing on dev says a threshold of.

    Arguments
    ---------
    choice : ThresholdChoice
        Decisions on dev.

    Returns
    -------
    list[str]
        The classes.
    """
    undecided = [c for c, value in choice.thresholds.items() if value is None]
    for name in undecided:
        logger.warning(
            "class '%s' has no threshold: it never occurs on dev, or is not "
            "annotated there; the model says its probability and finds no "
            "segment of it, unless a threshold is given (--threshold %s=P)",
            name,
            name,
        )
    return undecided


def warn_of_silent_classes(choice: ThresholdChoice) -> list[str]:
    """Warn of classes that are annotated on dev but never detected there.

    Arguments
    ---------
    choice : ThresholdChoice
        Decisions on dev.

    Returns
    -------
    list[str]
        The classes.
    """
    silent = silent_classes(choice)
    for name in silent:
        logger.warning(
            "class '%s' is annotated on dev but never predicted there; train "
            "longer, or give its frames more weight",
            name,
        )
    return silent
