"""Loaders of a training, shared out over its processes."""

import inspect
from collections.abc import Sequence
from typing import Any, Optional

from torch.utils.data import DataLoader, Dataset

from explainable_seg.classes import class_columns
from explainable_seg.data.chunks import EpochSampler, WholeRegions
from explainable_seg.data.manifest import Region
from explainable_seg.errors import ExplainableSegError
from explainable_seg.nmf.distributed import rank_and_size
from speechbrain.dataio.dataloader import SaveableDataLoader


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
        Of :class:`~explainable_seg.data.chunks.WholeRegions`. What is counted
        over them has to be summed over the processes.
    """
    rank, size = rank_and_size()
    whole = WholeRegions(regions[rank::size], level)
    return DataLoader(
        whole if classes is None else OfClasses(whole, classes),
        batch_size=None,
        num_workers=0,
    )
