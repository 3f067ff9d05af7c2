"""Chunks of audio with frame targets: what training and validation iterate.

A source draws chunks with a random generator it is given; the data set gives
every item a generator of its own, seeded by its index in the whole training.
So a chunk depends on the seed and the index alone: not on the number of
workers, nor on whether the run was interrupted.
"""

from collections.abc import Iterator, Sequence
from typing import Optional, Protocol

import numpy as np
import torch

from explainable_seg.audio.level import at_level
from explainable_seg.classes import CLASSES
from explainable_seg.data.augment import Augment, Overlays, overlay
from explainable_seg.data.cache import ChunkCache
from explainable_seg.data.clips import ClipPool
from explainable_seg.data.composer import Composer
from explainable_seg.data.manifest import Region
from explainable_seg.data.randomness import stream
from explainable_seg.data.sampling import Balance, ChunkSampler
from explainable_seg.data.truth import (
    UNKNOWN,
    RegionGains,
    load_truth,
    read_region,
    region_targets,
)
from explainable_seg.frames import HOP, SAMPLE_RATE, frame_targets, num_frames

Chunk = tuple[np.ndarray, np.ndarray]  # audio [N], targets [T, C]


class ChunkSource(Protocol):
    """Draws chunks of audio [N] with targets [T, C] in {1, 0, -1}."""

    def draw(self, rng: np.random.Generator) -> Chunk:
        """Draw one chunk.

        Arguments
        ---------
        rng : np.random.Generator
            Source of randomness.

        Returns
        -------
        tuple[np.ndarray, np.ndarray]
            Audio [N] at 16 kHz, float32; targets [T, C], int8, T =
            num_frames(N).
        """
        ...


class ComposedChunks:
    """Chunks laid by the composer on the fly, with exact labels.

    Arguments
    ---------
    composer : Composer
        Lays clips into programmes.
    duration : float
        Seconds a chunk.
    """

    def __init__(self, composer: Composer, duration: float):
        self.composer = composer
        self.duration = duration

    def draw(self, rng: np.random.Generator) -> Chunk:
        """A new programme of one chunk's length."""
        programme = self.composer.compose(self.duration, rng)
        n_frames = num_frames(len(programme.audio))
        targets = np.stack(
            [frame_targets(programme.spans[c], n_frames) for c in CLASSES],
            axis=1,
        )
        return programme.audio, targets.astype(np.int8)


class RecordedChunks:
    """Chunks cut at random from the regions of a manifest.

    Arguments
    ---------
    regions : Sequence[Region]
        Rows of the manifest.
    duration : float
        Seconds a chunk; a shorter region is padded with silence whose targets
        are unknown.
    pool : ClipPool, optional
        Sounds that may be laid over a chunk; none are without it.
    overlays : Overlays
        Which, how often and how loud.
    balance : Balance
        How often each corpus and class is drawn.
    level : float, optional
        What each region is brought to, as a run brings it there, dB re full
        scale; without it regions stay as they are.
    """

    def __init__(
        self,
        regions: Sequence[Region],
        duration: float,
        pool: Optional[ClipPool] = None,
        overlays: Overlays = Overlays(),
        balance: Balance = Balance(),
        level: Optional[float] = None,
    ):
        self.truths = load_truth(regions)
        self.sampler = ChunkSampler(regions, self.truths, duration, balance)
        self.duration = duration
        self.pool = pool
        self.overlays = overlays
        self.gains = None if level is None else RegionGains(regions, level)

    def draw(self, rng: np.random.Generator) -> Chunk:
        """A chunk of one region."""
        region, start_s = self.sampler.draw(rng)
        # On the grid of frames, so that targets fall where they would in the
        # whole recording.
        start_s = (
            float(np.floor(start_s * SAMPLE_RATE / HOP)) * HOP / SAMPLE_RATE
        )
        audio = read_region(region, start_s, self.duration, self.gains)
        n_samples = round(self.duration * SAMPLE_RATE)
        n_frames, n_read = num_frames(n_samples), num_frames(len(audio))
        truth = self.truths[region.recording]
        targets = np.full((n_frames, len(CLASSES)), UNKNOWN, dtype=np.int8)
        targets[:n_read] = region_targets(region, truth, start_s, n_read)
        audio = np.pad(audio, (0, n_samples - len(audio)))
        if self.pool is not None:
            audio, targets = overlay(
                audio, targets, self.pool, rng, self.overlays
            )
        return audio, targets


