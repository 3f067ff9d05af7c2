"""Around the updates: loaders, schedule, checkpoints, and what is logged."""

import inspect
import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Protocol, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from explainable_seg.classes import class_columns
from explainable_seg.corpora import Region, read_manifest
from explainable_seg.distributed import rank_and_size
from explainable_seg.errors import ExplainableSegError
from explainable_seg.training.chunks import EpochSampler, WholeRegions
from speechbrain.dataio.dataloader import SaveableDataLoader
from speechbrain.utils.checkpoints import (
    Checkpoint,
    Checkpointer,
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import (
    ddp_barrier,
    if_main_process,
    main_process_only,
)
from speechbrain.utils.train_logger import (
    TensorboardLogger,
    TrainLogger,
    WandBLogger,
)

logger = logging.getLogger(__name__)


JUDGED_BY = ("dev", "test")


class OfClasses(Dataset):
    """A data set whose targets have the columns of a model, and no others.

    The one place where the targets [T, 4] of the corpora become those [T, C]
    of a model.

    Arguments
    ---------
    dataset : Dataset
        Of dictionaries with ``targets``.
    classes : Sequence[str]
        What the model is trained for.
    """

    def __init__(self, dataset: Any, classes: Sequence[str]):
        self.dataset = dataset
        self.columns = class_columns(classes)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.dataset[index]
        return {**item, "targets": item["targets"][:, self.columns]}


def training_loader(
    dataset: Dataset,
    n_chunks: int,
    batch_size: int,
    classes: Optional[Sequence[str]] = None,
    **options: Any,
) -> SaveableDataLoader:
    """Batches of an epoch's chunks, the same for any number of processes.

    A batch is shared out over the processes: together they see the chunks, in
    the order, that one process would see.

    Arguments
    ---------
    dataset : Dataset
        Chunks by their index in the whole training.
    n_chunks : int
        Chunks an epoch, over all processes.
    batch_size : int
        Chunks a batch, over all processes.
    classes : Sequence[str], optional
        Columns of the targets: what the model is trained for; all by default.
    **options
        Of ``torch.utils.data.DataLoader``.

    Returns
    -------
    SaveableDataLoader
        Its place in the epoch is kept by a checkpoint.

    Raises
    ------
    ExplainableSegError
        If the processes cannot have equal parts of a batch, or of an epoch, or
        an option is unknown.
    """
    known = inspect.signature(DataLoader).parameters
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ExplainableSegError(
            f"expected loader_options among {', '.join(known)}, got "
            f"{', '.join(unknown)}; correct them"
        )
    rank, size = rank_and_size()
    for name, value in (("batch_size", batch_size), ("an epoch", n_chunks)):
        if value % size:
            raise ExplainableSegError(
                f"expected {name} of a multiple of {size} chunks, the number "
                f"of processes, got {value}; change one of them"
            )
    return SaveableDataLoader(
        dataset if classes is None else OfClasses(dataset, classes),
        batch_size=batch_size // size,
        sampler=EpochSampler(n_chunks, rank, size, batch_size // size),
        **options,
    )


def validation_loader(
    regions: Sequence[Region],
    level: Optional[float] = None,
    classes: Optional[Sequence[str]] = None,
) -> DataLoader:
    """Whole regions, one a batch, without padding; each process has its own.

    Arguments
    ---------
    regions : Sequence[Region]
        Rows of a manifest.
    level : float, optional
        What each is brought to, dB re full scale.
    classes : Sequence[str], optional
        Columns of the targets: what the model is trained for; all by default.

    Returns
    -------
    DataLoader
        Of :class:`~explainable_seg.training.chunks.WholeRegions`. What is counted
        over them has to be summed over the processes.
    """
    rank, size = rank_and_size()
    whole = WholeRegions(regions[rank::size], level)
    return DataLoader(
        whole if classes is None else OfClasses(whole, classes),
        batch_size=None,
        num_workers=0,
    )


def read_parts(manifests: str) -> dict[str, list[Region]]:
    """Regions of the parts that a training is judged by.

    Arguments
    ---------
    manifests : str
        Folder of the manifests.

    Returns
    -------
    dict[str, list[Region]]
        Of ``dev`` and ``test``.
    """
    return {p: read_manifest(f"{manifests}/{p}.csv") for p in JUDGED_BY}


PARTIAL = ".partial"


class AtomicCheckpointer(Checkpointer):
    """SpeechBrain's checkpointer, without half-written checkpoints.

    That one makes the folder of a checkpoint first and fills it then, so a
    process that is killed meanwhile leaves a newest checkpoint that cannot be
    loaded. Here the folder is filled under another name, then renamed.

    Arguments
    ---------
    *args, **kwargs
        Of ``speechbrain.utils.checkpoints.Checkpointer``.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> checkpointer = AtomicCheckpointer(folder, {"m": torch.nn.Linear(1, 1)})
    >>> checkpointer.save_checkpoint().path.parent == folder
    True
    >>> len(list(folder.iterdir()))
    1
    """

    def save_checkpoint(
        self, *args: Any, **kwargs: Any
    ) -> Optional[Checkpoint]:
        """Write a checkpoint, as in the class above."""
        if if_main_process():
            for left in self.checkpoints_dir.glob(f"{PARTIAL}*"):
                shutil.rmtree(left)
        written = super().save_checkpoint(*args, **kwargs)
        ddp_barrier()
        if written is not None:
            path = _final(written.path)
            written.path.rename(path)
            files = {n: path / f.name for n, f in written.paramfiles.items()}
            written = Checkpoint(path, written.meta, files)
        ddp_barrier()
        return written

    def _new_checkpoint_dirpath(self) -> Path:
        """Where a checkpoint is written."""
        return _partial(super()._new_checkpoint_dirpath())

    def _custom_checkpoint_dirpath(self, name: str) -> Path:
        """Where a checkpoint of a given name is written."""
        return _partial(super()._custom_checkpoint_dirpath(name))


def _partial(path: Path) -> Path:
    """Name in the meantime, which is no checkpoint's."""
    return path.with_name(PARTIAL + path.name)


def _final(path: Path) -> Path:
    """Name of a whole checkpoint."""
    return path.with_name(path.name.removeprefix(PARTIAL))


@register_checkpoint_hooks
class RandomState:
    """PyTorch's random generators, so that a resumed run draws what it would.

    Example
    -------
    >>> state, path = RandomState(), getfixture("tmp_path") / "state"
    >>> state.save(path)
    >>> drawn = torch.rand(3)
    >>> state.load(path, end_of_epoch=True)
    >>> bool((torch.rand(3) == drawn).all())
    True
    """

    @mark_as_saver
    def save(self, path: Path) -> None:
        """Write the states of the CPU's and the GPUs' generators."""
        cuda = (
            torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        )
        torch.save({"cpu": torch.get_rng_state(), "cuda": cuda}, path)

    @mark_as_loader
    def load(self, path: Path, end_of_epoch: bool) -> None:
        """Set the states; those of GPUs only where there are as many."""
        # Also those of GPUs are tensors of the CPU.
        states = torch.load(path, map_location="cpu", weights_only=True)
        torch.set_rng_state(states["cpu"])
        if len(states["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(states["cuda"])


class Stateful(Protocol):
    """What can be saved and taken up again, without being a module."""

    def state_dict(self) -> dict[str, Any]:
        """Plain values and tensors."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them up."""


Function = TypeVar("Function", bound=Callable[..., None])


def on_main_process(function: Function) -> Function:
    """Have a function do nothing in other processes; its type stays known."""
    return main_process_only(function)


def keep_state(
    checkpointer: Checkpointer, name: str, stateful: Stateful
) -> None:
    """Let checkpoints keep what is no module.

    Arguments
    ---------
    checkpointer : Checkpointer
        Told of it.
    name : str
        Of it in checkpoints.
    stateful : Stateful
        Saved by the main process, loaded to the CPU.

    Example
    -------
    >>> class Counts(dict):
    ...     def state_dict(self):
    ...         return dict(self)
    ...
    ...     def load_state_dict(self, state):
    ...         self.update(state)
    >>> counts = Counts(epochs=1)
    >>> checkpointer = AtomicCheckpointer(getfixture("tmp_path"))
    >>> keep_state(checkpointer, "counts", counts)
    >>> _ = checkpointer.save_checkpoint()
    >>> counts.clear()
    >>> _ = checkpointer.recover_if_possible()
    >>> counts["epochs"]
    1
    """
    checkpointer.add_recoverable(name, stateful, _load_state, _save_state)


@on_main_process
def _save_state(stateful: Stateful, path: Path) -> None:
    """Save what is no module."""
    torch.save(stateful.state_dict(), path)


def _load_state(stateful: Stateful, path: Path, end_of_epoch: bool) -> None:
    """Load it to the CPU."""
    stateful.load_state_dict(
        torch.load(path, map_location="cpu", weights_only=True)
    )


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
