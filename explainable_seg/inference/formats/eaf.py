"""ELAN: one tier a label."""

from pathlib import Path

from explainable_seg.files import atomic_path
from explainable_seg.inference.segmentation import Segmentation


def write_eaf(segmentation: Segmentation, path: Path) -> None:
    """Write a segmentation as an ELAN file.

    Each class has a tier, also where it was not found. Times are rounded to
    the format's millisecond; a segment shorter than that is left out.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    """
    from pympi.Elan import Eaf

    document = Eaf(author="explainable-seg")
    document.remove_tier("default")
    for label in segmentation.labels:
        document.add_tier(label)
        for span in segmentation.spans(label):
            start, end = (round(1000 * second) for second in span)
            if start < end:
                document.add_annotation(label, start, end, label)
    with atomic_path(path) as temporary:
        document.to_file(str(temporary))
