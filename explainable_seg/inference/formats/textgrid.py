"""Praat TextGrid: one interval tier a label."""

from pathlib import Path

from explainable_seg.files import atomic_path
from explainable_seg.inference.segmentation import Segmentation


def write_textgrid(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as a TextGrid of Praat, long text format.

    Each class has a tier, also where it was not found. The tiers last from 0
    to the end of what was segmented.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    from praatio import textgrid

    grid = textgrid.Textgrid()
    for label in segmentation.labels:
        entries = [(a, b, label) for a, b in segmentation.spans(label)]
        grid.addTier(
            textgrid.IntervalTier(label, entries, 0.0, segmentation.end)
        )
    with atomic_path(path) as temporary:
        grid.save(
            str(temporary),
            format="long_textgrid",
            includeBlankSpaces=True,
            # None: by default, intervals below 0.01 s would be swallowed.
            minimumIntervalLength=None,
        )
