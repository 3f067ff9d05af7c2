"""What a part of a corpus holds: hours, and how much of each class."""

from collections.abc import Iterable, Sequence

from explainable_seg.classes import CLASSES
from explainable_seg.data.recording import Recording


def summarise(recordings: Sequence[Recording]) -> dict:
    """Amounts of a part.

    Arguments
    ---------
    recordings : Sequence[Recording]
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
    name: str, recordings: Iterable[Recording], seconds: float
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
