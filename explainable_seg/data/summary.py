"""What a preparation says of itself, beside its manifests.

Hours and how much of each class a part holds, and where the audio is.
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from explainable_seg.classes import CLASSES

if TYPE_CHECKING:
    from explainable_seg.data.recording import Recording

SUMMARY = "summary.json"


def summarise(recordings: Sequence["Recording"]) -> dict:
    """Amounts of a part.

    Arguments
    ---------
    recordings : Sequence["Recording"]
        Its recordings.

    Returns
    -------
    dict
        ``files``, ``seconds``, ``hours`` and, for each class, ``seconds``,
        ``annotated_seconds``, ``unknown_seconds`` and ``positive_rate`` (of
        the annotated time); None for a class that is annotated nowhere.
    """
    seconds = sum(recording.header.duration for recording in recordings)
    return {
        "files": len(recordings),
        "seconds": round(seconds, 3),
        "hours": round(seconds / 3600, 4),
        "classes": {
            name: _amounts(name, recordings, seconds) for name in CLASSES
        },
    }


def _amounts(
    name: str, recordings: Iterable["Recording"], seconds: float
) -> dict[str, float] | None:
    """Seconds and rate of a class where it is annotated."""
    known = [r for r in recordings if name in r.annotated]
    annotated = float(sum(r.annotated[name].duration() for r in known))
    if annotated == 0:
        return None
    heard = float(sum(r.spans[name].duration() for r in known))
    return {
        "seconds": round(heard, 3),
        "annotated_seconds": round(annotated, 3),
        "unknown_seconds": round(seconds - annotated, 3),
        "positive_rate": round(heard / annotated, 4),
    }


def data_roots(
    folder: str | os.PathLike[str], data_root: str | os.PathLike[str]
) -> list[str]:
    """Where ``$data_root`` is, for the summary beside a manifest.

    Arguments
    ---------
    folder : str or os.PathLike
        Of the manifest.
    data_root : str or os.PathLike
        Of the audio.

    Returns
    -------
    list[str]
        Its path from the folder, and its absolute path.
    """
    apart = os.path.relpath(Path(data_root).resolve(), Path(folder).resolve())
    return [Path(apart).as_posix(), os.path.abspath(data_root)]


def recorded_root(manifest: str | os.PathLike[str]) -> Path | None:
    """Where the summary beside a manifest says that ``$data_root`` is.

    Arguments
    ---------
    manifest : str or os.PathLike
        The manifest.

    Returns
    -------
    pathlib.Path or None
        The first of the recorded folders that is there, else the last of
        them, for the message; None if none is recorded.
    """
    folder = Path(manifest).resolve().parent
    try:
        roots = json.loads((folder / SUMMARY).read_text("utf-8"))["data_root"]
        candidates = [Path(os.path.normpath(folder / root)) for root in roots]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    there = [root for root in candidates if root.is_dir()]
    return next(iter([*there, *candidates[-1:]]), None)
