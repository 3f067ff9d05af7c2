"""The training data of a recipe: its classes, and its chunks, mixed."""

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Optional, TypeVar, Union

from explainable_seg.classes import CLASSES, class_order, parse_class
from explainable_seg.composer import (
    AUGMENTS,
    STYLES,
    Augment,
    ClipPool,
    Composer,
    Overlays,
    Style,
    read_clips,
)
from explainable_seg.corpora import (
    Region,
    Scores,
    ScoreSource,
    load_truth,
    read_manifest,
    region_targets,
    score_files,
)
from explainable_seg.errors import (
    CorpusError,
    ExplainableSegError,
    SettingsError,
)
from explainable_seg.training.chunks import (
    Balance,
    ChunkCache,
    ChunkSource,
    ComposedChunks,
    RecordedChunks,
    TrainingChunks,
)

logger = logging.getLogger(__name__)


def choose_classes(
    asked: Optional[Sequence[str]],
    train: Sequence[Region],
    dev: Sequence[Region],
    teacher: Optional[Sequence[str]] = None,
    scores: Optional[Mapping[str, Any]] = None,
) -> tuple[str, ...]:
    """Classes that a model is trained for.

    Arguments
    ---------
    asked : Sequence[str] or None
        What the settings name; None for all that there is to learn from.
    train : Sequence[Region]
        Rows of the manifest for training.
    dev : Sequence[Region]
        Rows of the manifest for validation.
    teacher : Sequence[str], optional
        Classes of the teacher, which are then those of its student.
    scores : Mapping[str, Any], optional
        Of :class:`~explainable_seg.corpora.scores.ScoreSource`: what other
        systems say of training.

    Returns
    -------
    tuple[str, ...]
        In the order of the classes.

    Raises
    ------
    ExplainableSegError
        If there is nothing to learn a class from, the student is asked for
        other classes than its teacher's, or no class ever occurs on dev, by
        which checkpoints and thresholds are chosen.
    """
    scored = ScoreSource.of(scores).classes if scores else {}
    known = teacher or [
        name
        for name in CLASSES
        if name in scored or any(region.uems[name] for region in train)
    ]
    classes = tuple(known) if asked is None else _asked(asked)
    what = "its teacher" if teacher else "train.csv, or 'scores',"
    if teacher and classes != tuple(teacher):
        raise ExplainableSegError(
            f"expected the classes of the teacher, {', '.join(teacher)}, got "
            f"{', '.join(classes)}, in the settings; leave 'classes' out or "
            "train a teacher for them"
        )
    if not classes or not set(classes) <= set(known):
        raise ExplainableSegError(
            f"expected classes that {what} knows, {', '.join(known) or 'none'}, "
            f"got {', '.join(classes) or 'none'}, in the settings; name others "
            "or prepare the corpus with their labels"
        )
    if not set(scored) <= set(classes):
        raise ExplainableSegError(
            f"expected scores of {', '.join(classes)}, which are trained, got "
            f"{', '.join(scored)}, in the settings; leave the others out of "
            "the classes of 'scores'"
        )
    _check_dev(dev, classes)
    others = [name for name in CLASSES if name not in classes]
    logger.info(
        "trained for %s; not for %s",
        ", ".join(classes),
        ", ".join(others) or "no other",
    )
    return classes


def _asked(asked: Sequence[str]) -> tuple[str, ...]:
    """Classes that the settings name, in order."""
    names = [asked] if isinstance(asked, str) else asked
    where = "the setting 'classes'"
    try:
        return class_order([parse_class(str(name), where) for name in names])
    except (TypeError, ValueError) as error:
        raise ExplainableSegError(
            f"{error}, in {where}; give a list such as [speech, music]"
        ) from None


