"""Filling a feature cache, by one process or by several.

Each file is made by one process, under a lock that ends with the process, and
renamed into place when it is whole. So the work can be stopped at any moment,
and goes on with the files that are missing.
"""

import logging
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from tqdm import tqdm

from explainable_seg.classes import CLASSES
from explainable_seg.corpora import Region, read_region
from explainable_seg.errors import CorpusError
from explainable_seg.frames import SAMPLE_RATE, num_frames
from explainable_seg.models import Evidence, Outputs, Runner, Teacher
from explainable_seg.training.chunks import TrainingChunks, from_pcm, to_pcm
from explainable_seg.training.feature_cache import FeatureCache, no_room

logger = logging.getLogger(__name__)

Tensors = dict[str, torch.Tensor]
GIGABYTE = 1e9
LOCKS = "locks"  # their folder
TEMPORARY = "?" * 12 + ".safetensors"  # how files end that are being written


@dataclass(frozen=True)
class Shard:
    """A file of a cache, and how it is made.

    Arguments
    ---------
    name : str
        Of the file.
    n_items : int
        Chunks or windows in it; of windows about.
    n_bytes : int
        Its size, about.
    batches : callable
        Makes its tensors, a batch of items at a time.
    """

    name: str
    n_items: int
    n_bytes: int
    batches: Callable[[], Iterator[Tensors]]


class ShardMaker:
    """Plans the files of a cache.

    Arguments
    ---------
    cache : FeatureCache
        To be filled.
    teacher : Teacher
        Whose features and logits are kept; in evaluation mode.
    features : bool
        Whether features are kept, or the logits alone.
    bf16 : bool
        Whether the teacher runs in bf16.
    batch_size : int
        Chunks or windows at a time.
    num_workers : int
        Processes that make chunks.
    """

    def __init__(
        self,
        cache: FeatureCache,
        teacher: Teacher,
        features: bool,
        bf16: bool,
        batch_size: int,
        num_workers: int = 0,
    ):
        self.cache = cache
        self.teacher = teacher
        self.features = features
        self.bf16 = bf16
        self.batch_size = batch_size
        self.num_workers = num_workers

    def chunk_shards(
        self, chunks: TrainingChunks, window: float
    ) -> list[Shard]:
        """Files of the chunks for training.

        Arguments
        ---------
        chunks : TrainingChunks
            Where they come from.
        window : float
            Seconds a chunk.

        Returns
        -------
        list[Shard]
        """
        n_samples = round(window * SAMPLE_RATE)
        # Targets of all classes in fp16, logits of the teacher's in fp32.
        per_frame = 2 * len(CLASSES) + 4 * len(self.teacher.classes)
        n_bytes = 2 * n_samples + num_frames(n_samples) * (
            per_frame + self._feature_bytes
        )
        return [
            Shard(
                name,
                len(numbers),
                len(numbers) * n_bytes,
                partial(self._chunk_batches, chunks, numbers),
            )
            for name, numbers in self.cache.chunk_files().items()
        ]

    def region_shards(
        self,
        regions: Sequence[Region],
        run_time: Mapping[str, Any],
    ) -> list[Shard]:
        """Files of the windows of whole regions, if features are kept.

        Arguments
        ---------
        regions : Sequence[Region]
            Rows of the dev manifest.
        run_time : Mapping[str, Any]
            ``window``, ``step`` and what else
            :class:`~explainable_seg.models.runner.Runner` is given.

        Returns
        -------
        list[Shard]
        """
        if not self.features:
            return []
        shards = []
        window, step = run_time["window"], run_time["step"]
        for region in regions:
            beyond = max(0.0, region.duration - window)
            n_windows = 1 + math.ceil(beyond / step)
            seconds = n_windows * min(window, region.duration)
            n_frames = num_frames(round(seconds * SAMPLE_RATE))
            shards.append(
                Shard(
                    self.cache.region_file(region.id),
                    n_windows,
                    n_frames * self._feature_bytes,
                    partial(self._window_batches, region, run_time),
                )
            )
        return shards

    @property
    def _feature_bytes(self) -> int:
        """Of a frame, in bf16."""
        return 2 * self.teacher.frontend.n_features if self.features else 0

    def _chunk_batches(
        self, chunks: TrainingChunks, numbers: range
    ) -> Iterator[Tensors]:
        """Chunks with what the teacher says of them."""
        loader = torch.utils.data.DataLoader(
            _FixedChunks(chunks, numbers),
            batch_size=self.batch_size,
            num_workers=self.num_workers,
        )
        runner = self._runner()
        wanted: set[Evidence] = {"features"} if self.features else set()
        for pcm, targets in loader:
            wav = torch.from_numpy(from_pcm(pcm.numpy()))
            said = runner.batch(wav, wanted)
            kept = {"features": _features(said)} if self.features else {}
            yield {
                "wav": pcm,
                "targets": targets,
                "teacher_logits": said.logits.float().cpu(),
                **kept,
            }

    def _window_batches(
        self, region: Region, run_time: Mapping[str, Any]
    ) -> Iterator[Tensors]:
        """Features of a region's windows, as validation will ask for them."""
        runner = self._runner(**run_time)
        for said in runner.windows(
            torch.from_numpy(read_region(region)), {"features"}
        ):
            yield {"features": _features(said)}

    def _runner(self, **run_time: Any) -> Runner:
        """What runs the teacher."""
        return Runner(
            self.teacher,
            bf16=self.bf16,
            batch_size=self.batch_size,
            **run_time,
        )


