"""ELAN: one tier a label."""

import mimetypes
import os
from pathlib import Path
from urllib.parse import quote

from explainable_seg.files import atomic_path
from explainable_seg.inference.segmentation import Segmentation

# The format wants a date. That of writing would make every run's files others.
NO_DATE = "1970-01-01T00:00:00+00:00"
ANY_MEDIA = "application/octet-stream"


def write_eaf(
    segmentation: Segmentation, path: Path, media: Path | None = None
) -> None:
    """Write a segmentation as an ELAN file.

    Each class has a tier, also where it was not found. Times are rounded to
    the format's millisecond; a segment shorter than that is left out.

    Arguments
    ---------
    segmentation : Segmentation
        What was found.
    path : pathlib.Path
        The file to write.
    media : pathlib.Path, optional
        The recording, which ELAN opens with the file.
    """
    from pympi.Elan import Eaf

    document = Eaf(author="explainable-seg")
    document.adocument["DATE"] = NO_DATE
    document.remove_tier("default")
    if media is not None:
        document.add_linked_file(*_links(media, path.parent))
    for label in segmentation.labels:
        document.add_tier(label)
        for span in segmentation.spans(label):
            start, end = (round(1000 * second) for second in span)
            if start < end:
                document.add_annotation(label, start, end, label)
    with atomic_path(path) as temporary:
        document.to_file(str(temporary))


def _links(media: Path, folder: Path) -> tuple[str, str, str]:
    """Address of a recording, also from a folder, and its type."""
    whole = media.absolute().as_uri()
    relative = os.path.relpath(media.absolute(), folder.absolute())
    kind, _ = mimetypes.guess_type(whole)
    return whole, quote(os.fsencode(f"./{relative}")), kind or ANY_MEDIA
