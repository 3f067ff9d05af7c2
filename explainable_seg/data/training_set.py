"""The training data of a recipe: recorded and composed chunks, mixed."""

import os
from pathlib import Path
from typing import Optional

from explainable_seg.data.augment import Augment, Overlays
from explainable_seg.data.cache import ChunkCache
from explainable_seg.data.chunks import (
    ChunkSource,
    ComposedChunks,
    RecordedChunks,
    TrainingChunks,
)
from explainable_seg.data.clips import ClipPool, read_clips
from explainable_seg.data.composer import Composer
from explainable_seg.data.digests import clips_digest, manifest_digest
from explainable_seg.data.manifest import read_manifest
from explainable_seg.data.sampling import Balance
from explainable_seg.data.style import Style

PathLike = str | os.PathLike[str]


def make_training_set(
    manifest: PathLike,
    window: float,
    seed: int,
    order_seed: int = 0,
    clips: Optional[PathLike] = None,
    composed_share: float = 0.65,
    overlays: Optional[Overlays] = None,
    balance: Balance = Balance(),
    augment: Optional[Augment] = Augment(),
    cache_folder: Optional[PathLike] = None,
    n_distinct: int = 8000,
    level: Optional[float] = None,
    overlap_factor: float = 1.0,
) -> TrainingChunks:
    """Chunks of a manifest, mixed with chunks composed of clips.

    Arguments
    ---------
    manifest : str or os.PathLike
        Regions to cut chunks from.
    window : float
        Seconds a chunk.
    seed : int
        Seed of what the chunks are.
    order_seed : int
        Seed of the order in which cached chunks are drawn.
    clips : str or os.PathLike, optional
        List of clips to compose from; without it all chunks are recorded.
    composed_share : float
        Share of composed chunks, if there are clips.
    overlays : Overlays, optional
        What is laid over recorded chunks, if there are clips; nothing by
        default.
    balance : Balance
        How often each corpus and class of the manifest is drawn.
    augment : Augment, optional
        Level and tone, new each time a chunk is drawn; None leaves them.
    cache_folder : str or os.PathLike, optional
        Where chunks are kept once made; without it every chunk is new.
    n_distinct : int
        Distinct chunks in the cache.
    level : float, optional
        What recordings are brought to, as when the model is run: dB re full
        scale. Without it they stay as they are.
    overlap_factor : float
        How many times as many scenes of two voices are composed as programmes
        have.

    Returns
    -------
    TrainingChunks
    """
    pool = None
    style = Style().with_overlap(overlap_factor)
    if clips is not None:
        pool = ClipPool(read_clips(Path(clips)))
        pool.preload()
    recorded = RecordedChunks(
        read_manifest(manifest),
        window,
        pool=pool if overlays is not None else None,
        overlays=overlays or Overlays(),
        balance=balance,
        level=level,
    )
    sources: list[ChunkSource] = [recorded]
    shares = [1.0]
    if pool is not None and composed_share > 0:
        sources.append(ComposedChunks(Composer(pool, style), window))
        shares = [1 - composed_share, composed_share]
    cache = None
    if cache_folder is not None:
        cache = ChunkCache(
            cache_folder,
            n_distinct,
            window,
            {
                "manifest": manifest_digest(manifest),
                "clips": clips and clips_digest(clips),
                "shares": shares,
                "seed": seed,
                "overlays": repr(overlays),
                "balance": repr(balance),
                "level": level,
                "style": repr(style),
            },
        )
    return TrainingChunks(sources, shares, seed, order_seed, cache, augment)
