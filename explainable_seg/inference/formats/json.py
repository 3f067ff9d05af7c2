"""JSON: segments, frame probabilities and their clock."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from explainable_seg.files import atomic_write_text
from explainable_seg.frames import FRAME_CENTRE
from explainable_seg.inference.segmentation import Segmentation

VERSION = 1


def to_dict(segmentation: Segmentation) -> dict[str, Any]:
    """A segmentation as plain lists and numbers.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.

    Returns
    -------
    dict[str, Any]
        ``version``, ``uri``, ``start`` and ``duration`` of what was segmented
        (s), ``frame_rate`` (frames a second), ``frame_centre`` (s, centre of
        frame 0 after the start), ``classes``, ``rules`` (thresholds and what
        else decided; None if nobody knows), ``segments`` (``start`` and
        ``end`` in seconds, ``label``) and ``probabilities`` [T][C], rounded to
        4 decimals.
    """
    return {
        "version": VERSION,
        "uri": segmentation.uri,
        "start": segmentation.start,
        "duration": segmentation.duration,
        "frame_rate": segmentation.frame_rate,
        "frame_centre": FRAME_CENTRE,
        "classes": list(segmentation.classes),
        "rules": segmentation.rules.to_dict() if segmentation.rules else None,
        "segments": [asdict(segment) for segment in segmentation.segments],
        "probabilities": [
            [round(value, 4) for value in frame]
            for frame in segmentation.probabilities.tolist()
        ],
    }


def write_json(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as JSON: one key a line, so that it can be read.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    lines = [
        f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}"
        for key, value in to_dict(segmentation).items()
    ]
    atomic_write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")