def _check_dev(regions: Sequence[Region], classes: Sequence[str]) -> None:
    """Raise unless a class occurs in a frame of dev that is annotated."""
    truths = load_truth(regions)
    columns = [CLASSES.index(name) for name in classes]
    for region in regions:
        targets = region_targets(region, truths[region.recording])
        if (targets[:, columns] == 1).any():
            return
    raise ExplainableSegError(
        f"expected {' or '.join(classes)} in a recording of dev, got none that "
        "is annotated, in dev.csv; by dev the best checkpoint and the "
        "thresholds are chosen: move recordings that hold them there"
    )


def manifest_digest(path: str | os.PathLike[str]) -> str:
    """Checksum of what the rows of a manifest stand for.

    Of each row, in their order: its values, the content of the annotation
    files that it names, and size and time of change of its audio, whose bytes
    are too many to sum. Paths do not count.

    Arguments
    ---------
    path : str or os.PathLike
        A manifest.

    Returns
    -------
    str
        SHA-256, in hexadecimal.

    Raises
    ------
    CorpusError
        If a file that it names cannot be read.
    """
    summed, dated = lru_cache(None)(_content), lru_cache(None)(_state)
    return _digest(
        [
            region.id,
            region.duration,
            region.start,
            region.stop,
            region.sample_rate,
            region.recording,
            dated(region.wav),
            region.rttm and summed(region.rttm),
            [
                (name := region.uems.get(label)) and summed(name)
                for label in CLASSES
            ],
        ]
        for region in read_manifest(path)
    )


def clips_digest(path: str | os.PathLike[str]) -> str:
    """Checksum of what the rows of a list of clips stand for.

    Arguments
    ---------
    path : str or os.PathLike
        A list of clips.

    Returns
    -------
    str
        SHA-256, in hexadecimal: of label, group, length, spans, style, and size
        and time of change of each clip, in their order.

    Raises
    ------
    CorpusError
        If the list or a clip cannot be read.
    """
    return _digest(
        [
            clip.label,
            clip.group,
            clip.duration,
            clip.spans,
            clip.start,
            clip.style,
            _state(clip.path),
        ]
        for clip in read_clips(Path(path))
    )


def scores_digest(
    scores: Mapping[str, Any], manifest: str | os.PathLike[str]
) -> str:
    """Checksum of what other systems say of the rows of a manifest.

    Arguments
    ---------
    scores : Mapping[str, Any]
        Of :class:`~explainable_seg.corpora.scores.ScoreSource`.
    manifest : str or os.PathLike
        A manifest.

    Returns
    -------
    str
        SHA-256, in hexadecimal: of the settings but for the folder, and of the
        content of the files, wherever they are.

    Raises
    ------
    CorpusError
        If a file is missing or cannot be read.
    """
    source = ScoreSource.of(scores)
    files = score_files(source, read_manifest(manifest))
    read = lru_cache(None)(_content)
    settings = {k: v for k, v in scores.items() if k != "folder"}
    contents = {
        uri: [read(path) for path in paths] for uri, paths in files.items()
    }
    return _digest([settings, contents])


def name_of_mix(*parts: Sequence[str | os.PathLike[str]]) -> str:
    """Name for a mix of corpora, another one for each mix.

    Arguments
    ---------
    *parts : Sequence[str or os.PathLike]
        Folders or names, whose order counts.

    Returns
    -------
    str
        The names of the first part, and a checksum.

    Example
    -------
    >>> name_of_mix(["prepared/albayzin", "prepared/allies"], ["albayzin"])
    'albayzin+allies-091e04dd'
    """
    mix = [[str(name) for name in part] for part in parts]
    names = "+".join(Path(name).name for name in mix[0])
    return f"{names[:80]}-{_digest(mix)[:8]}"


def _digest(values: Iterable[Any]) -> str:
    """SHA-256 of JSON values."""
    checksum = hashlib.sha256()
    for value in values:
        checksum.update(json.dumps(value).encode())
    return checksum.hexdigest()


