"""CSV: a table of segments for spreadsheets and scripts."""

import csv
import io
from pathlib import Path

from explainable_seg.files import atomic_write_text
from explainable_seg.inference.segmentation import Segmentation


def write_csv(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as the columns ``start,end,label``.

    Times are in seconds. Nothing found gives the header alone.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["start", "end", "label"])
    for segment in segmentation.segments:
        table.writerow(
            [f"{segment.start:.4f}", f"{segment.end:.4f}", segment.label]
        )
    atomic_write_text(path, text.getvalue())