def _features(said: Outputs) -> torch.Tensor:
    """What a front end said, in bf16, on the CPU."""
    assert said.features is not None  # they are asked for
    return said.features.to(torch.bfloat16).cpu()


class _FixedChunks(torch.utils.data.Dataset):
    """Some of the chunks of a training set, audio in 16 bits."""

    def __init__(self, chunks: TrainingChunks, numbers: range):
        self.chunks = chunks
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        audio, targets, _ = self.chunks.fixed(self.numbers[row])
        return to_pcm(audio), targets


def fill(
    cache: FeatureCache, shards: Sequence[Shard], progress: bool = True
) -> int:
    """Make the files that are missing and that no other process makes.

    Arguments
    ---------
    cache : FeatureCache
        To be filled.
    shards : Sequence[Shard]
        All its files.
    progress : bool
        Whether a bar shows the time left.

    Returns
    -------
    int
        Number of files that other processes are still making.

    Raises
    ------
    CorpusError
        If the disk has no room for what is missing, or fills up all the same.
    """
    missing = [shard for shard in shards if not cache.holds(shard.name)]
    require_space(cache.folder, shards, missing)
    n_items = sum(shard.n_items for shard in shards)
    with tqdm(
        total=n_items,
        initial=n_items - sum(shard.n_items for shard in missing),
        unit="chunk",
        disable=not progress,
    ) as bar:
        for shard in missing:
            with _claimed(cache, shard.name) as ours:
                if ours:
                    _make(cache, shard, bar)
            # Also what other processes have made meanwhile.
            bar.n = sum(
                s.n_items for s in shards if cache.path(s.name).is_file()
            )
            bar.refresh()
    n_missing = sum(not cache.path(s.name).is_file() for s in shards)
    if not n_missing:
        shutil.rmtree(cache.folder / LOCKS, ignore_errors=True)
    return n_missing


def require_space(
    folder: Path, shards: Sequence[Shard], missing: Sequence[Shard]
) -> None:
    """Say how large a cache becomes; raise if the disk has no room for it.

    Arguments
    ---------
    folder : pathlib.Path
        Of the cache.
    shards : Sequence[Shard]
        All its files.
    missing : Sequence[Shard]
        Those that are not there yet.

    Raises
    ------
    CorpusError
        With the numbers.
    """
    whole, needed = (
        sum(shard.n_bytes for shard in some) / GIGABYTE
        for some in (shards, missing)
    )
    free = shutil.disk_usage(folder).free / GIGABYTE
    logger.info(
        "feature cache of %.3f GB in %d files; missing: %.3f GB in %d; "
        "free: %.3f GB, in %s",
        whole,
        len(shards),
        needed,
        len(missing),
        free,
        folder,
    )
    if needed > free:
        raise CorpusError(
            f"expected {needed:.3f} GB free for the feature cache, got "
            f"{free:.3f} GB, in {folder}; free some space, name another "
            "folder, or lower n_cached"
        )


def _make(cache: FeatureCache, shard: Shard, bar: tqdm) -> None:
    """Make a file, unless it was made before its lock was ours."""
    if cache.path(shard.name).is_file() and cache.holds(shard.name):
        return
    # Left by a process that was killed while it held the lock.
    for left in cache.folder.glob(f".{shard.name}.{TEMPORARY}"):
        left.unlink()
    batches = []
    for batch in shard.batches():
        batches.append(batch)
        bar.update(len(next(iter(batch.values()))))
    cache.write(
        shard.name,
        {
            name: torch.cat([batch[name] for batch in batches])
            for name in batches[0]
        },
    )


@contextmanager
def _claimed(cache: FeatureCache, name: str) -> Iterator[bool]:
    """Whether this process may make a file, and no other will meanwhile."""
    path = cache.folder / LOCKS / f"{name}.lock"
    try:
        path.parent.mkdir(exist_ok=True)
        lock = FileLock(path, timeout=0)
        lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise no_room(error, path) from None
    try:
        yield True
    finally:
        lock.release()
