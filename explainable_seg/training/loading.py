"""Loaders of a training, shared out over its processes."""

import inspect
from collections.abc import Sequence
from typing import Any, Optional

from torch.utils.data import DataLoader, Dataset

from explainable_seg.data.chunks import EpochSampler, WholeRegions
from explainable_seg.data.manifest import Region
from explainable_seg.errors import ExplainableSegError
from explainable_seg.nmf.distributed import rank_and_size
from speechbrain.dataio.dataloader import SaveableDataLoader


def training_loader(
    dataset: Dataset, n_chunks: int, batch_size: int, **options: Any
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
        dataset,
        batch_size=batch_size // size,
        sampler=EpochSampler(n_chunks, rank, size, batch_size // size),
        **options,
    )


def validation_loader(
    regions: Sequence[Region], level: Optional[float] = None
) -> DataLoader:
    """Whole regions, one a batch, without padding; each process has its own.

    Arguments
    ---------
    regions : Sequence[Region]
        Rows of a manifest.
    level : float, optional
        What each is brought to, dB re full scale.

    Returns
    -------
    DataLoader
        Of :class:`~explainable_seg.data.chunks.WholeRegions`. What is counted
        over them has to be summed over the processes.
    """
    rank, size = rank_and_size()
    return DataLoader(
        WholeRegions(regions[rank::size], level),
        batch_size=None,
        num_workers=0,
    )