def _content(path: str) -> str:
    """SHA-256 of a file's bytes."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise _unreadable(error, path) from None


def _state(path: str) -> list[int]:
    """Size of a file, and when it was changed."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise _unreadable(error, path) from None
    return [status.st_size, status.st_mtime_ns]


def _unreadable(error: OSError, path: str) -> CorpusError:
    """Error for a file that a manifest names in vain."""
    return CorpusError(
        f"expected a file to read, got '{error.strerror}', in {path}; "
        "prepare the corpus again"
    )


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
    augment: Union[str, Augment, None] = "programmes",
    cache_folder: Optional[PathLike] = None,
    n_distinct: int = 8000,
    level: Optional[float] = None,
    overlap_factor: float = 1.0,
    style: Union[str, Style, Sequence[Union[str, Style]]] = "programmes",
    scores: Optional[Mapping[str, Any]] = None,
    stems: bool = False,
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
    augment : Augment or str, optional
        What happens to a chunk each time it is drawn; by name, ``programmes``
        (level, tone, telephone, clicks) or ``on_air`` (codecs and old
        recordings, too); None leaves it as it is.
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
    style : Style or str, or a sequence of them
        How chunks are composed; by name, ``programmes`` or ``on_air``.
        Of several, each composes as many.
    scores : Mapping[str, Any], optional
        Of :class:`~explainable_seg.corpora.scores.ScoreSource`: what other
        systems say of the regions, in place of their labels.
    stems : bool
        Whether chunks tell what their stems share
        (:func:`~explainable_seg.training.stems.stem_shares`): known of composed
        chunks.

    Returns
    -------
    TrainingChunks

    Raises
    ------
    SettingsError
        If there is no style or augmentation of that name.
    """
    pool = None
    styles = [
        _named(one, "style", STYLES).with_overlap(overlap_factor)
        for one in ([style] if isinstance(style, (str, Style)) else style)
    ]
    if clips is not None:
        pool = ClipPool(read_clips(Path(clips)))
        pool.preload()
    regions = read_manifest(manifest)
    recorded = RecordedChunks(
        regions,
        window,
        pool=pool if overlays is not None else None,
        overlays=overlays or Overlays(),
        balance=balance,
        level=level,
        scores=Scores(ScoreSource.of(scores), regions) if scores else None,
    )
    sources: list[ChunkSource] = [recorded]
    shares = [1.0]
    if pool is not None and composed_share > 0:
        sources += [
            ComposedChunks(Composer(pool, style), window, stems)
            for style in styles
        ]
        shares = [
            1 - composed_share,
            *[composed_share / len(styles)] * len(styles),
        ]
    cache = None
    if cache_folder is not None:
        cache = ChunkCache(
            cache_folder,
            n_distinct,
            window,
            {
                "manifest": manifest_digest(manifest),
                "clips": clips and clips_digest(clips),
                "scores": scores_digest(scores, manifest) if scores else None,
                "shares": shares,
                "seed": seed,
                "overlays": repr(overlays),
                "balance": repr(balance),
                "level": level,
                "styles": repr(styles),
                **({"stems": True} if stems else {}),
            },
            stems,
        )
    return TrainingChunks(
        sources, shares, seed, order_seed, cache, augmentation(augment), stems
    )


def augmentation(value: Union[str, Augment, None]) -> Optional[Augment]:
    """What happens to chunks, of its name or as it is.

    Arguments
    ---------
    value : str, Augment or None
        As for :func:`make_training_set`.

    Returns
    -------
    Augment or None

    Raises
    ------
    SettingsError
        If there is none of that name.
    """
    return None if value is None else _named(value, "augment", AUGMENTS)


Named = TypeVar("Named")


def _named(
    value: Union[str, Named], key: str, known: dict[str, Named]
) -> Named:
    """A value as it is, or the one of its name."""
    if not isinstance(value, str):
        return value
    if value not in known:
        raise SettingsError(
            f"expected one of {' '.join(known)}, got '{value}', in the key "
            f"{key} of the settings; correct it"
        )
    return known[value]
