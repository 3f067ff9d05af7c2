"""What caches know their content by: the data, wherever it lies."""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from explainable_seg.classes import CLASSES
from explainable_seg.data.clips import read_clips
from explainable_seg.data.manifest import read_manifest
from explainable_seg.errors import CorpusError


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
        SHA-256, in hexadecimal: of label, group, length, spans, and size and
        time of change of each clip, in their order.

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
            _state(clip.path),
        ]
        for clip in read_clips(Path(path))
    )


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