class TrainingChunks(torch.utils.data.Dataset):
    """Endless random chunks, each reproducible from its index.

    Arguments
    ---------
    sources : Sequence[ChunkSource]
        Where chunks come from.
    shares : Sequence[float]
        Probability of each source.
    seed : int
        Seed of what the chunks are.
    order_seed : int
        Seed of the order in which chunks of a cache are drawn.
    cache : ChunkCache, optional
        Keeps the chunks on disk; training then draws from as many distinct
        chunks as it has. Without it every chunk is new.
    augment : Augment, optional
        Level and tone, new each time a chunk is drawn; as they are without it.

    Raises
    ------
    ValueError
        If there is not one share a source, or they do not sum to 1.
    """

    def __init__(
        self,
        sources: Sequence[ChunkSource],
        shares: Sequence[float],
        seed: int,
        order_seed: int = 0,
        cache: Optional[ChunkCache] = None,
        augment: Optional[Augment] = None,
    ):
        if len(sources) != len(shares) or not np.isclose(sum(shares), 1.0):
            raise ValueError(
                f"expected {len(sources)} `shares` that sum to 1, "
                f"got {list(shares)}"
            )
        self.sources = list(sources)
        self.shares = list(shares)
        self.seed = seed
        self.order_seed = order_seed
        self.cache = cache
        self.augment = augment

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """Chunk ``index`` of the whole training: ``wav`` and ``targets``."""
        number = index
        if self.cache is not None:
            order = stream("order", self.order_seed, index)
            number = int(order.integers(self.cache.n_chunks))
        audio, targets = self._chunk(number)
        if self.augment is not None:
            rng = stream("augmentation", self.order_seed, index)
            audio = self.augment(audio, rng)
        return {
            "wav": torch.from_numpy(np.ascontiguousarray(audio)),
            "targets": torch.from_numpy(targets),
        }

    def fixed(self, number: int) -> Chunk:
        """Chunk of a number, always at the same level and tone.

        What a feature cache keeps: it depends on the seed of the chunks, not
        on that of their order. With a cache of chunks, numbers beyond it give
        its chunks again, at another level and tone.

        Arguments
        ---------
        number : int
            Which chunk.

        Returns
        -------
        tuple[np.ndarray, np.ndarray]
            Audio [N], float32, and targets [T, C], int8.
        """
        audio, targets = self._chunk(number)
        if self.augment is not None:
            rng = stream("fixed augmentation", self.seed, number)
            audio = self.augment(audio, rng)
        return audio, targets

    def _chunk(self, number: int) -> Chunk:
        """Chunk of a number, from the cache where there is one."""
        if self.cache is None:
            return self._make(number)
        distinct = number % self.cache.n_chunks
        return self.cache.get(distinct, lambda: self._make(distinct))

    def _make(self, number: int) -> Chunk:
        """Chunk of a number, from a source that is drawn."""
        choice = stream("source", self.seed, number)
        source = self.sources[choice.choice(len(self.sources), p=self.shares)]
        return source.draw(stream("composition", self.seed, number))


class EpochSampler(torch.utils.data.Sampler[int]):
    """Indices of an epoch's chunks: epoch e has those after epoch e - 1's.

    Arguments
    ---------
    n_chunks : int
        Chunks an epoch, over all processes.
    rank : int
        Index of this process.
    world_size : int
        Number of processes.
    part : int
        Chunks of a batch for each process: its share of those in a row, so
        that the shares one behind the other are the batch of one process.
    """

    def __init__(
        self,
        n_chunks: int,
        rank: int = 0,
        world_size: int = 1,
        part: int = 1,
    ):
        self.n_chunks = n_chunks
        self.rank = rank
        self.world_size = world_size
        self.part = part
        self.epoch = 1

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, counted from 1; the Brain calls this."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        """Indices for this process."""
        first = (self.epoch - 1) * self.n_chunks
        batch = self.part * self.world_size
        for start in range(0, self.n_chunks, batch):
            # The last batch of an epoch may be smaller.
            share = min(batch, self.n_chunks - start) // self.world_size
            begin = first + start + self.rank * share
            yield from range(begin, begin + share)

    def __len__(self) -> int:
        """Chunks an epoch for this process."""
        return self.n_chunks // self.world_size


class WholeRegions(torch.utils.data.Dataset):
    """Every region of a manifest, whole, for validation and test.

    Arguments
    ---------
    regions : Sequence[Region]
        Rows of the manifest.
    level : float, optional
        What each is brought to, dB re full scale; without it they stay as
        they are.
    """

    def __init__(
        self, regions: Sequence[Region], level: Optional[float] = None
    ):
        self.regions = list(regions)
        self.level = level
        self.truths = load_truth(self.regions)

    def __len__(self) -> int:
        """Number of regions."""
        return len(self.regions)

    def __getitem__(self, index: int) -> dict[str, object]:
        """Region ``index``: ``id``, ``wav`` [N] and ``targets`` [T, C]."""
        region = self.regions[index]
        audio = at_level(read_region(region), self.level)
        targets = region_targets(
            region,
            self.truths[region.recording],
            n_frames=num_frames(len(audio)),
        )
        return {
            "id": region.id,
            "wav": torch.from_numpy(audio),
            "targets": torch.from_numpy(targets),
        }
