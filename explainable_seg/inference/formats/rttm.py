"""RTTM: one line a segment, its class in column 8."""

from pathlib import Path

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
    # Imported on use: pyannote.core takes longer than printing a --help.
    from explainable_seg.annotation import rttm

    rttm.write_rttm(path, segmentation.to_annotation())
