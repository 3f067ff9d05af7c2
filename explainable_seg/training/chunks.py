"""Chunks of audio with frame targets: what training and validation iterate.

A source draws chunks with a random generator it is given; the data set gives
every item a generator of its own, seeded by its index in the whole training.
So a chunk depends on the seed and the index alone: not on the number of
workers, nor on whether the run was interrupted.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional, Protocol

import numpy as np
import torch

from explainable_seg.audio import at_level
from explainable_seg.classes import CLASSES
from explainable_seg.composer import (
    Augment,
    ClipPool,
    Composer,
    Overlays,
    overlay,
)
from explainable_seg.corpora import (
    Region,
    RegionGains,
    Scores,
    Truth,
    heard_spans,
    load_truth,
    read_region,
    region_targets,
)
from explainable_seg.errors import CorpusError, SettingsError
from explainable_seg.files import atomic_write_json
from explainable_seg.frames import (
    HOP,
    SAMPLE_RATE,
    UNKNOWN,
    Span,
    frame_targets,
    num_frames,
)
from explainable_seg.training.stems import shares_shape, stem_shares

# Each purpose has a place here, which stays: another one gives other chunks.
PURPOSES = (
    "source",  # recorded or composed
    "composition",  # what a chunk is
    "order",  # which chunk of a cache comes next
    "augmentation",  # its level and tone, new each time
    "fixed augmentation",  # the same, once for each chunk
    "cached order",  # which chunk of a feature cache comes next
)


def random_stream(purpose: str, seed: int, number: int) -> np.random.Generator:
    """Generator of one purpose, for one item.

    Two seeds of a training may be equal, as that of the chunks and that of
    their order; what is drawn for another purpose is independent all the same.

    Arguments
    ---------
    purpose : str
        One of :data:`PURPOSES`.
    seed : int
        Not negative.
    number : int
        Of the item, not negative.

    Returns
    -------
    np.random.Generator

    Raises
    ------
    ValueError
        If there is no such purpose.

    Example
    -------
    >>> a, b = (
    ...     random_stream(purpose, 0, 7)
    ...     for purpose in ("order", "augmentation")
    ... )
    >>> bool(a.random() == b.random())
    False
    """
    if purpose not in PURPOSES:
        raise ValueError(f"expected one of {PURPOSES}, got '{purpose}'")
    # As a spawn key, whose parts count one by one: [seed, 0] would be [seed].
    key = (PURPOSES.index(purpose), number)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


class Chunk(NamedTuple):
    """Sound to learn from, and what is known of it.

    ``audio`` [N] at 16 kHz, float32; ``targets`` [T, C], float16: 1, 0, -1
    for unknown, or a score of another system between 0 and 1; ``shares``
    [T, F, S], uint8, of :func:`~.stems.stem_shares`, where it is asked for: all 0
    where the stems are not known.
    """

    audio: np.ndarray
    targets: np.ndarray
    shares: Optional[np.ndarray] = None


FULL_SCALE = 32767
VERSION = 5  # goes up when an equal recipe gives other chunks


class ChunkCache:
    """Chunks by number, made when first asked for, then read from disk.

    Audio is kept with 16 bits. The files are sparse: their size on disk is
    that of the chunks made so far. Several processes may share them, for a
    chunk is marked as there only after it was written, and making it twice
    gives the same bytes.

    Arguments
    ---------
    folder : str or os.PathLike
        Where the files are; made if it is not there.
    n_chunks : int
        Number of distinct chunks.
    duration : float
        Seconds a chunk.
    recipe : dict
        Plain values that decide what the chunks are: a seed, checksums of
        sources (:mod:`explainable_seg.training.training_set`), ...
    stems : bool
        Whether it keeps what the stems of composed chunks share.

    Raises
    ------
    CorpusError
        If the folder holds chunks of another recipe.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        n_chunks: int,
        duration: float,
        recipe: dict[str, Any],
        stems: bool = False,
    ):
        self.folder = Path(folder)
        self.n_chunks = n_chunks
        n_samples = round(duration * SAMPLE_RATE)
        _check_recipe(
            self.folder / "recipe.json",
            {
                **recipe,
                "version": VERSION,
                "n_chunks": n_chunks,
                "duration": duration,
            },
        )
        self._audio = self._open("audio", (n_chunks, n_samples), np.int16)
        self._scale = self._open("scale", (n_chunks,), np.float32)
        self._targets = self._open(
            "targets",
            (n_chunks, num_frames(n_samples), len(CLASSES)),
            np.float16,
        )
        self._shares = None
        if stems:
            shape = (n_chunks, *shares_shape(num_frames(n_samples)))
            self._shares = self._open("shares", shape, np.uint8)
        self._made = self._open("made", (n_chunks,), np.uint8)

    def get(self, number: int, make: Callable[[], Chunk]) -> Chunk:
        """A chunk, made by ``make`` if it is not there yet.

        Arguments
        ---------
        number : int
            Which chunk.
        make : callable
            Gives the chunk.

        Returns
        -------
        Chunk
        """
        if not self._made[number]:
            audio, targets, shares = make()
            # At its level a recording may go beyond full scale.
            scale = np.float32(max(1.0, float(np.abs(audio).max(initial=0.0))))
            self._audio[number] = to_pcm(audio / scale)
            self._scale[number] = scale
            self._targets[number] = targets
            if self._shares is not None and shares is not None:
                self._shares[number] = shares
            self._made[number] = 1
        audio = from_pcm(self._audio[number]) * self._scale[number]
        shares = None
        if self._shares is not None:
            shares = np.array(self._shares[number])
        return Chunk(audio, np.array(self._targets[number]), shares)

    def _open(
        self, name: str, shape: tuple[int, ...], dtype: type
    ) -> np.memmap:
        """Memory map of a file of zeros or of what is there."""
        path = self.folder / f"{name}.bin"
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        with open(path, "ab") as random_stream:
            if random_stream.tell() < size:
                random_stream.truncate(size)
        return np.memmap(path, dtype=dtype, mode="r+", shape=shape)


