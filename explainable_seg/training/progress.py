"""What loggers are told: settings, losses of each update, figures of an epoch.

The loggers are SpeechBrain's. By itself TensorBoard's counts its calls from 1
on, also in a run that goes on from a checkpoint, and Weights & Biases takes the
epoch for the step, which no loss of an update can stand beside. Here the step
is the number of updates for both, or of epochs where there is one figure each.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from explainable_seg.training.loading import on_main_process
from speechbrain.utils.train_logger import (
    TensorboardLogger,
    TrainLogger,
    WandBLogger,
)

UPDATE = "update"  # losses of one are under this name
# What runs are compared by.
MEASURES = ("macro_f1/valid", "error/valid")


@on_main_process
def log_settings(
    loggers: Sequence[TrainLogger], settings: Mapping[str, Any]
) -> None:
    """Hand the settings of a run on to those loggers that show settings.

    Arguments
    ---------
    loggers : Sequence[TrainLogger]
        SpeechBrain's.
    settings : Mapping[str, Any]
        JSON values.
    """
    flat = {
        name: value
        if isinstance(value, (bool, int, float, str))
        else json.dumps(value, ensure_ascii=False)
        for name, value in settings.items()
    }
    for logger in loggers:
        if isinstance(logger, TensorboardLogger):
            # There, where there is such a logger.
            from torch.utils.tensorboard.summary import hparams

            # In the file of the run itself; `add_hparams` starts another run.
            for summary in hparams(flat, dict.fromkeys(MEASURES)):
                logger.writer.file_writer.add_summary(summary)
            logger.writer.flush()
        elif isinstance(logger, WandBLogger):
            logger.run.config.update(flat, allow_val_change=True)


@on_main_process
def log_update(
    loggers: Sequence[TrainLogger], update: int, losses: Mapping[str, float]
) -> None:
    """Hand the losses of an update on to those loggers that draw curves.

    Arguments
    ---------
    loggers : Sequence[TrainLogger]
        SpeechBrain's.
    update : int
        How many there have been, this one included.
    losses : Mapping[str, float]
        By name.
    """
    for logger in loggers:
        if isinstance(logger, TensorboardLogger):
            for name, value in losses.items():
                logger.writer.add_scalar(f"{name}/{UPDATE}", value, update)
        elif isinstance(logger, WandBLogger):
            logger.run.log({UPDATE: dict(losses)}, step=update)


@on_main_process
def log_epoch(
    loggers: Sequence[TrainLogger],
    epoch: int,
    update: int,
    train_stats: Mapping[str, float],
    valid_stats: Mapping[str, float],
    rate: Optional[float] = None,
) -> None:
    """Hand the figures of an epoch on to all loggers.

    Arguments
    ---------
    loggers : Sequence[TrainLogger]
        SpeechBrain's, or others of their kind.
    epoch : int
        Counted from 1.
    update : int
        How many updates there have been.
    train_stats : Mapping[str, float]
        Figures of training.
    valid_stats : Mapping[str, float]
        Figures on dev.
    rate : float, optional
        The learning rate, where there is one.
    """
    meta = {"epoch": epoch, **({} if rate is None else {"lr": rate})}
    stats = {"train": dict(train_stats), "valid": dict(valid_stats)}
    for logger in loggers:
        if isinstance(logger, WandBLogger):
            logger.run.log({**stats, **meta}, step=update)
            continue
        if isinstance(logger, TensorboardLogger):
            logger.global_step["meta"] = epoch - 1
            for part, figures in stats.items():
                logger.global_step[part] = dict.fromkeys(figures, epoch - 1)
        logger.log_stats(
            meta, train_stats=stats["train"], valid_stats=stats["valid"]
        )
