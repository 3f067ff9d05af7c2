"""RTTM: one line a segment, its class in column 8."""

from pathlib import Path

from explainable_seg.annotation.fields import writable_field
from explainable_seg.annotation.rttm_text import rounded_rows, speaker_lines
from explainable_seg.files import atomic_write_text
from explainable_seg.inference.segmentation import Segmentation


def write_rttm(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as RTTM; nothing found gives an empty file.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    uri = writable_field(segmentation.uri, "uri", path)
    found = ((s.start, s.end, s.label) for s in segmentation.segments)
    rows = rounded_rows(found, path)
    atomic_write_text(path, speaker_lines(uri, rows))