def to_pcm(audio: np.ndarray) -> np.ndarray:
    """Audio within full scale as 16-bit integers; what is beyond is clipped.

    Example
    -------
    >>> to_pcm(np.array([0.5, -2.0])).tolist()
    [16384, -32767]
    """
    return np.rint(np.clip(audio, -1, 1) * FULL_SCALE).astype(np.int16)


def from_pcm(audio: np.ndarray) -> np.ndarray:
    """Audio of :func:`to_pcm` as float32.

    Example
    -------
    >>> from_pcm(to_pcm(np.array([-1.0, 1.0]))).tolist()
    [-1.0, 1.0]
    """
    return audio.astype(np.float32) / FULL_SCALE


def _check_recipe(path: Path, recipe: dict[str, Any]) -> None:
    """Write the recipe, or refuse the one that is there."""
    text = json.dumps(recipe, sort_keys=True, default=str)
    expected = json.loads(text)
    if not path.is_file():
        atomic_write_json(path, expected)
        return
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        found = {}  # no JSON: another of everything
    names = sorted(expected.keys() | found.keys())
    other = [n for n in names if expected.get(n) != found.get(n)]
    if other:
        raise CorpusError(
            f"expected chunks of this training's recipe, got those of another "
            f"{', '.join(other)}, in {path}; delete the folder, or name "
            "another one by --chunks_folder"
        )


