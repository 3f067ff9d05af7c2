"""Audacity labels: start, end and label, separated by tabs."""

from pathlib import Path

from explainable_seg.files import atomic_write_text
from explainable_seg.inference.segmentation import Segmentation


def write_audacity(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as a label track of Audacity.

    Times are in seconds. Nothing found gives an empty file.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    lines = [
        f"{segment.start:.6f}\t{segment.end:.6f}\t{segment.label}\n"
        for segment in segmentation.segments
    ]
    atomic_write_text(path, "".join(lines))
