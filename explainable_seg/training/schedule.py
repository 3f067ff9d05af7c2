"""How the learning rate moves: as long as the training is, and no longer."""

import logging
from collections.abc import Callable
from typing import Any, Optional

from explainable_seg.errors import ExplainableSegError

logger = logging.getLogger(__name__)


def n_updates(
    n_batches: int,
    number_of_epochs: int,
    grad_accumulation_factor: int = 1,
    optimizer_step_limit: Optional[int] = None,
) -> int:
    """Updates of the weights in a whole training.

    Arguments
    ---------
    n_batches : int
        Batches an epoch, of this process.
    number_of_epochs : int
        Epochs.
    grad_accumulation_factor : int
        Batches an update. Those at the end of an epoch that are too few for
        one are not learned from.
    optimizer_step_limit : int, optional
        Updates after which training ends.

    Returns
    -------
    int

    Raises
    ------
    ExplainableSegError
        If there is no update at all.

    Example
    -------
    >>> n_updates(10, number_of_epochs=3, grad_accumulation_factor=4)
    6
    """
    total = number_of_epochs * (n_batches // grad_accumulation_factor)
    if optimizer_step_limit is not None:
        total = min(total, optimizer_step_limit)
    if total < 1:
        raise ExplainableSegError(
            f"expected an update of the weights, got none from "
            f"{number_of_epochs} epochs of {n_batches} batches, "
            f"{grad_accumulation_factor} an update; make chunks_per_epoch "
            "larger, or batch_size or --grad_accumulation_factor smaller"
        )
    return total


def fit_schedule(
    make_schedule: Callable[..., Any],
    warmup_steps: int,
    cooldown_steps: int,
    total_steps: int,
) -> Any:
    """Schedule that warms up, stays, and cools down with the last update.

    Arguments
    ---------
    make_schedule : callable
        Takes ``warmup``, ``cooldown`` and ``total_steps``, such as
        ``speechbrain.nnet.schedulers.WarmCoolDecayLRSchedule`` with its other
        arguments.
    warmup_steps : int
        Updates up to the full rate.
    cooldown_steps : int
        Updates from the full rate down to zero.
    total_steps : int
        Of :func:`n_updates`.

    Returns
    -------
    Any
        What ``make_schedule`` gives.

    Raises
    ------
    ExplainableSegError
        If the two are longer than the training.

    Example
    -------
    >>> fit_schedule(dict, warmup_steps=2, cooldown_steps=3, total_steps=9)
    {'warmup': 2, 'cooldown': 3, 'total_steps': 9}
    """
    if warmup_steps + cooldown_steps > total_steps:
        raise ExplainableSegError(
            f"expected warmup_steps and cooldown_steps of {total_steps} "
            f"updates together, which is the whole training, got "
            f"{warmup_steps} and {cooldown_steps}; lower them, or raise "
            "number_of_epochs or chunks_per_epoch"
        )
    logger.info(
        "learning rate: %d updates, %d to warm up, %d to cool down",
        total_steps,
        warmup_steps,
        cooldown_steps,
    )
    return make_schedule(
        warmup=warmup_steps, cooldown=cooldown_steps, total_steps=total_steps
    )


def warn_of_patience(patience: int, number_of_epochs: int) -> bool:
    """Warn of a training that may end before its rate has fallen.

    Arguments
    ---------
    patience : int
        Epochs without a better result, after which training ends.
    number_of_epochs : int
        Epochs that the schedule reckons with.

    Returns
    -------
    bool
        Whether it may.
    """
    early = patience < number_of_epochs
    if early:
        logger.warning(
            "patience of %d epochs may end the training at the full learning "
            "rate, before the cool-down that its %d epochs end with",
            patience,
            number_of_epochs,
        )
    return early