@dataclass(frozen=True)
class Balance:
    """How far rare corpora and classes are drawn more often than they occur.

    Arguments
    ---------
    corpus_exponent : float
        A corpus is drawn in proportion to its hours to this power: 1 as long
        as it is, 0 all corpora alike.
    class_share : float
        Share of chunks that are cut around a moment of a class, the classes
        alike; the others are cut anywhere.
    """

    corpus_exponent: float = 1.0
    class_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no power or no share."""
        if not (0 <= self.corpus_exponent <= 1 and 0 <= self.class_share <= 1):
            raise SettingsError(
                "expected `corpus_exponent` and `class_share` in [0, 1], got "
                f"{self.corpus_exponent} and {self.class_share}"
            )


@dataclass(frozen=True)
class _Spans:
    """Stretches of regions, drawn as often as they are long."""

    owners: np.ndarray  # indices of regions
    starts: np.ndarray  # seconds in the region
    lengths: np.ndarray  # seconds
    shares: np.ndarray  # of each in the sum of lengths

    def draw(self, rng: np.random.Generator) -> tuple[int, float]:
        """A region and a moment in it."""
        index = rng.choice(len(self.owners), p=self.shares)
        moment = self.starts[index] + rng.uniform(0, self.lengths[index])
        return int(self.owners[index]), float(moment)


class ChunkSampler:
    """Draws regions and where a chunk of them starts.

    Arguments
    ---------
    regions : Sequence[Region]
        Rows of a manifest; the corpus of a row is what its ID names.
    truths : Mapping[str, Truth]
        For each recording its truth.
    duration : float
        Seconds a chunk.
    balance : Balance
        By default chunks are drawn as often as they occur.
    scores : Scores, optional
        By which a moment is one of a class, where it has scores.
    """

    def __init__(
        self,
        regions: Sequence[Region],
        truths: Mapping[str, Truth],
        duration: float,
        balance: Balance = Balance(),
        scores: Optional[Scores] = None,
    ):
        self.regions = list(regions)
        self.truths = truths
        self.scores = scores
        self.duration = duration
        self.balance = balance
        corpora: dict[str | None, list[int]] = {}
        for index, region in enumerate(self.regions):
            corpora.setdefault(region.corpus, []).append(index)
        self._anywhere = [
            _as_spans(
                [(i, 0.0, self.regions[i].duration) for i in members],
            )
            for members in corpora.values()
        ]
        self._moments = [
            self._class_moments(members) if balance.class_share else []
            for members in corpora.values()
        ]
        hours = np.array([spans.lengths.sum() for spans in self._anywhere])
        weights = hours**balance.corpus_exponent
        self._corpus_shares = weights / weights.sum()

    def draw(self, rng: np.random.Generator) -> tuple[Region, float]:
        """A region, and seconds in it where the chunk starts.

        Arguments
        ---------
        rng : np.random.Generator
            Source of randomness.

        Returns
        -------
        tuple[Region, float]
            The chunk lies inside the region, if that is long enough.
        """
        corpus = rng.choice(len(self._anywhere), p=self._corpus_shares)
        moments = self._moments[corpus]
        around = rng.random() < self.balance.class_share and moments
        if not around:
            index, _ = self._anywhere[corpus].draw(rng)
            slack = max(0.0, self.regions[index].duration - self.duration)
            return self.regions[index], float(rng.uniform(0, slack))
        index, moment = moments[rng.integers(len(moments))].draw(rng)
        slack = max(0.0, self.regions[index].duration - self.duration)
        start = moment - rng.uniform(0, self.duration)
        return self.regions[index], float(np.clip(start, 0.0, slack))

    def _class_moments(self, members: Sequence[int]) -> list[_Spans]:
        """For each class that occurs, where it does."""
        found = []
        for name in CLASSES:
            rows = [
                (index, start, end)
                for index in members
                for start, end in self._heard(self.regions[index], name)
            ]
            if rows:
                found.append(_as_spans(rows))
        return found

    def _heard(self, region: Region, name: str) -> Sequence[Span]:
        """Where a class is heard in a region, by its score or its labels."""
        likely = self.scores.spans(region, name) if self.scores else None
        if likely is not None:
            return likely
        return heard_spans(region, self.truths[region.recording], name)


def _as_spans(rows: Sequence[tuple[int, float, float]]) -> _Spans:
    """Arrays of (index of the region, start, end)."""
    owners, starts, ends = zip(*rows)
    first = np.array(starts)
    lengths = np.array(ends) - first
    return _Spans(np.array(owners), first, lengths, lengths / lengths.sum())


class ChunkSource(Protocol):
    """Draws chunks of audio with targets."""

    def draw(self, rng: np.random.Generator) -> Chunk:
        """Draw one chunk.

        Arguments
        ---------
        rng : np.random.Generator
            Source of randomness.

        Returns
        -------
        Chunk
            T = num_frames(N).
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
    stems : bool
        Whether a chunk tells what its stems share.
    """

    def __init__(
        self, composer: Composer, duration: float, stems: bool = False
    ):
        self.composer = composer
        self.duration = duration
        self.stems = stems

    def draw(self, rng: np.random.Generator) -> Chunk:
        """A new programme of one chunk's length."""
        programme = self.composer.compose(self.duration, rng, self.stems)
        n_frames = num_frames(len(programme.audio))
        targets = np.stack(
            [frame_targets(programme.spans[c], n_frames) for c in CLASSES],
            axis=1,
        ).astype(np.float16)
        for label, spans in programme.unsure.items():
            column = targets[:, CLASSES.index(label)]
            unsure = frame_targets(spans, n_frames)
            column[unsure.astype(bool) & (column == 0)] = UNKNOWN
        stems = programme.stems
        shares = None if stems is None else stem_shares(stems)
        return Chunk(programme.audio, targets, shares)


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
    scores : Scores, optional
        What other systems say of the regions, in place of their labels.
    """

    def __init__(
        self,
        regions: Sequence[Region],
        duration: float,
        pool: Optional[ClipPool] = None,
        overlays: Overlays = Overlays(),
        balance: Balance = Balance(),
        level: Optional[float] = None,
        scores: Optional[Scores] = None,
    ):
        self.truths = load_truth(regions)
        self.scores = scores
        self.sampler = ChunkSampler(
            regions, self.truths, duration, balance, scores
        )
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
        targets = np.full((n_frames, len(CLASSES)), UNKNOWN, dtype=np.float16)
        known = region_targets(region, truth, start_s, n_read)
        if self.scores is not None:
            known = self.scores.over(known, region, start_s)
        targets[:n_read] = known
        audio = np.pad(audio, (0, n_samples - len(audio)))
        if self.pool is not None:
            audio, targets = overlay(
                audio, targets, self.pool, rng, self.overlays
            )
        return Chunk(audio, targets)


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
    stems : bool
        Whether chunks tell what their stems share.

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
        stems: bool = False,
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
        self.stems = stems

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """Chunk ``index`` of the training: ``wav``, ``targets``, ``shares``.

        The last one only where all chunks have it.
        """
        number = index
        if self.cache is not None:
            order = random_stream("order", self.order_seed, index)
            number = int(order.integers(self.cache.n_chunks))
        audio, targets, shares = self._chunk(number)
        if self.augment is not None:
            rng = random_stream("augmentation", self.order_seed, index)
            audio = self.augment(audio, rng)
        item = {
            "wav": torch.from_numpy(np.ascontiguousarray(audio)),
            "targets": torch.from_numpy(targets),
        }
        if self.stems:
            if shares is None:  # recorded: nobody knows
                shares = np.zeros(shares_shape(len(targets)), dtype=np.uint8)
            item["shares"] = torch.from_numpy(shares)
        return item

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
        Chunk
        """
        audio, targets, shares = self._chunk(number)
        if self.augment is not None:
            rng = random_stream("fixed augmentation", self.seed, number)
            audio = self.augment(audio, rng)
        return Chunk(audio, targets, shares)

    def _chunk(self, number: int) -> Chunk:
        """Chunk of a number, from the cache where there is one."""
        if self.cache is None:
            return self._make(number)
        distinct = number % self.cache.n_chunks
        return self.cache.get(distinct, lambda: self._make(distinct))

    def _make(self, number: int) -> Chunk:
        """Chunk of a number, from a source that is drawn."""
        choice = random_stream("source", self.seed, number)
        source = self.sources[choice.choice(len(self.sources), p=self.shares)]
        return source.draw(random_stream("composition", self.seed, number))


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
