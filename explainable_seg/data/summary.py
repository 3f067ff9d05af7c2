"""What a part of a corpus holds: hours, and how much of each class."""

from collections.abc import Iterable, Sequence

from pyannote.core import Segment, Timeline

from explainable_seg.data.manifest import Region
from explainable_seg.data.truth import Truth, annotated_time, load_truth


def summarise(regions: Sequence[Region]) -> dict:
    """Amounts of a part, read back from its annotation files.

    Arguments
    ---------
    regions : Sequence[Region]
        Rows of its manifest.

    Returns
    -------
    dict
        ``files``, ``seconds``, ``hours`` and, for each class, ``seconds``,
        ``annotated_seconds`` and ``positive_rate``; None for a class that is
        annotated nowhere.
    """
    truths = load_truth(regions)
    seconds = sum(region.stop_s - region.start_s for region in regions)
    return {
        "files": len(truths),
        "seconds": round(seconds, 3),
        "hours": round(seconds / 3600, 4),
        "classes": {
            name: _amounts(name, truths.values(), timelines)
            for name, timelines in annotated_time(regions, truths).items()
        },
    }


def _amounts(
    name: str, truths: Iterable[Truth], annotated: dict[str, Timeline]
) -> dict[str, float] | None:
    """Seconds and rate of a class where it is annotated."""
    known = sum(timeline.duration() for timeline in annotated.values())
    if known == 0:
        return None
    heard = sum(
        Timeline([Segment(a, b) for a, b in truth.spans[name]])
        .crop(annotated[truth.recording])
        .duration()
        for truth in truths
    )
    return {
        "seconds": round(heard, 3),
        "annotated_seconds": round(known, 3),
        "positive_rate": round(heard / known, 4),
    }
